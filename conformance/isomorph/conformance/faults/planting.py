"""Planting a fault in a backend, and asking every tier what it sees."""

from typing import Literal

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendProcess, RemoteNetwork
from isomorph.conformance.drawn_case import DrawnCase
from isomorph.conformance.faults.fault import Fault, LearningSurgery, Retensor, Retrain, Surgery
from isomorph.conformance.faults.finding import INFERENCE, TRAINING, Finding, TierFinding, decide
from isomorph.conformance.faults.ground import Ground, Grounds
from isomorph.conformance.faults.learning import LearningGround
from isomorph.conformance.faults.networks import FROZEN
from isomorph.conformance.faults.structure import Structure
from isomorph.conformance.faults.surgery import surgeon_of, trainer_of
from isomorph.conformance.lattice.drawn import DrawnLattice
from isomorph.conformance.lattice.verdict import judge_lattice
from isomorph.conformance.training.dropout import DTYPE
from isomorph.conformance.verdict import FLOORS, EndPoints

Purpose = Literal["inference", "training", "dropout"]
"""What a network is built for: training is compared without dropout, and dropout by itself."""

AS_IT_IS = Retensor(lambda tensors: tensors)
"""Planted in every network first: a fault is caught by tiers that pass this."""


class Planting:
    """Plants faults in one backend's process, one after the other."""

    def __init__(self, process: BackendProcess, device: str, grounds: Grounds) -> None:
        self.process = process
        self.device = device
        self.grounds = grounds
        self._right: dict[tuple[str, str, Purpose], RemoteNetwork] = {}
        self._controls: dict[tuple[str, bool], tuple[TierFinding, ...]] = {}

    def find(self, fault: Fault) -> Finding:
        """Plant a fault, and say what came of it.

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
        # What a backend is asked for in training alone leaves it as it is, and inference has been asked that.
        tiers = control[: len(INFERENCE)] if isinstance(fault.plant, Retrain) else self._ask(fault)
        if fault.learned:
            tiers += self._ask_training(fault)
        return decide(fault.name, fault.place, tiers, fault.learned)

    def _control(self, name: str, training: bool) -> tuple[TierFinding, ...]:
        """What the tiers of inference, or those of training, say of a network that nothing is planted in."""
        if (name, training) not in self._controls:
            none = Fault("none", "", "", name, None, AS_IT_IS)
            self._controls[name, training] = self._ask_training(none) if training else self._ask(none)
        return self._controls[name, training]

    def _ask_training(self, fault: Fault) -> tuple[TierFinding, ...]:
        """What the tiers of TRAINING say, in float64 or, where a backend has none, in float32."""
        ground = self.grounds.learning(fault.network)
        try:
            network = self._planted_for_training(fault)
        except Unavailable as error:
            return tuple(TierFinding(tier, None, message=str(error)) for tier in TRAINING)
        try:
            gradients, *rest = ground.ask(network, fault.plant if isinstance(fault.plant, Retrain) else Retrain())
        finally:
            self._let_go(network)
        if ground.dropout and gradients.caught is False:
            gradients = self._ask_dropout(fault, ground)
        return gradients, *rest

    def _ask_dropout(self, fault: Fault, ground: LearningGround) -> TierFinding:
        if self.process.name == "oracle":
            return TierFinding("gradients", None, message="The oracle trains without dropout.")
        try:
            network = self._planted(fault, DTYPE, "dropout")
        except Unavailable as error:
            return TierFinding("gradients", None, message=str(error))
        try:
            return ground.ask_dropout(network)
        finally:
            self._let_go(network)

    def _planted_for_training(self, fault: Fault) -> RemoteNetwork:
        try:
            return self._planted(fault, "float64", "training")
        except Unavailable:
            return self._planted(fault, "float32", "training")

    def _ask(self, fault: Fault) -> tuple[TierFinding, ...]:
        """What the tiers of INFERENCE say."""
        ground = self.grounds[fault.network]
        network = self._planted(fault, "float32")
        try:
            found = self._end_points(network, fault, ground.drawn)
            shapes = Structure(*({name: y.shape for name, y in each.items()} for each in (found, network.tensors())))
            first, message = ground.structure.first_difference(shapes) or (None, "")
            structure = TierFinding("structure", first is not None, first, None, message)
            if not ground.structure.is_comparable(shapes):
                reason = "It has other end points or tensors."
                return structure, *(TierFinding(tier, None, message=reason) for tier in INFERENCE[1:])
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

    def _planted(self, fault: Fault, dtype: str, purpose: Purpose = "inference") -> RemoteNetwork:
        """A network with the fault in it, as far as it is of the network itself; what is right serves all faults."""
        right = fault.architecture == fault.case.network and not isinstance(fault.plant, Surgery)
        key = fault.network, dtype, purpose
        if right and key in self._right:
            return self._right[key]
        built, options = fault.architecture.undrawn(), {}
        match purpose:
            case "training":
                built = built.without_dropout()
                options = {"training": True, "freeze_batch_norm": fault.network in FROZEN}
            case "dropout":
                options = {"training": True, "freeze_batch_norm": True}
        network = self.process.build(built, self.device, dtype, **options)
        if isinstance(fault.plant, Surgery):
            surgeon = (trainer_of if isinstance(fault.plant, LearningSurgery) else surgeon_of)(self.process.name)
            network.apply(f"{surgeon}:{fault.plant.function}", **fault.plant.arguments)
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
