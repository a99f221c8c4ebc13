"""One comparison of training, ready to run: a drawn case, and the verdicts on a backend's network."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from isomorph.backends.process import RemoteNetwork
from isomorph.backends.protocol import Array
from isomorph.backends.training import SGD
from isomorph.conformance.training.case import TrainingCase, draw_training
from isomorph.conformance.training.reference import (
    FREE_RUN,
    Step,
    TrainingReference,
    as_named,
    as_state,
    running_statistics,
)
from isomorph.conformance.training.verdict import TrainingVerdict, within
from isomorph.spec import Architecture

STEPS = 20
"""The number of steps that are compared."""


@dataclass(frozen=True)
class Training:
    """A case of training to draw: a network, the size and number of images in a batch, and the seed.

    freeze_batch_norm: whether it is trained with frozen batch norms. sgd: the optimiser; None is SGD().
    """

    network: Architecture
    height: int
    width: int
    batch: int = 4
    seed: int = 0
    freeze_batch_norm: bool = False
    sgd: SGD | None = None

    def draw(self) -> "DrawnTraining":
        """Draw its images, labels and tensors."""
        case = draw_training(self.network, self.batch, self.height, self.width, self.seed, self.freeze_batch_norm)
        return DrawnTraining(case, self.sgd)


class DrawnTraining:
    """A case of training, and verdicts on networks that were built from it for training."""

    def __init__(self, case: TrainingCase, sgd: SGD | None = None) -> None:
        self.case = case
        self.reference = TrainingReference(case, sgd)

        self._remaining_steps = self.reference.steps(STEPS)
        self._steps: list[Step] = []

    def oracle_steps(self) -> Iterator[Step]:
        """Yield the oracle's STEPS, each computed at its first use."""
        for number in range(STEPS):
            if number == len(self._steps):
                self._steps.append(next(self._remaining_steps))
            yield self._steps[number]

    def prepare(self, batches: Iterable[int], steps: int) -> None:
        """Compute the oracle's part of the comparison; afterwards threads may share this."""
        _ = self.reference.gradients
        for number in batches:
            self.reference.statistics(number)
        list(islice(self.oracle_steps(), steps))

    def gradients(self, network: RemoteNetwork) -> TrainingVerdict:
        """Judge the loss of the first batch, and its gradients; "unavailable" where kinks leave them undecided."""
        network.load(self.case.tensors)
        gradients = as_named(network.gradients(*self.case.batch(0)))
        verdict = self.reference.gradients[network.dtype].judge("gradients", network.dtype, gradients)
        if verdict.verdict == "fail" and network.dtype == "float32" and self.case.near_kinks:
            undecided = f"{self.case.near_kinks[0]} stands so close to a bend that float32 may take its other side"
            return replace(verdict, verdict="unavailable", message=f"{verdict.message}; {undecided}")
        return verdict

    def statistics(self, network: RemoteNetwork, batches: int) -> TrainingVerdict:
        """Judge the running statistics after so many batches."""
        network.load(self.case.tensors)
        for number in range(batches):
            network.observe(self.case.batch(number)[0])
        title = f"statistics after {batches} batch{'' if batches == 1 else 'es'}"
        statistics = running_statistics(network.tensors())
        return self.reference.statistics(batches)[network.dtype].judge(title, network.dtype, statistics)

    def steps(self, network: RemoteNetwork) -> Iterator[TrainingVerdict]:
        """Judge each of the oracle's steps, taken from the state in which the oracle starts it."""
        for number, step in enumerate(self.oracle_steps(), start=1):
            network.load(step.tensors)
            _, moved = network.step(step.images, step.labels, self.reference.sgd, step.velocity)
            state = as_state(network.tensors(), moved)
            yield self.reference.step_criterion(step).judge(f"step {number}", network.dtype, state)

    def free_run(self, network: RemoteNetwork) -> TrainingVerdict:
        """Judge the tensors after all steps, each taken from the state in which the network's own last one ended."""
        network.load(self.case.tensors)
        velocity: dict[str, Array] = {}
        for step in self.oracle_steps():
            _, velocity = network.step(step.images, step.labels, self.reference.sgd, velocity)
        expected = {name: self._steps[-1].ends[name] for name in self.case.tensors}
        criterion = within(expected, FREE_RUN, self.reference.unit_of)
        return criterion.judge(f"{STEPS} free-running steps", network.dtype, network.tensors())
