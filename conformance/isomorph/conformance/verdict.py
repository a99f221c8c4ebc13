"""What "the same" means: errors against the float64 oracle, counted in noise floors. No tolerance is tuned anywhere.

The error of an end point is the relative L2 distance from the oracle. Its noise floor in a dtype is the largest error
of the oracle itself, evaluated in that dtype in several orders of summation, or the dtype's unit roundoff where that is
larger. Two orders are enough where errors are of many values. Where they are of few, up to eight are evaluated: two may
have next to no error by luck. Up to eight floors pass.
Honest backends have 0.5 to 2 floors, at most 4 on the smallest maps (docs/noise_floors.md); TF32 has 1670, and epsilon
2e-5 for 1e-5 has 46, on a network of a few channels.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Literal

import numpy as np

from isomorph.backends.protocol import Array
from isomorph.spec import BadInput

EndPoints = Mapping[str, Array]
"""End point -> [N, h, w, C]."""

Outcome = Literal["pass", "fail", "unavailable"]

FLOORS = 8.0
"""The largest error that passes, in noise floors."""

ENOUGH = 64.0
"""The effective number of values that errors of the oracle need, to measure noise: see `noise`."""

UNIT_ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}


@dataclass(frozen=True)
class EndPointVerdict:
    """One end point of one backend in one dtype.

    shape: [N, h, w, C], the backend's.
    rel_l2, max_abs: distance from the float64 oracle; infinite where shapes differ or a value is not finite.
    noise_ratio: `rel_l2` in noise floors.
    local_noise_ratio: the same, where the part that makes this end point runs alone on the oracle's own input; None
        where it was not run so.
    """

    name: str
    shape: tuple[int, ...]
    rel_l2: float
    max_abs: float
    noise_ratio: float
    local_noise_ratio: float | None
    verdict: Outcome

    @property
    def origin(self) -> str:
        """Where the error comes from, in words; empty where the part was not run alone."""
        if self.local_noise_ratio is None:
            return ""
        return "the error is born there" if self.local_noise_ratio > FLOORS else "the error is inherited"


@dataclass(frozen=True)
class RunVerdict:
    """One backend in one dtype.

    precision: the precision in which the device proved to compute.
    message: why, where the dtype is unavailable; else what differs, and whether the error arises there.
    first_divergence: the first end point, in network order, whose error is more than noise.
    """

    dtype: str
    precision: str | None
    verdict: Outcome
    message: str = ""
    first_divergence: str | None = None
    end_points: tuple[EndPointVerdict, ...] = field(default=())

    @property
    def worst(self) -> EndPointVerdict | None:
        """The end point with the largest error in noise floors."""
        return max(self.end_points, key=lambda end_point: end_point.noise_ratio, default=None)

    @property
    def divergence(self) -> EndPointVerdict | None:
        """The first end point that differs; None where there is none, and where its error is no number."""
        first = next((each for each in self.end_points if each.name == self.first_divergence), None)
        return first if first and np.isfinite(first.noise_ratio) else None


def relative_l2(found: Array, reference: Array) -> float:
    """Return ||found - reference|| / ||reference|| in float64; infinite if shapes differ or a value is not finite.

    >>> relative_l2(np.array([3.0, 4.0]), np.array([3.0, 5.0]))
    0.17149858514250882
    """
    return _distance(found, reference)[0] / norm(reference)


def norm(x: Array) -> float:
    """Return ||x|| in float64."""
    return float(np.linalg.norm(_flat(x)))


def _distance(found: Array, reference: Array) -> tuple[float, Array]:
    """Return ||found - reference||, and the flat differences; they mean nothing where it is infinite."""
    if found.shape != reference.shape:
        return float("inf"), np.empty(0)
    # Values that are not finite make the norm so, as do values so wrong that their squares are infinite: a search for
    # them in the maps would take as long as all the rest.
    with np.errstate(over="ignore", invalid="ignore"):
        difference = found.reshape(-1) - _flat(reference)
        length = float(np.linalg.norm(difference))
    return (length if np.isfinite(length) else float("inf")), difference


def noise_floors(reference: EndPoints, evaluations: Iterable[EndPoints], dtype: str) -> dict[str, float]:
    """Return the noise floor of every end point in `dtype`: its `noise`, relative to its norm, or the unit roundoff.

    reference: the oracle's float64 end points.
    evaluations: the oracle's in `dtype`, each in another order of summation, computed when they are needed.
    Raises BadInput for an end point of zero norm, on which no verdict is possible.
    """
    for name, exact in reference.items():
        if not np.any(exact):
            raise BadInput(
                f"The network answers nothing but zeros at {name}, so that agreement there would mean nothing; other"
                " images or weights are needed."
            )
    measured = noise(reference, evaluations)
    return {name: max(UNIT_ROUNDOFF[dtype], measured[name] / norm(exact)) for name, exact in reference.items()}


def noise(
    exact: EndPoints,
    evaluations: Iterable[EndPoints],
    unit_of: Callable[[str], str] = lambda name: name,
    bounded: Collection[str] = (),
) -> dict[str, float]:
    """Return the largest L2 distance of each array from the exact one, among as many evaluations as are needed.

    Two, and more until the errors of every unit are of ENOUGH values, those of its tensor with the most: the error of
    two evaluations in a single value is next to nothing by luck once in hundreds of times.

    unit_of: returns the name of the unit that an array shares its noise with; by default its own.
    bounded: the names of those that every evaluation moves as far as noise can take them, without luck.
    """
    largest = dict.fromkeys(exact, 0.0)
    values = {unit_of(name): 0.0 for name in exact if name not in bounded}
    for number, evaluation in enumerate(evaluations, start=1):
        new_values: dict[str, float] = {}
        for name, right in exact.items():
            distance, difference = _distance(evaluation[name], right)
            largest[name] = max(largest[name], distance)
            unit = unit_of(name)
            if values.get(unit, ENOUGH) < ENOUGH:
                count = values_in(difference) if np.isfinite(distance) else ENOUGH
                new_values[unit] = max(new_values.get(unit, 0.0), count)
        for unit, count in new_values.items():
            values[unit] += count
        if number > 1 and min(values.values(), default=ENOUGH) >= ENOUGH:
            break
    return largest


def values_in(error: Array) -> float:
    """Return the effective number of values in an error: Kish's effective sample size of its squares.

    1 where a single value makes it; the size where all values contribute alike, and where the error is zero.

    >>> values_in(np.array([2.0, 0.0, 0.0, 0.0])), values_in(np.array([2.0, 2.0, -2.0, 2.0]))
    (1.0, 4.0)
    """
    squares = np.square(error, dtype=np.float64).reshape(-1)
    fourth = float(squares @ squares)
    return float(squares.sum()) ** 2 / fourth if fourth else float(error.size)


def judge(
    dtype: str,
    precision: str | None,
    found: EndPoints,
    reference: EndPoints,
    floors: Mapping[str, float],
    local_ratios: Mapping[str, float],
) -> RunVerdict:
    """Judge one backend's end points against the oracle's; a run passes when all of its end points do.

    local_ratios: noise ratios of the parts run alone, by end point; missing ones are unknown.
    """
    if other := other_names(found, reference):
        first_other, message = other
        return RunVerdict(dtype, precision, "fail", message, first_other)
    verdicts = []
    for name, exact in reference.items():
        length, difference = _distance(found[name], exact)
        error = length / norm(exact)
        ratio = error / floors[name]
        distance = float(np.abs(difference, out=difference).max()) if np.isfinite(error) else float("inf")
        outcome: Outcome = "pass" if ratio <= FLOORS else "fail"
        local = local_ratios.get(name)
        verdicts.append(EndPointVerdict(name, found[name].shape, error, distance, ratio, local, outcome))
    first = next((verdict for verdict in verdicts if verdict.verdict == "fail"), None)
    if first is None:
        return RunVerdict(dtype, precision, "pass", end_points=tuple(verdicts))
    expected = reference[first.name].shape
    shapes = f"{first.name} is {by(first.shape)}, the oracle's is {by(expected)}" if first.shape != expected else ""
    return RunVerdict(dtype, precision, "fail", shapes or explain([first]), first.name, tuple(verdicts))


def other_names(found: Iterable[str], expected: Iterable[str]) -> tuple[str, str] | None:
    """Return the first end point, in network order, at which names differ from the expected ones, and a message."""
    for ours, theirs in zip_longest(expected, found):
        if ours != theirs:
            why = f"its end points are not the oracle's: {theirs or 'none'} stands where {ours or 'none'} was expected"
            return ours or theirs, why
    return None


def by(shape: tuple[int, ...]) -> str:
    """Return a shape as text.

    >>> by((2, 7, 7, 64))
    '2x7x7x64'
    """
    return "x".join(map(str, shape))


def noise_ratios(found: EndPoints, reference: EndPoints, floors: Mapping[str, float]) -> dict[str, float]:
    """Return the errors of the end points in `found`, in noise floors."""
    return {name: relative_l2(value, reference[name]) / floors[name] for name, value in found.items()}


def explain(firsts: Sequence[EndPointVerdict]) -> str:
    """Say by how much an end point is the first to differ, in one run or in several whose errors have one origin.

    >>> errors = [EndPointVerdict("conv1", (2, 8, 8, 16), 0.0, 0.0, ratio, None, "fail") for ratio in (40.0, 5e10)]
    >>> explain(errors)
    'conv1 is the first to differ, by 40 to 5e+10 noise floors'
    """
    difference = (
        f"{firsts[0].name} is the first to differ, by {_span([each.noise_ratio for each in firsts])} noise floors"
    )
    alone = [each.local_noise_ratio for each in firsts if each.local_noise_ratio is not None]
    return f"{difference}; on the oracle's own input by {_span(alone)}: {firsts[0].origin}" if alone else difference


def _span(numbers: Sequence[float]) -> str:
    return " to ".join(dict.fromkeys(f"{number:.3g}" for number in (min(numbers), max(numbers))))


def _flat(x: Array) -> Array:
    return x.reshape(-1).astype(np.float64, copy=False)
