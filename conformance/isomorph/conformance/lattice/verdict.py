"""The lattice tier's verdict: identical means identical.

Where every value of a network is a small integer multiple of a known step, no order of summation rounds, and any two
right implementations give the same numbers, except where other operations round: means over a number of cells that is
no power of two, and frameworks' reciprocal square roots. So a result is rounded to its lattice and has to be equal, and
no value may be further than an eighth of a step from the lattice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from isomorph.backends.protocol import Array
from isomorph.conformance.lattice.steps import PREDICTIONS
from isomorph.conformance.verdict import by, other_names

NEAR = 1 / 8
"""The largest distance of a value from the lattice, in steps."""

SHOWN = 3
"""The most cells that a message names."""


@dataclass(frozen=True)
class LatticeVerdict:
    """One backend's end points on the lattice.

    passed: whether all are equal after rounding, and near.
    farthest: the largest distance of a value from the lattice, in steps, up to the first wrong end point; infinite
        where a value is not finite, or none can be compared.
    first_divergence: the first end point, in network order, that is wrong.
    by_whole_steps: whether the wrong values are on the lattice, as with wrong semantics (another stride, pad or order),
        or between, as with other arithmetic (lesser precision, another epsilon); None where all are right, or none can
        be compared.
    message: what is wrong, by how much, at which cells: [image, row, column, channel].
    """

    passed: bool
    farthest: float
    first_divergence: str | None = None
    by_whole_steps: bool | None = None
    message: str = ""


def judge_lattice(
    found: Mapping[str, Array], exact: Mapping[str, Array], steps: Mapping[str, Fraction]
) -> LatticeVerdict:
    """Judge a backend's end points against the exact ones.

    found: name -> [N, h, w, C] of any dtype, in network order; `predictions`, which are on no lattice, are ignored.
    exact: name -> int64 of that shape, in steps. steps: name -> the step.
    """
    names = [name for name in found if name != PREDICTIONS]
    if other := other_names(names, exact):
        first_other, message = other
        return LatticeVerdict(False, float("inf"), first_other, None, message)
    farthest = 0.0
    for name, expected in exact.items():
        if found[name].shape != expected.shape:
            message = f"{name} is {by(found[name].shape)}, the oracle's is {by(expected.shape)}"
            return LatticeVerdict(False, float("inf"), name, None, message)
        counted = found[name].astype(np.float64) / float(steps[name])
        nearest = np.rint(counted)
        distance = np.full(counted.shape, np.inf)
        np.subtract(counted, nearest, out=distance, where=np.isfinite(counted))
        distance = np.abs(distance)
        farthest = max(farthest, float(distance.max()))
        wrong = (nearest != expected) | (distance > NEAR)
        if wrong.any():
            whole = bool((distance[wrong] <= NEAR).all())
            return LatticeVerdict(False, farthest, name, whole, _explain(name, counted - expected, wrong, whole))
    return LatticeVerdict(True, farthest)


def _explain(name: str, error: Array, wrong: Array, whole: bool) -> str:
    """Describe an end point's `error`, in steps: how many values are wrong, by how much, where, and why."""
    cells = " ".join(f"[{', '.join(map(str, cell))}]" for cell in np.argwhere(wrong)[:SHOWN].tolist())
    most = float(np.abs(error[wrong]).max())
    why = "whole steps: its semantics differ" if whole else "steps, not whole: its arithmetic differs"
    count = np.count_nonzero(wrong)
    more = " ..." if count > SHOWN else ""
    share = f"in {count} of {wrong.size} values"
    return f"{name} is the first to differ, {share} by up to {most:.3g} {why}; at {cells}{more}"
