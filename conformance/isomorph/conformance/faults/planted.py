"""Networks with a fault, in one backend's process; what is right is built once, and serves all faults."""

from typing import Literal

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendProcess, RemoteNetwork
from isomorph.conformance.drawn_case import DrawnCase
from isomorph.conformance.faults.fault import Fault, LearningSurgery, Retensor, Surgery
from isomorph.conformance.faults.networks import FROZEN
from isomorph.conformance.faults.surgery import surgeon_of, trainer_of
from isomorph.conformance.lattice.drawn import DrawnLattice

Purpose = Literal["inference", "training", "dropout"]
"""The purpose of a network: training is compared without dropout, and dropout by itself."""

UNCHANGED = Retensor(lambda tensors: tensors)
"""The control, planted in every network first: only what passes it can tell of a fault."""


def without_fault(network: str) -> Fault:
    """Return the control of one of CASES."""
    return Fault("none", "", "", network, None, UNCHANGED)


class PlantedNetworks:
    """Builds networks with a fault, as far as it is in the network, and loads tensors as a fault changes them."""

    def __init__(self, process: BackendProcess, device: str) -> None:
        self.process = process
        self.device = device
        self._right: dict[tuple[str, str, Purpose], RemoteNetwork] = {}

    def build(self, fault: Fault, dtype: str, purpose: Purpose = "inference") -> RemoteNetwork:
        """Return a network with the fault. Raises Unavailable where the backend has no such dtype."""
        is_right = fault.architecture == fault.case.network and not isinstance(fault.plant, Surgery)
        key = fault.network, dtype, purpose
        if is_right and key in self._right:
            return self._right[key]
        architecture, options = fault.architecture.undrawn(), {}
        match purpose:
            case "training":
                architecture = architecture.without_dropout()
                options = {"training": True, "freeze_batch_norm": fault.network in FROZEN}
            case "dropout":
                options = {"training": True, "freeze_batch_norm": True}
        network = self.process.build(architecture, self.device, dtype, **options)
        if isinstance(fault.plant, Surgery):
            surgeon = (trainer_of if isinstance(fault.plant, LearningSurgery) else surgeon_of)(self.process.name)
            network.apply(f"{surgeon}:{fault.plant.function}", **fault.plant.arguments)
        if is_right:
            self._right[key] = network
        return network

    def build_in_widest(self, fault: Fault, purpose: Purpose = "inference") -> RemoteNetwork:
        """Return a network with the fault in float64, or in float32 where a backend has no float64."""
        try:
            return self.build(fault, "float64", purpose)
        except Unavailable:
            return self.build(fault, "float32", purpose)

    def load(self, network: RemoteNetwork, fault: Fault, drawn: DrawnCase | DrawnLattice) -> None:
        """Load the drawn tensors, as the fault changes them."""
        tensors = fault.tensors(drawn.tensors)
        network.load(drawn.shared[0] if tensors is drawn.tensors else tensors, partial=True)

    def discard(self, network: RemoteNetwork) -> None:
        """Let the process free a network, unless it is right."""
        if network not in self._right.values():
            network.discard()
