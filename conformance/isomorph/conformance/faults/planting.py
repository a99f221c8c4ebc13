"""Planting a fault in a backend, and asking every tier what it sees."""

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendProcess, RemoteNetwork
from isomorph.conformance.drawn_case import DrawnCase
from isomorph.conformance.faults.fault import Fault, Retensor, Surgery
from isomorph.conformance.faults.finding import TIERS, Finding, TierFinding, decide
from isomorph.conformance.faults.ground import Ground, Grounds
from isomorph.conformance.faults.structure import Structure
from isomorph.conformance.faults.surgery import surgeon_of
from isomorph.conformance.lattice.drawn import DrawnLattice
from isomorph.conformance.lattice.verdict import judge_lattice
from isomorph.conformance.verdict import FLOORS, EndPoints

AS_IT_IS = Retensor(lambda tensors: tensors)
"""Planted in every network first: a fault is caught by tiers that pass this."""


class Planting:
    """Plants faults in one backend's process, one after the other."""

    def __init__(self, process: BackendProcess, device: str, grounds: Grounds) -> None:
        self.process = process
        self.device = device
        self.grounds = grounds
        self._right: dict[tuple[str, str], RemoteNetwork] = {}
        self._controls: dict[str, TierFinding | None] = {}

    def find(self, fault: Fault) -> Finding:
        """Plant a fault, and say what came of it.

        Raises BackendFailed where the backend crashes, hangs or runs out of memory.
        """
        if isinstance(fault.plant, Surgery) and surgeon_of(self.process.name) is None:
            message = f"There is no surgery for {self.process.name}."
            return Finding(fault.name, fault.place, "no surgery", message=message)
        if wrong := self._control(fault.network):
            message = f"Without the fault {fault.network} fails, too, by its {wrong.tier}: {wrong.message}"
            return Finding(fault.name, fault.place, "unfit", message=message)
        return decide(fault.name, fault.place, self._ask(fault))

    def _control(self, name: str) -> TierFinding | None:
        """The tier by which a network fails that nothing is planted in; None, as it should be, if it passes all."""
        if name not in self._controls:
            none = Fault("none", "", "", name, None, AS_IT_IS)
            self._controls[name] = next((tier for tier in self._ask(none) if tier.caught), None)
        return self._controls[name]

    def _ask(self, fault: Fault) -> tuple[TierFinding, ...]:
        """What every tier says, in the order of TIERS."""
        ground = self.grounds[fault.network]
        network = self._planted(fault, "float32")
        try:
            found = self._end_points(network, fault, ground.drawn)
            shapes = Structure(*({name: y.shape for name, y in each.items()} for each in (found, network.tensors())))
            first, message = ground.structure.first_difference(shapes) or (None, "")
            structure = TierFinding("structure", first is not None, first, None, message)
            if not ground.structure.is_comparable(shapes):
                reason = "It has other end points or tensors."
                return structure, *(TierFinding(tier, None, message=reason) for tier in TIERS[1:])
            float32 = self._judge(ground, network, "float32", found)
            lattice = self._lattice(fault, ground, network)
        finally:
            self._let_go(network)
        return structure, lattice, self._float64(fault, ground), float32

    def _lattice(self, fault: Fault, ground: Ground, network: RemoteNetwork) -> TierFinding:
        case = ground.lattice.case
        verdict = judge_lattice(self._end_points(network, fault, ground.lattice), case.exact, case.steps)
        return TierFinding("lattice", not verdict.passed, verdict.first_divergence, None, verdict.message)

    def _float64(self, fault: Fault, ground: Ground) -> TierFinding:
        try:
            network = self._planted(fault, "float64")
        except Unavailable as error:
            return TierFinding("float64", None, message=str(error))
        try:
            return self._judge(ground, network, "float64", self._end_points(network, fault, ground.drawn))
        finally:
            self._let_go(network)

    def _judge(self, ground: Ground, network: RemoteNetwork, dtype: str, found: EndPoints) -> TierFinding:
        """What was found of the network whole; each of its parts is run alone, too."""
        parts = network.parts(ground.inputs[dtype])
        run = ground.drawn.reference.judge(ground.tiers[dtype], dtype, found, parts)
        local = {end_point.name: end_point.local_noise_ratio for end_point in run.end_points}
        ratio = local.get(run.first_divergence or "")
        born = None if ratio is None else not ratio <= FLOORS
        return TierFinding(dtype, run.verdict == "fail", run.first_divergence, born, run.message)

    def _planted(self, fault: Fault, dtype: str) -> RemoteNetwork:
        """A network with the fault in it, as far as tensors are not its place; one as it should be serves them all."""
        right = fault.architecture == fault.case.network and not isinstance(fault.plant, Surgery)
        key = fault.network, dtype
        if right and key in self._right:
            return self._right[key]
        network = self.process.build(fault.architecture.undrawn(), self.device, dtype)
        if isinstance(fault.plant, Surgery):
            network.apply(f"{surgeon_of(self.process.name)}:{fault.plant.function}", **fault.plant.arguments)
        if right:
            self._right[key] = network
        return network

    def _end_points(self, network: RemoteNetwork, fault: Fault, drawn: DrawnCase | DrawnLattice) -> EndPoints:
        """With what the fault leaves or makes of the tensors that are drawn, which are loaded."""
        tensors, images = drawn.shared
        given = fault.tensors(drawn.tensors)
        network.load(tensors if given is drawn.tensors else given, partial=True)
        return network.end_points(images)

    def _let_go(self, network: RemoteNetwork) -> None:
        if network not in self._right.values():
            network.discard()
