"""What lattice draws cover: of which tensor entries a change, by itself, is seen in a logit."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.protocol import Options
from isomorph.conformance.cases import uniform
from isomorph.conformance.lattice.case import LatticeCase, batch_norm_scale
from isomorph.conformance.lattice.drawn import Lattice
from isomorph.conformance.verdict import Array
from isomorph.spec import Architecture, tensor_shapes
from isomorph.spec.layers import INPUT
from isomorph.spec.tensors import GAMMA, MOVING_VARIANCE, split

Entry = tuple[str, int]
"""A tensor's name, and the place in its flat values."""


DRAWS = 8
"""In how many draws an entry may wait for its turn: four let the last layer of each unit live once, eight twice."""


def assert_covered(lattice: Lattice, of_each: int) -> None:
    """Changing any sampled entry of any tensor moves a logit in some draw, and most entries' in the first.

    Images should leave a few dozen cells on the last map, as on few of them an entry may happen to see zeros alone.
    """
    left, moved = sample_entries(lattice.network, of_each), list[int]()
    for seed in range(DRAWS):
        stay = unmoved(replace(lattice, seed=seed).draw(), left)
        moved.append(len(left) - len(stay))
        left = stay
        if not left:
            break
    assert not left, f"entries that moved no logit in {DRAWS} draws, which moved {moved}: {left}"
    assert moved[0] > sum(moved) / 2, f"entries that moved a logit draw by draw: {moved}"


def sample_entries(architecture: Architecture, of_each: int, seed: int = 0) -> list[Entry]:
    """`of_each` entries of every tensor, or all where it has fewer; the same on every machine."""
    return [
        (name, int(place))
        for name, shape in tensor_shapes(architecture).items()
        for place in np.argsort(uniform(seed, f"{name}/entries", shape).reshape(-1), kind="stable")[:of_each]
    ]


def unmoved(case: LatticeCase, entries: Iterable[Entry]) -> list[Entry]:
    """Those of `entries` whose change moves no logit of `case`, not an auxiliary head's either, in the oracle.

    A gamma is changed from alive to zero or back, a variance so that its channel is halved, all else by one.
    """
    network = OracleNetwork(case.architecture, Options(dtype="float64"))
    network.load(case.tensors)
    reached = network.end_points(case.images) | {INPUT: case.images.astype(np.float64)}
    return [(name, place) for name, place in entries if not _moves(network, reached, case.tensors[name], name, place)]


def _moves(network: OracleNetwork, reached: Mapping[str, Array], value: Array, name: str, place: int) -> bool:
    """Whether some logits differ from what is `reached`, once the tensor has changed there; undoes the change."""
    scope, leaf = split(name)
    changed = value.astype(np.float64)
    changed.flat[place] = _other(leaf, changed.flat[place], network.plan.epsilon)
    network.load({name: changed}, partial=True)
    found, moved = dict(reached), set[str]()
    own = next(part for part, names in network.plan.parts.items() if scope in names)
    for part, read in network.plan.reads.items():
        if part == own or read in moved:
            new = network.part(part, found[read])
            moved |= {end_point for end_point, y in new.items() if not np.array_equal(y, reached[end_point])}
            found |= new
    network.load({name: value}, partial=True)
    return any(end_point.rpartition("/")[2] == "logits" for end_point in moved)


def _other(leaf: str, value: float, epsilon: float) -> float:
    scale = batch_norm_scale(epsilon)
    if leaf == GAMMA:
        return scale - value
    return value + (3 * scale * scale if leaf == MOVING_VARIANCE else 1)
