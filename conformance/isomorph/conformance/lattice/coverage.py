"""Coverage of lattice draws: the tensor entries whose change, by itself, changes a logit."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.protocol import Array, Options
from isomorph.conformance.cases import uniform
from isomorph.conformance.lattice.case import LatticeCase, batch_norm_scale
from isomorph.conformance.lattice.drawn import Lattice
from isomorph.spec import Architecture, tensor_shapes
from isomorph.spec.layers import INPUT
from isomorph.spec.tensors import GAMMA, MOVING_VARIANCE, split

Entry = tuple[str, int]
"""A tensor's name, and the index in its flat values."""


DRAWS = 8
"""The most draws before each entry moves a logit: four keep each channel of units' last layers once, eight twice."""


def assert_covered(lattice: Lattice, of_each: int) -> None:
    """Assert that every sampled entry of every tensor moves a logit in some draw, and most of them in the first.

    Images should leave a few dozen cells on the last map, as on few of them an entry may happen to see zeros alone.
    """
    remaining, moved = sample_entries(lattice.network, of_each), list[int]()
    for seed in range(DRAWS):
        still_remaining = unmoved(replace(lattice, seed=seed).draw(), remaining)
        moved.append(len(remaining) - len(still_remaining))
        remaining = still_remaining
        if not remaining:
            break
    assert not remaining, f"entries that moved no logit in {DRAWS} draws, which moved {moved}: {remaining}"
    assert moved[0] > sum(moved) / 2, f"entries that moved a logit draw by draw: {moved}"


def sample_entries(architecture: Architecture, of_each: int, seed: int = 0) -> list[Entry]:
    """Return `of_each` entries of every tensor, or all where it has fewer; the same on every machine."""
    return [
        (name, int(index))
        for name, shape in tensor_shapes(architecture).items()
        for index in np.argsort(uniform(seed, f"{name}/entries", shape).reshape(-1), kind="stable")[:of_each]
    ]


def unmoved(case: LatticeCase, entries: Iterable[Entry]) -> list[Entry]:
    """Return the `entries` whose change moves no logit of `case` in the oracle, not an auxiliary head's either.

    A gamma is changed from alive to zero or back, a variance so that its channel is halved, all else by one.
    """
    network = OracleNetwork(case.architecture, Options(dtype="float64"))
    network.load(case.tensors)
    unchanged = network.end_points(case.images) | {INPUT: case.images.astype(np.float64)}
    return [(name, index) for name, index in entries if not _moves(network, unchanged, case.tensors[name], name, index)]


def _moves(network: OracleNetwork, unchanged: Mapping[str, Array], value: Array, name: str, index: int) -> bool:
    """Change a tensor's entry, return whether any logits differ from the `unchanged` ones, and undo the change."""
    scope, leaf = split(name)
    changed = value.astype(np.float64)
    changed.flat[index] = _other(leaf, changed.flat[index], network.plan.epsilon)
    network.load({name: changed}, partial=True)
    end_points, moved = dict(unchanged), set[str]()
    changed_part = next(part for part, names in network.plan.parts.items() if scope in names)
    for part, read in network.plan.reads.items():
        if part == changed_part or read in moved:
            new = network.part(part, end_points[read])
            moved |= {end_point for end_point, y in new.items() if not np.array_equal(y, unchanged[end_point])}
            end_points |= new
    network.load({name: value}, partial=True)
    return any(end_point.rpartition("/")[2] == "logits" for end_point in moved)


def _other(leaf: str, value: float, epsilon: float) -> float:
    scale = batch_norm_scale(epsilon)
    if leaf == GAMMA:
        return scale - value
    return value + (3 * scale * scale if leaf == MOVING_VARIANCE else 1)
