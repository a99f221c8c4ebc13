"""Constants as sums of products of a model's own tensors, so that a batch norm is known by what it computes.

TensorFlow and Keras have no operation for the batch norm of inference: they scale by gamma / sqrt(variance + epsilon),
in one order of single operations or another. Multiplied out, all of them are the same sum.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

from isomorph.backends.graphs.graph import Read, Tensor
from isomorph.spec.tensors import BETA, GAMMA, MOVING_MEAN, MOVING_VARIANCE

MOST_TERMS = 4
"""What has more of them is no part of a batch norm, and is not followed."""

MOST_STEPS = 8
"""As many operations at most may a batch norm be made of."""


@dataclass(frozen=True)
class Factor:
    """A tensor, or where there is an epsilon, the root of its sum with it."""

    tensor: Tensor = field(compare=False)
    key: Hashable
    epsilon: float | None = None

    @classmethod
    def of(cls, tensor: Tensor) -> "Factor":
        """Return a tensor as it is."""
        layout = tensor.layout
        key = id(tensor.stored), layout.shape, layout.strides, layout.offset, id(layout.index)
        return cls(tensor, key)


Product = frozenset[tuple[Factor, int]]
"""Factors with their powers."""

ONE: Product = frozenset()


@dataclass(frozen=True)
class Formula:
    """A sum of products, each times its coefficient.

    >>> import numpy as np
    >>> gamma = Formula.of(Tensor.computed(np.ones(3)))
    >>> (gamma + gamma * Formula.number(-1)).terms
    {}
    """

    terms: dict[Product, float]

    @classmethod
    def number(cls, value: float) -> "Formula":
        """Return a number."""
        return cls({ONE: value} if value else {})

    @classmethod
    def of(cls, tensor: Tensor) -> "Formula":
        """Return a tensor."""
        return cls({frozenset([(Factor.of(tensor), 1)]): 1.0})

    def __add__(self, other: "Formula") -> "Formula":
        terms = dict(self.terms)
        for product, coefficient in other.terms.items():
            terms[product] = terms.get(product, 0.0) + coefficient
        return Formula({product: coefficient for product, coefficient in terms.items() if coefficient})

    def __mul__(self, other: "Formula") -> "Formula":
        total = Formula({})
        for first, times in self.terms.items():
            for second, more in other.terms.items():
                total += Formula({_multiplied(first, second): times * more})
        return total

    def __neg__(self) -> "Formula":
        return self * Formula.number(-1.0)

    def inverse(self) -> "Formula | None":
        """Return one divided by it; None where it is a sum."""
        if len(self.terms) != 1:
            return None
        ((product, coefficient),) = self.terms.items()
        return Formula({_inverse(product): 1 / coefficient})

    def root(self) -> "Formula | None":
        """Return the square root of a tensor, plus a number; None where it is something else."""
        epsilon = self.terms.get(ONE, 0.0)
        products = [product for product in self.terms if product != ONE]
        if len(products) != 1 or self.terms[products[0]] != 1 or len(products[0]) != 1:
            return None
        ((factor, power),) = products[0]
        if power != 1 or factor.epsilon is not None:
            return None
        return Formula({frozenset([(Factor(factor.tensor, factor.key, epsilon), 1)]): 1.0})

    @property
    def is_short(self) -> bool:
        """Whether it has few enough terms to be followed."""
        return len(self.terms) <= MOST_TERMS


def _multiplied(first: Product, second: Product) -> Product:
    powers = dict(first)
    for factor, power in second:
        powers[factor] = powers.get(factor, 0) + power
    return frozenset((factor, power) for factor, power in powers.items() if power)


@dataclass(frozen=True)
class Line:
    """A value as `scale` times another one plus `shift`.

    start: the other one.
    nodes: the numbers of the nodes in between.
    """

    start: Read
    scale: Formula = field(default_factory=lambda: Formula.number(1.0))
    shift: Formula = field(default_factory=lambda: Formula.number(0.0))
    nodes: tuple[int, ...] = ()

    def then(self, scale: Formula, shift: Formula, node: int) -> "Line":
        """Return the line behind one more operation."""
        return Line(self.start, self.scale * scale, self.shift * scale + shift, (*self.nodes, node))

    @property
    def is_short(self) -> bool:
        """Whether it may still become a batch norm."""
        return self.scale.is_short and self.shift.is_short and len(self.nodes) <= MOST_STEPS


def as_batch_norm(line: Line) -> tuple[float, dict[str, Tensor]] | None:
    """Return epsilon and the tensors of a batch norm by leaf; None of a line that is none.

    It is gamma / sqrt(variance + epsilon) * (x - mean) + beta, where gamma and beta may be left out.
    """
    if len(line.scale.terms) != 1:
        return None
    ((scale, coefficient),) = line.scale.terms.items()
    deviations = [factor for factor, power in scale if factor.epsilon is not None and power == -1]
    gammas = [factor for factor, power in scale if factor.epsilon is None and power == 1]
    if coefficient != 1 or len(deviations) != 1 or len(gammas) != len(scale) - 1 or len(gammas) > 1:
        return None
    means: list[Tensor] = []
    betas: list[Tensor] = []
    for product, times in line.shift.terms.items():
        mean, beta = _as_tensor(_multiplied(product, _inverse(scale))), _as_tensor(product)
        if times == -1 and mean:
            means.append(mean)
        elif times == 1 and beta:
            betas.append(beta)
        else:
            return None
    if len(means) != 1 or len(betas) > 1:
        return None
    (deviation,) = deviations
    assert deviation.epsilon is not None
    tensors = {MOVING_MEAN: means[0], MOVING_VARIANCE: deviation.tensor}
    if gammas:
        tensors[GAMMA] = gammas[0].tensor
    if betas:
        tensors[BETA] = betas[0]
    return deviation.epsilon, tensors


def _inverse(product: Product) -> Product:
    return frozenset((factor, -power) for factor, power in product)


def _as_tensor(product: Product) -> Tensor | None:
    """Return the only factor of a product, if it is a tensor as it is."""
    tensors = [factor.tensor for factor, power in product if power == 1 and factor.epsilon is None]
    return tensors[0] if len(tensors) == len(product) == 1 else None
