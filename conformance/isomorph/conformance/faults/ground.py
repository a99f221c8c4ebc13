"""What faults are held against: a network as it should be, what is drawn for it, and the oracle's answers."""

from collections.abc import Mapping
from threading import Lock

import numpy as np

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.protocol import Options
from isomorph.conformance.drawn_case import Share
from isomorph.conformance.faults.fault import Fault, Tensors
from isomorph.conformance.faults.learning import LearningGround
from isomorph.conformance.faults.networks import CASES
from isomorph.conformance.faults.structure import Structure
from isomorph.conformance.lattice.drawn import Lattice
from isomorph.conformance.small_networks import Array
from isomorph.spec import Architecture

DTYPES = ("float64", "float32")


class Ground:
    """One of CASES, drawn, and evaluated by the oracle; for all faults and all backends.

    inputs: those of the tiers' parts, where every backend can map them.
    """

    def __init__(self, name: str, share: Share) -> None:
        case = CASES[name]
        self.network = case.network
        self.size = case.height, case.width
        self.structure = Structure.of(case.network, *self.size)
        self.drawn = case.with_tensors(share)
        self.lattice = Lattice(case.network, *self.size).with_tensors(share)
        self.tiers = {dtype: self.drawn.reference.tier(dtype) for dtype in DTYPES}
        self.inputs = {dtype: share(tier.inputs) for dtype, tier in self.tiers.items()}


class Grounds:
    """Those that have been asked for, by name; several threads may ask."""

    def __init__(self, share: Share) -> None:
        self._share = share
        self._lock = Lock()
        self._made: dict[str, Ground] = {}
        self._learning: dict[str, LearningGround] = {}

    def __getitem__(self, name: str) -> Ground:
        with self._lock:
            if name not in self._made:
                self._made[name] = Ground(name, self._share)
            return self._made[name]

    def learning(self, name: str) -> LearningGround:
        """The same network, as it is trained."""
        with self._lock:
            if name not in self._learning:
                self._learning[name] = LearningGround(name)
            return self._learning[name]


def seen_by_oracle(fault: Fault, ground: Ground) -> str | None:
    """The first end point, in network order, at which the oracle itself answers anything else with the fault.

    To the drawn images in float64, or on the lattice; a fault that has other end points or tensors is seen in its
    structure. None for one that changes nothing: not a bit of any end point. Not for surgery, which it has none of.
    """
    other = Structure.of(fault.architecture, *ground.size)
    if seen := ground.structure.first_difference(other):
        return seen[0]
    drawn, lattice = ground.drawn, ground.lattice.case
    right = drawn.reference.end_points
    found = _evaluate(fault.architecture, fault.tensors(drawn.tensors), drawn.images)
    exact = _evaluate(ground.network, lattice.tensors, lattice.images)
    on_lattice = _evaluate(fault.architecture, fault.tensors(lattice.tensors), lattice.images)
    same = (name for name in right if _differ(found[name], right[name]) or _differ(on_lattice[name], exact[name]))
    return next(same, None)


def _evaluate(architecture: Architecture, tensors: Tensors, images: Array) -> Mapping[str, Array]:
    network = OracleNetwork(architecture, Options(dtype="float64"))
    network.load(tensors)
    with np.errstate(all="ignore"):  # a variance may be negative now
        return network.end_points(images)


def _differ(found: Array, right: Array) -> bool:
    return not np.array_equal(found, right)
