"""Read Einstein's sums of two operands as products of matrices, which they are but for the order of their axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Self

from isomorph.backends.array_forms import Array


@dataclass(frozen=True)
class Contraction:
    """A sum over products of two operands, each axis of which has a letter.

    first, second, result: the letters of the operands and of the result.

    >>> import numpy as np
    >>> contraction = Contraction.read("bhqd,bhkd->bhqk")
    >>> q, k = np.ones((2, 3, 5, 7)), np.ones((2, 3, 4, 7))
    >>> contraction.left(q).shape, contraction.right(k).shape
    ((2, 3, 5, 7), (2, 3, 7, 4))
    """

    first: str
    second: str
    result: str

    @classmethod
    def read(cls, equation: str) -> Self | None:
        """Return the sum that an equation says; None of one that is no single product of matrices."""
        operands, arrow, result = equation.replace(" ", "").partition("->")
        if operands.count(",") != 1 or "." in equation:
            return None
        first, second = operands.split(",")
        if not arrow:  # NumPy's rule: the letters that are there once, in their order
            result = "".join(sorted(each for each in {*first, *second} if (first + second).count(each) == 1))
        alone = (set(first) ^ set(second)) - set(result)
        repeated = any(len(set(letters)) != len(letters) for letters in (first, second, result))
        return None if alone or repeated or not set(result) <= {*first, *second} else cls(first, second, result)

    @property
    def turned(self) -> "Contraction":
        """The same sum with its operands exchanged."""
        return Contraction(self.second, self.first, self.result)

    @property
    def batch(self) -> str:
        """The axes along which each product is one by itself."""
        return "".join(each for each in self.result if each in self.first and each in self.second)

    @property
    def rows(self) -> str:
        """The axes of the result that the first operand alone has."""
        return "".join(each for each in self.result if each not in self.second)

    @property
    def columns(self) -> str:
        """The axes of the result that the second operand alone has."""
        return "".join(each for each in self.result if each not in self.first)

    @property
    def summed(self) -> str:
        """The axes that are summed over."""
        return "".join(each for each in self.first if each not in self.result)

    def left(self, x: Array) -> Array:
        """Return the first operand as [*batch, rows, summed]."""
        return _grouped(x, self.first, self.batch, (self.rows, self.summed))

    def right(self, x: Array) -> Array:
        """Return the second operand as [*batch, summed, columns]."""
        return _grouped(x, self.second, self.batch, (self.summed, self.columns))

    def forward(self, x: Array) -> Array:
        """Return the result as [*batch, rows, columns]."""
        return _grouped(x, self.result, self.batch, (self.rows, self.columns))

    def back(self, x: Array, shape: Sequence[int]) -> Array:
        """Undo `forward` of a result of this shape."""
        order = self.batch + self.rows + self.columns
        lengths = dict(zip(self.result, shape, strict=True))
        return x.reshape([lengths[each] for each in order]).transpose([order.index(each) for each in self.result])


def _grouped(x: Array, letters: str, batch: str, groups: Sequence[str]) -> Array:
    """Move the axes of `x` into the order of `batch` and `groups`, and join those of each group."""
    order = batch + "".join(groups)
    moved = x.transpose([letters.index(each) for each in order])
    lengths = dict(zip(order, moved.shape, strict=True))
    joined = [prod(lengths[each] for each in group) for group in groups]
    return moved.reshape([lengths[each] for each in batch] + joined)
