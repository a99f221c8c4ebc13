"""Plant a fault in a backend, and run every tier on it."""

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendProcess, RemoteNetwork
from isomorph.conformance.drawn_case import DrawnCase
from isomorph.conformance.faults.fault import Fault, Retrain, Surgery
from isomorph.conformance.faults.finding import INFERENCE, TRAINING, Finding, TierFinding, decide
from isomorph.conformance.faults.learning import TrainingReferenceCase
from isomorph.conformance.faults.planted import PlantedNetworks, without_fault
from isomorph.conformance.faults.reference_case import ReferenceCase, ReferenceCases
from isomorph.conformance.faults.structure import Structure
from isomorph.conformance.faults.surgery import surgeon_of
from isomorph.conformance.lattice.drawn import DrawnLattice
from isomorph.conformance.lattice.verdict import judge_lattice
from isomorph.conformance.training.dropout import DTYPE
from isomorph.conformance.verdict import FLOORS, EndPoints


class Planting:
    """Plants faults in one backend's process, one after the other."""

    def __init__(self, process: BackendProcess, device: str, cases: ReferenceCases) -> None:
        self.process = process
        self.networks = PlantedNetworks(process, device)
        self.cases = cases
        self._controls: dict[tuple[str, bool], tuple[TierFinding, ...]] = {}

    def find(self, fault: Fault) -> Finding:
        """Plant a fault, and return what the tiers found.

        Raises BackendFailed where the backend crashes, hangs or runs out of memory.
        """
        if isinstance(fault.plant, Surgery) and surgeon_of(self.process.name) is None:
            message = f"There is no surgery for {self.process.name}."
            return Finding(fault.name, fault.place, "no surgery", message=message)
        control = self._control(fault.network, training=False)
        if fault.learned:
            control += self._control(fault.network, training=True)
        if wrong := next((tier for tier in control if tier.caught), None):
            message = f"Without the fault {fault.network} fails, too, by its {wrong.tier}: {wrong.message}"
            return Finding(fault.name, fault.place, "unfit", message=message)
        # Another training leaves the network as it is, so that the control's tiers of inference hold for it.
        tiers = control[: len(INFERENCE)] if isinstance(fault.plant, Retrain) else self._ask(fault)
        if fault.learned:
            tiers += self._ask_training(fault)
        return decide(fault.name, fault.place, tiers, fault.learned)

    @staticmethod
    def failed(fault: Fault, message: str) -> Finding:
        """Return the finding on a fault where the backend failed."""
        return Finding(fault.name, fault.place, "error", message=message)

    def _control(self, name: str, training: bool) -> tuple[TierFinding, ...]:
        """Return the findings of the tiers of inference, or of training, on a network without a fault."""
        if (name, training) not in self._controls:
            none = without_fault(name)
            self._controls[name, training] = self._ask_training(none) if training else self._ask(none)
        return self._controls[name, training]

    def _ask_training(self, fault: Fault) -> tuple[TierFinding, ...]:
        """Return the findings of the tiers of TRAINING, in float64 or, where a backend has none, in float32."""
        case = self.cases.training(fault.network)
        try:
            network = self.networks.build_in_widest(fault, "training")
        except Unavailable as error:
            return tuple(TierFinding(tier, None, message=str(error)) for tier in TRAINING)
        try:
            gradients, *others = case.ask(network, fault.plant if isinstance(fault.plant, Retrain) else Retrain())
        finally:
            self.networks.discard(network)
        if case.dropout and gradients.caught is False:
            gradients = self._ask_dropout(fault, case)
        return gradients, *others

    def _ask_dropout(self, fault: Fault, case: TrainingReferenceCase) -> TierFinding:
        if self.process.name == "oracle":
            return TierFinding("gradients", None, message="The oracle trains without dropout.")
        try:
            network = self.networks.build(fault, DTYPE, "dropout")
        except Unavailable as error:
            return TierFinding("gradients", None, message=str(error))
        try:
            return case.ask_dropout(network)
        finally:
            self.networks.discard(network)

    def _ask(self, fault: Fault) -> tuple[TierFinding, ...]:
        """Return the findings of the tiers of INFERENCE."""
        case = self.cases[fault.network]
        network = self.networks.build(fault, "float32")
        try:
            end_points = self._end_points(network, fault, case.drawn)
            tensors = network.tensors()
            shapes = Structure(*({name: y.shape for name, y in each.items()} for each in (end_points, tensors)))
            first, message = case.structure.first_difference(shapes) or (None, "")
            structure = TierFinding("structure", first is not None, first, None, message)
            if not case.structure.is_comparable(shapes):
                reason = "It has other end points or tensors."
                return structure, *(TierFinding(tier, None, message=reason) for tier in INFERENCE[1:])
            float32 = self._judge(case, network, "float32", end_points)
            lattice = self._lattice(fault, case, network)
        finally:
            self.networks.discard(network)
        return structure, lattice, self._float64(fault, case), float32

    def _lattice(self, fault: Fault, case: ReferenceCase, network: RemoteNetwork) -> TierFinding:
        exact, steps = case.lattice.case.exact, case.lattice.case.steps
        verdict = judge_lattice(self._end_points(network, fault, case.lattice), exact, steps)
        return TierFinding("lattice", not verdict.passed, verdict.first_divergence, None, verdict.message)

    def _float64(self, fault: Fault, case: ReferenceCase) -> TierFinding:
        try:
            network = self.networks.build(fault, "float64")
        except Unavailable as error:
            return TierFinding("float64", None, message=str(error))
        try:
            return self._judge(case, network, "float64", self._end_points(network, fault, case.drawn))
        finally:
            self.networks.discard(network)

    def _judge(self, case: ReferenceCase, network: RemoteNetwork, dtype: str, end_points: EndPoints) -> TierFinding:
        """Judge the end points of the whole network, and those of its parts, each run alone."""
        parts = network.parts(case.inputs[dtype])
        run = case.drawn.reference.judge(dtype, dtype, end_points, parts)
        local = {end_point.name: end_point.local_noise_ratio for end_point in run.end_points}
        ratio = local.get(run.first_divergence or "")
        born = None if ratio is None else not ratio <= FLOORS
        return TierFinding(dtype, run.verdict == "fail", run.first_divergence, born, run.message)

    def _end_points(self, network: RemoteNetwork, fault: Fault, drawn: DrawnCase | DrawnLattice) -> EndPoints:
        """Load the drawn tensors, as the fault changes them, and return the end points."""
        self.networks.load(network, fault, drawn)
        return network.end_points(drawn.shared[1])
