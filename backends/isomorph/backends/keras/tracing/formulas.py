"""Values as sums of products, so that what normalises is known by what it computes.

TensorFlow and Keras have no operation for most of them: they scale by gamma / sqrt(variance + epsilon), in one order of
single operations or another. Multiplied out, all of them are the same sum: of a model's own tensors in a batch norm at
inference, of means and variances of a value in all others.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TypeGuard

from isomorph.backends.graphs.graph import Read, Tensor
from isomorph.backends.graphs.layout import Layout
from isomorph.spec.tensors import BETA, GAMMA, MOVING_MEAN, MOVING_VARIANCE

MOST_TERMS = 4
"""What has more of them is no part of a normalisation, and is not followed."""

MOST_STEPS = 8
"""As many operations at most may lead from a value to the normalised one."""


@dataclass(frozen=True, eq=False)
class Statistic:
    """The mean of a value over axes, or its (biased) variance."""

    of: Read
    axes: tuple[int, ...]
    is_variance: bool = False

    @property
    def key(self) -> Hashable:
        """What is the same for the same statistic of the same value."""
        return self.of.source, _key_of(self.of.layout), self.axes, self.is_variance


@dataclass(frozen=True)
class Factor:
    """A tensor or a statistic, or where there is an epsilon, the root of its sum with it."""

    value: Tensor | Statistic = field(compare=False)
    key: Hashable
    epsilon: float | None = None

    @classmethod
    def of(cls, value: Tensor | Statistic) -> "Factor":
        """Return a tensor or a statistic as it is."""
        key = value.key if isinstance(value, Statistic) else (id(value.stored), _key_of(value.layout))
        return cls(value, key)


def _key_of(layout: Layout) -> Hashable:
    return layout.shape, layout.strides, layout.offset, id(layout.index)


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
    def of(cls, value: Tensor | Statistic) -> "Formula":
        """Return a tensor, or a statistic."""
        return cls({frozenset([(Factor.of(value), 1)]): 1.0})

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
        return Formula({frozenset([(Factor(factor.value, factor.key, epsilon), 1)]): 1.0})

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
    steps: how many operations lead from it.
    """

    start: Read
    scale: Formula = field(default_factory=lambda: Formula.number(1.0))
    shift: Formula = field(default_factory=lambda: Formula.number(0.0))
    steps: int = 0

    def then(self, scale: Formula, shift: Formula) -> "Line":
        """Return the line behind one more operation."""
        return Line(self.start, self.scale * scale, self.shift * scale + shift, self.steps + 1)

    @property
    def is_short(self) -> bool:
        """Whether it may still normalise."""
        return self.scale.is_short and self.shift.is_short and self.steps <= MOST_STEPS

    @property
    def centred_over(self) -> tuple[int, ...] | None:
        """The axes of the mean that is subtracted from the other value; None where something else happens to it."""
        if self.scale != Formula.number(1.0) or list(self.shift.terms.values()) != [-1]:
            return None
        (product,) = self.shift.terms
        mean = _only(product)
        return mean.axes if _is_of(mean, self.start) and not mean.is_variance else None


def _is_of(value: Tensor | Statistic | None, start: Read) -> TypeGuard[Statistic]:
    """Return whether a value is a statistic of another one."""
    return isinstance(value, Statistic) and (value.of.source, _key_of(value.of.layout)) == (
        start.source,
        _key_of(start.layout),
    )


@dataclass(frozen=True)
class Normalization:
    """gamma / sqrt(variance + epsilon) * (x - mean) + beta.

    tensors: gamma and beta, where there are any, and of a batch norm at inference mean and variance, by leaf.
    axes: over which the mean and the variance are those of x; None of a batch norm at inference.
    """

    epsilon: float
    tensors: dict[str, Tensor]
    axes: tuple[int, ...] | None = None


def as_normalization(line: Line) -> Normalization | None:
    """Return what a line is if it normalises; None where it does not."""
    if len(line.scale.terms) != 1:
        return None
    ((scale, coefficient),) = line.scale.terms.items()
    deviations = [factor for factor, power in scale if factor.epsilon is not None and power == -1]
    gammas = [factor.value for factor, power in scale if factor.epsilon is None and power == 1]
    if coefficient != 1 or len(deviations) != 1 or len(gammas) != len(scale) - 1 or len(gammas) > 1:
        return None
    means: list[Tensor | Statistic] = []
    betas: list[Tensor | Statistic] = []
    for product, times in line.shift.terms.items():
        mean, beta = _only(_multiplied(product, _inverse(scale))), _only(product)
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
    affine = [*zip([GAMMA], gammas, strict=False), *zip([BETA], betas, strict=False)]
    tensors = {leaf: value for leaf, value in affine if isinstance(value, Tensor)}
    if len(tensors) != len(affine):
        return None
    mean, variance = means[0], deviation.value
    if isinstance(mean, Tensor) and isinstance(variance, Tensor):
        return Normalization(deviation.epsilon, tensors | {MOVING_MEAN: mean, MOVING_VARIANCE: variance})
    if not (_is_of(mean, line.start) and _is_of(variance, line.start)):
        return None
    if mean.axes != variance.axes or mean.is_variance or not variance.is_variance:
        return None
    return Normalization(deviation.epsilon, tensors, mean.axes)


def _inverse(product: Product) -> Product:
    return frozenset((factor, -power) for factor, power in product)


def _only(product: Product) -> Tensor | Statistic | None:
    """Return the only factor of a product, if it is there as it is."""
    values = [factor.value for factor, power in product if power == 1 and factor.epsilon is None]
    return values[0] if len(values) == len(product) == 1 else None
