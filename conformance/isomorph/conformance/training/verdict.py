"""What "the same training" means: the error of each gradient, statistic and tensor, and how much of it may be noise.

An error is the L2 distance from the float64 oracle, relative to the tensor's own norm or, where the right value is zero
or no larger than eight noise floors, to the largest norm in its unit. Up to eight noise floors pass. The noise floor of
a unit is the largest of its tensors': the error of the oracle itself in float32, in two orders of summation, or more
where a unit's errors are of few values. All tensors of a unit share what flows back into it, and two evaluations of a
beta of four values may agree by luck. Float64's floors are float32's, in the ratio of the roundoffs.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from isomorph.backends.protocol import Array
from isomorph.conformance.verdict import FLOORS, UNIT_ROUNDOFF, Outcome, by, noise, norm

Named = Mapping[str, Array]
"""Gradients, statistics or tensors by name, in the order in which they arise."""


@dataclass(frozen=True)
class TensorVerdict:
    """One gradient, statistic or tensor of one backend.

    error: its distance from the oracle's, relative to its norm or, if `is_zero`, to the largest norm in its unit;
        infinite where shapes differ or a value is not finite.
    limit: the largest error that passes.
    """

    name: str
    shape: tuple[int, ...]
    error: float
    limit: float
    is_zero: bool

    @property
    def verdict(self) -> Outcome:
        """The verdict: whether the error is within its limit."""
        return "pass" if self.error <= self.limit else "fail"

    @property
    def share(self) -> float:
        """The error divided by its limit; up to 1 passes. Where the limit is zero, it is zero or infinite."""
        if self.limit:
            return self.error / self.limit
        return float("inf") if self.error else 0.0


@dataclass(frozen=True)
class TrainingVerdict:
    """One quantity, such as "gradients", of one backend in one dtype; `tensors` are in the order in which they arise.

    precision: the precision in which the device proved to compute, where that was tested.
    """

    quantity: str
    dtype: str
    verdict: Outcome
    message: str = ""
    first_divergence: str | None = None
    tensors: tuple[TensorVerdict, ...] = field(default=())
    precision: str | None = None

    @property
    def worst(self) -> TensorVerdict | None:
        """The tensor with the largest share of its limit."""
        return max(self.tensors, key=lambda tensor: tensor.share, default=None)


@dataclass(frozen=True)
class Criterion:
    """The right values, in float64, and the largest errors that may be noise.

    scales: the norm to which each error is relative. limits: the largest relative errors that pass. zeros: the names
        whose scale is not their own norm.
    """

    expected: Named = field(repr=False)
    scales: Mapping[str, float]
    limits: Mapping[str, float]
    zeros: frozenset[str] = frozenset()

    def judge(self, quantity: str, dtype: str, found: Named) -> TrainingVerdict:
        """Judge a backend's values, which pass when every tensor does."""
        if set(found) != set(self.expected):
            first = next(iter(self.expected.keys() ^ found.keys()))
            why = (
                f"there is no {first}"
                if first in self.expected
                else f"there is {first}, which the oracle does not have"
            )
            return TrainingVerdict(quantity, dtype, "fail", why, first)
        tensors = tuple(self._judge_one(name, found[name]) for name in self.expected)
        first_bad = next((tensor for tensor in tensors if tensor.verdict == "fail"), None)
        if first_bad is None:
            return TrainingVerdict(quantity, dtype, "pass", tensors=tensors)
        return TrainingVerdict(quantity, dtype, "fail", self._explain(first_bad), first_bad.name, tensors)

    def _judge_one(self, name: str, found: Array) -> TensorVerdict:
        expected, scale, error = self.expected[name], self.scales[name], float("inf")
        if found.shape == expected.shape and np.isfinite(found).all():
            distance = float(np.linalg.norm((found - expected).ravel()))
            # Where all of a unit is zero, only zero is right; the square of a tiny value would be zero, too.
            error = distance / scale if scale else 0.0 if np.array_equal(found, expected) else error
        return TensorVerdict(name, found.shape, error, self.limits[name], name in self.zeros)

    def _explain(self, first: TensorVerdict) -> str:
        if first.shape != self.expected[first.name].shape:
            return f"{first.name} is {by(first.shape)}, the oracle's is {by(self.expected[first.name].shape)}"
        of = "the largest in its unit" if first.is_zero else "its norm"
        return f"{first.name} is the first to differ, by {first.error:.3g} of {of}; up to {first.limit:.3g} passes"


def in_noise_floors(
    expected: Named,
    evaluations: Iterable[Named],
    unit_of: Callable[[str], str],
    zeros: Iterable[str] = (),
    bounded: Collection[str] = (),
) -> dict[str, Criterion]:
    """Return the criteria of float32 and of float64, by dtype.

    expected: the oracle's values, in float64. evaluations: the oracle's in float32, each in another order of summation,
        computed when they are needed.
    unit_of: returns the name of a tensor's unit. zeros: the names of those that are zero by the network's structure.
    bounded: the names of those that every evaluation moves as far as noise can take them.
    """
    norms = {name: norm(value) for name, value in expected.items()}
    measured = noise(expected, evaluations, unit_of, bounded)
    hidden = frozenset(zeros) | {name for name, size in norms.items() if FLOORS * measured[name] >= size}
    scales = scaled(norms, unit_of, hidden)
    floors: dict[str, float] = {}
    for name, error in measured.items():
        floors[unit_of(name)] = max(floors.get(unit_of(name), 0.0), error / scales[name] if scales[name] else 0.0)
    criteria = {}
    for dtype, roundoff in (("float64", UNIT_ROUNDOFF["float64"]), ("float32", UNIT_ROUNDOFF["float32"])):
        ratio = roundoff / UNIT_ROUNDOFF["float32"]
        limits = {name: FLOORS * max(roundoff, ratio * floors[unit_of(name)]) for name in expected}
        criteria[dtype] = Criterion(expected, scales, limits, hidden)
    return criteria


def within(expected: Named, limit: float, unit_of: Callable[[str], str], zeros: Iterable[str] = ()) -> Criterion:
    """Return the criterion of errors up to `limit`, whatever the dtype."""
    norms = {name: norm(value) for name, value in expected.items()}
    hidden = frozenset(zeros) | {name for name, size in norms.items() if size == 0}
    return Criterion(expected, scaled(norms, unit_of, hidden), dict.fromkeys(expected, limit), hidden)


def scaled(norms: Mapping[str, float], unit_of: Callable[[str], str], zeros: frozenset[str]) -> dict[str, float]:
    """Return each tensor's own norm; for one of `zeros`, the largest norm in its unit."""
    largest: dict[str, float] = {}
    for name, size in norms.items():
        largest[unit_of(name)] = max(largest.get(unit_of(name), 0.0), size)
    return {name: largest[unit_of(name)] if name in zeros else size for name, size in norms.items()}
