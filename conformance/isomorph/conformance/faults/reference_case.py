"""Reference cases of faults: a right network, its drawn images and tensors, and the oracle's answers."""

from collections.abc import Mapping
from threading import RLock

import numpy as np

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.protocol import Array, Options
from isomorph.conformance.drawn_case import DrawnCase, Share
from isomorph.conformance.faults.fault import Fault, Tensors
from isomorph.conformance.faults.learning import TrainingReferenceCase
from isomorph.conformance.faults.networks import CASES
from isomorph.conformance.faults.structure import Structure
from isomorph.conformance.lattice.drawn import Lattice
from isomorph.spec import Architecture

DTYPES = ("float64", "float32")


class ReferenceCase:
    """One of CASES, evaluated by the oracle; for all faults and all backends.

    drawn: its images and tensors.
    inputs: dtype -> the inputs of all parts, in files that every backend can map.
    """

    def __init__(self, name: str, drawn: DrawnCase, share: Share) -> None:
        case = CASES[name]
        self.network = case.network
        self.size = case.height, case.width
        self.structure = Structure.of(case.network, *self.size)
        self.drawn = drawn
        self.lattice = Lattice(case.network, *self.size).with_tensors(share)
        self.inputs = {dtype: share(self.drawn.reference.parts(dtype).inputs) for dtype in DTYPES}


class ReferenceCases:
    """Reference cases by name, drawn at first use; safe for several threads."""

    def __init__(self, share: Share) -> None:
        self._share = share
        self._lock = RLock()
        self._drawn: dict[str, DrawnCase] = {}
        self._cases: dict[str, ReferenceCase] = {}
        self._training_cases: dict[str, TrainingReferenceCase] = {}

    def __getitem__(self, name: str) -> ReferenceCase:
        with self._lock:
            if name not in self._cases:
                self._cases[name] = ReferenceCase(name, self.drawn(name), self._share)
            return self._cases[name]

    def drawn(self, name: str) -> DrawnCase:
        """Return the images and tensors of a case, which the oracle need not have evaluated."""
        with self._lock:
            if name not in self._drawn:
                self._drawn[name] = CASES[name].with_tensors(self._share)
            return self._drawn[name]

    def training(self, name: str) -> TrainingReferenceCase:
        """Return the reference case of training the same network."""
        with self._lock:
            if name not in self._training_cases:
                self._training_cases[name] = TrainingReferenceCase(name)
            return self._training_cases[name]


def seen_by_oracle(fault: Fault, reference_case: ReferenceCase) -> str | None:
    """Return the first end point, in network order, at which the oracle's own answer changes with the fault.

    It compares answers to the drawn images in float64, and on the lattice; a fault that changes end points or tensors
    is seen in its structure. None for one that changes no bit of any end point. The oracle has no surgery.
    """
    other = Structure.of(fault.architecture, *reference_case.size)
    if seen := reference_case.structure.first_difference(other):
        return seen[0]
    drawn, lattice = reference_case.drawn, reference_case.lattice.case
    right = drawn.reference.end_points
    wrong = _evaluate(fault.architecture, fault.tensors(drawn.tensors), drawn.images)
    right_lattice = _evaluate(reference_case.network, lattice.tensors, lattice.images)
    wrong_lattice = _evaluate(fault.architecture, fault.tensors(lattice.tensors), lattice.images)
    differing = (
        name for name in right if _differ(wrong[name], right[name]) or _differ(wrong_lattice[name], right_lattice[name])
    )
    return next(differing, None)


def _evaluate(architecture: Architecture, tensors: Tensors, images: Array) -> Mapping[str, Array]:
    network = OracleNetwork(architecture, Options(dtype="float64"))
    network.load(tensors)
    with np.errstate(all="ignore"):  # a variance may be negative now
        return network.end_points(images)


def _differ(wrong: Array, right: Array) -> bool:
    return not np.array_equal(wrong, right)
