"""Layouts: how a value is read that lies in memory as another one, without an operation.

A reshape, a transposition, a slice, a split, a repetition and any mixture of them choose, for each element of the
result, one element of the source. A `Layout` is that choice. Whatever a framework calls them, such operations vanish
from a graph into the layouts of those who read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Self

import numpy as np

from isomorph.backends.array_forms import Array

Shape = tuple[int, ...]

Move = Callable[[Array], Any]
"""Takes an array and returns one of its elements, moved; a framework's own operation may do so, too."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Which element of a flat source each element is.

    size: the number of the source's elements.
    shape: the axes of what is read.
    strides, offset: element [i, j, ...] is number offset + i * strides[0] + j * strides[1] + ... of the source.
    index: where distances are not equal, the number of each element in the source; None where they are.

    >>> columns = Layout.whole((2, 3)).moved(lambda numbers: numbers.T)
    >>> columns.shape, columns.strides
    ((3, 2), (1, 3))
    >>> columns.take(np.array([[0, 1, 2], [3, 4, 5]]))
    array([[0, 3],
           [1, 4],
           [2, 5]])
    >>> columns.moved(lambda numbers: numbers.T).is_whole
    True
    """

    size: int
    shape: Shape
    strides: Shape
    offset: int = 0
    index: Array | None = None

    @classmethod
    def whole(cls, shape: Shape) -> Self:
        """Return the layout of a value of these axes that is read as it lies."""
        return cls(prod(shape), tuple(shape), _strides_of(shape))

    @classmethod
    def of(cls, numbers: Array, size: int) -> Self:
        """Return the layout that reads the elements of these numbers, of a source of `size` elements."""
        shape = numbers.shape
        if not numbers.size:
            return cls(size, shape, _strides_of(shape))
        first = [0] * numbers.ndim
        offset = int(numbers[tuple(first)])
        strides = []
        for axis, length in enumerate(shape):
            second = first.copy()
            second[axis] = min(1, length - 1)
            strides.append(int(numbers[tuple(second)]) - offset)
        strided = cls(size, shape, tuple(strides), offset)
        if strided._stays_inside() and np.array_equal(strided.numbers(), numbers):
            return strided
        return cls(size, shape, (), 0, np.ascontiguousarray(numbers, np.int64))

    @property
    def is_whole(self) -> bool:
        """Whether it reads all elements in the order in which they lie, whatever the axes."""
        if self.index is not None or self.offset or prod(self.shape) != self.size:
            return False
        lengths = zip(self.shape, self.strides, _strides_of(self.shape), strict=True)
        return all(length == 1 or stride == plain for length, stride, plain in lengths)

    @property
    def reads_all_once(self) -> bool:
        """Whether it reads every element of the source, and none twice."""
        if prod(self.shape) != self.size:
            return False
        if self.index is not None:
            return len(np.unique(self.index)) == self.size
        return not self.size or self._in_order().is_whole

    def numbers(self) -> Array:
        """Return the number of each element in the source, often as a view: nothing may write to it."""
        return self.take(np.arange(self.size))

    def take(self, x: Array) -> Array:
        """Return the elements of `x`, whatever its axes; where distances are equal, as a view of a contiguous `x`.

        Raises ValueError where `x` has another number of elements than the source: nothing outside it is read.
        """
        flat = np.ascontiguousarray(x).reshape(-1)
        if flat.size != self.size:
            raise ValueError(f"A layout of {self.size} elements cannot be read of {flat.size}.")
        if self.index is not None:
            return flat[self.index]
        steps = tuple(stride * flat.itemsize for stride in self.strides)
        return np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, steps)

    def scatter(self, x: Array) -> Array:
        """Return the flat source of which `x` is read: the inverse of `take`, of a layout that reads all elements once.

        >>> Layout.whole((2, 3)).moved(np.transpose).scatter(np.array([[0, 3], [1, 4], [2, 5]]))
        array([0, 1, 2, 3, 4, 5])
        """
        if self.index is None:
            forward = x[tuple(slice(None, None, -1 if stride < 0 else 1) for stride in self.strides)]
            return forward.transpose(self._by_stride()).reshape(-1)
        source = np.empty(self.size, x.dtype)
        source[self.index.reshape(-1)] = x.reshape(-1)
        return source

    def moved(self, move: Move) -> Self:
        """Return the layout of what `move` makes of that which this one reads."""
        (layout,) = self.moved_to(lambda x: [move(x)])
        return layout

    def moved_to(self, move: Callable[[Array], Sequence[Any]]) -> list[Self]:
        """Return the layouts of all that `move` makes of that which this one reads.

        What is a view of the source says so by its strides. Else the elements' numbers are moved.
        """
        if self.index is None:
            space = np.empty(self.size, np.int8)  # nothing reads it, so that it costs no memory
            views = [self._of_view(np.asarray(x), space) for x in move(self.take(space))]
            if None not in views:
                return [view for view in views if view is not None]
        return [type(self).of(np.asarray(x), self.size) for x in move(self.numbers())]

    def then(self, other: "Layout") -> Self:
        """Return the layout of what `other` reads of that which this one reads."""
        if other.is_whole:
            return self.moved(lambda x: x.reshape(other.shape))
        if self.is_whole:
            return replace(self, shape=other.shape, strides=other.strides, offset=other.offset, index=other.index)
        return type(self).of(other.take(self.numbers()), self.size)

    def _of_view(self, view: Array, space: Array) -> Self | None:
        """Return the layout of a view of `space`; None of what is no view of it."""
        offset = view.__array_interface__["data"][0] - space.__array_interface__["data"][0]
        if not view.size or view.dtype != space.dtype or not 0 <= offset < max(space.size, 1):
            return None
        return type(self)(self.size, view.shape, view.strides, offset)

    def _stays_inside(self) -> bool:
        """Return whether all elements are ones of the source."""
        reach = [(length - 1) * stride for length, stride in zip(self.shape, self.strides, strict=True)]
        first = self.offset + sum(step for step in reach if step < 0)
        last = self.offset + sum(step for step in reach if step > 0)
        return first >= 0 and last < self.size

    def _by_stride(self) -> list[int]:
        """Return the axes in the order of their strides, the longest first, in whichever direction."""
        return sorted(range(len(self.shape)), key=lambda axis: (-abs(self.strides[axis]), axis))

    def _in_order(self) -> Self:
        """Return this layout with its axes in the order of their strides, all of them forward."""
        axes = [axis for axis in self._by_stride() if self.shape[axis] > 1]
        backward = sum((self.shape[axis] - 1) * self.strides[axis] for axis in axes if self.strides[axis] < 0)
        return replace(
            self,
            shape=tuple(self.shape[axis] for axis in axes),
            strides=tuple(abs(self.strides[axis]) for axis in axes),
            offset=self.offset + backward,
        )


def _strides_of(shape: Shape) -> Shape:
    """Return the strides of a C-contiguous array, in elements."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
