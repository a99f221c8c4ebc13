"""The tiers of training: their reference cases, and their findings on a network that may have a fault.

gradients: the loss of a batch, then its gradients, from the logits back to the images. All that is without dropout; if
    the network has any, what gradients show of each layer's comes last, in network order.
statistics: the running ones, after the batch has been seen at inference, which must not change them, and in training.
steps: two, each from the oracle's own state, the first from rest and the second with a velocity; tensors in network
    order, then velocities.
"""

from collections.abc import Callable
from dataclasses import replace

from isomorph.backends import Unavailable
from isomorph.backends.process import RemoteNetwork
from isomorph.backends.protocol import Network
from isomorph.conformance.faults.fault import Retrain
from isomorph.conformance.faults.finding import TRAINING, TierFinding
from isomorph.conformance.faults.kinks import on_a_kink
from isomorph.conformance.faults.networks import CASES, FROZEN
from isomorph.conformance.training.case import draw_training
from isomorph.conformance.training.dropout import DropoutCase
from isomorph.conformance.training.reference import TrainingReference, as_named, as_state, running_statistics
from isomorph.conformance.training.verdict import TrainingVerdict
from isomorph.spec import Architecture, plan

BATCH = 4
STEPS = 2

Learner = Network | RemoteNetwork
"""A network built for training."""


class TrainingReferenceCase:
    """One of CASES for training: drawn, with one of its channels on a kink, and the oracle's answers."""

    def __init__(self, name: str) -> None:
        case = CASES[name]
        drawn = draw_training(case.network, BATCH, case.height, case.width, case.seed, name in FROZEN)
        self.dropout = DropoutCase(case.network, case.height, case.width, case.seed) if drops(case.network) else None
        self.case = replace(drawn, tensors=on_a_kink(drawn.architecture, drawn.tensors))
        self.reference = TrainingReference(self.case)
        self.gradients = self.reference.gradients
        self.statistics = self.reference.statistics(1)
        self.steps = tuple(self.reference.steps(STEPS))

    def ask(self, network: Learner, retrain: Retrain) -> tuple[TierFinding, ...]:
        """Return every tier's finding on a network that has the case's tensors, trained as `retrain` says."""
        tiers = zip(TRAINING, (self._gradients, self._statistics, self._steps), strict=True)
        return tuple(_finding(tier, judge, network, retrain) for tier, judge in tiers)

    def ask_dropout(self, network: Learner) -> TierFinding:
        """Return what gradients show of the dropout of a network that was built with it and frozen batch norms."""
        for verdict in self.dropout.verdicts(network) if self.dropout else ():
            if verdict.verdict == "unavailable":
                return TierFinding("gradients", None, message=verdict.message)
            if verdict.verdict == "fail":
                return TierFinding("gradients", True, verdict.first_divergence, None, verdict.message)
        return TierFinding("gradients", False)

    def _gradients(self, network: Learner, retrain: Retrain) -> TrainingVerdict:
        network.load(self.case.tensors)
        gradients = as_named(network.gradients(*self.case.batch(0), retrain.auxiliary_weight))
        return self.gradients[network.dtype].judge("gradients", network.dtype, gradients)

    def _statistics(self, network: Learner, _retrain: Retrain) -> TrainingVerdict:
        network.load(self.case.tensors)
        network.end_points(self.case.images)
        network.observe(self.case.images)
        statistics = running_statistics(network.tensors())
        return self.statistics[network.dtype].judge("statistics", network.dtype, statistics)

    def _steps(self, network: Learner, retrain: Retrain) -> TrainingVerdict:
        """Return the verdict on the first step whose result is not the oracle's, or on the last."""
        if network.dtype != "float64":
            raise Unavailable("Steps are compared in float64 alone.")
        sgd = retrain.sgd(self.reference.sgd)
        for number, step in enumerate(self.steps, start=1):
            network.load(step.tensors)
            carried = {name: retrain.carried * value for name, value in step.velocity.items()}
            _, moved = network.step(step.images, step.labels, sgd, carried, retrain.auxiliary_weight)
            state = as_state(network.tensors(), moved)
            verdict = self.reference.step_criterion(step).judge(f"step {number}", network.dtype, state)
            if verdict.verdict == "fail":
                break
        return verdict


def drops(network: Architecture) -> bool:
    """Return whether a network has dropout."""
    return any(layer.dropout for layer in plan(network).convolutions)


def _finding(
    tier: str, judge: Callable[[Learner, Retrain], TrainingVerdict], network: Learner, retrain: Retrain
) -> TierFinding:
    try:
        verdict = judge(network, retrain)
    except Unavailable as error:
        return TierFinding(tier, None, message=str(error))
    return TierFinding(tier, verdict.verdict == "fail", verdict.first_divergence, None, verdict.message)
