"""The lattice tier's verdict: identical means identical.

Where every value of a network is a small integer multiple of a known step, no order of summation rounds, and any two
right implementations give the same numbers, up to what rounds elsewhere: means over a number of cells that is no power
of two, and frameworks' reciprocal square roots. So a result is rounded to its lattice and has to be equal, and no value
may stand further than an eighth of a step from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from isomorph.conformance.lattice.steps import PREDICTIONS
from isomorph.conformance.verdict import Array, by, other_names

NEAR = 1 / 8
"""How far from the lattice a value may be, in steps."""

SHOWN = 3
"""Cells that a message names."""


@dataclass(frozen=True)
class LatticeVerdict:
    """One backend's end points on the lattice.

    passed: whether all are equal after rounding, and near.
    farthest: the largest distance of a value from the lattice, in steps, up to the first end point that is off;
        infinite where a value is not finite, or none can be told.
    first_divergence: the first end point, in network order, that is off.
    by_whole_steps: whether the values that are off are on the lattice, as wrong semantics leave them (another stride,
        pad or order), or between, as other arithmetic does (lesser precision, another epsilon); None where all are
        right, or there are none to compare.
    message: what is off, by how much, at which cells: [image, row, column, channel].
    """

    passed: bool
    farthest: float
    first_divergence: str | None = None
    by_whole_steps: bool | None = None
    message: str = ""


def judge_lattice(
    found: Mapping[str, Array], exact: Mapping[str, Array], steps: Mapping[str, Fraction]
) -> LatticeVerdict:
    """Hold a backend's end points against the exact ones.

    found: name -> [N, h, w, C] of any dtype, in network order; `predictions`, which no lattice holds, are left alone.
    exact: name -> int64 of that shape: how many steps. steps: name -> the step.
    """
    names = [name for name in found if name != PREDICTIONS]
    if other := other_names(names, exact):
        first_other, message = other
        return LatticeVerdict(False, float("inf"), first_other, None, message)
    farthest = 0.0
    for name, wanted in exact.items():
        if found[name].shape != wanted.shape:
            message = f"{name} is {by(found[name].shape)}, the oracle's is {by(wanted.shape)}"
            return LatticeVerdict(False, float("inf"), name, None, message)
        counted = found[name].astype(np.float64) / float(steps[name])
        nearest = np.rint(counted)
        distance = np.full(counted.shape, np.inf)
        np.subtract(counted, nearest, out=distance, where=np.isfinite(counted))
        distance = np.abs(distance)
        farthest = max(farthest, float(distance.max()))
        off = (nearest != wanted) | (distance > NEAR)
        if off.any():
            whole = bool((distance[off] <= NEAR).all())
            return LatticeVerdict(False, farthest, name, whole, _explain(name, counted - wanted, off, whole))
    return LatticeVerdict(True, farthest)


def _explain(name: str, error: Array, off: Array, whole: bool) -> str:
    """What is wrong with an end point, whose `error` is in steps: how many values, by how much, where, and why."""
    cells = " ".join(f"[{', '.join(map(str, cell))}]" for cell in np.argwhere(off)[:SHOWN].tolist())
    most = float(np.abs(error[off]).max())
    why = "whole steps: its semantics differ" if whole else "steps, not whole: its arithmetic differs"
    count = np.count_nonzero(off)
    more = " ..." if count > SHOWN else ""
    return f"{name} is the first to part, in {count} of {off.size} values by up to {most:.3g} {why}; at {cells}{more}"
