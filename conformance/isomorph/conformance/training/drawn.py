"""One comparison of training, ready to run: a network, what is drawn for it, and the verdicts on a backend's own."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from isomorph.backends.process import RemoteNetwork
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
from isomorph.conformance.verdict import Array
from isomorph.spec import Architecture

STEPS = 20
"""How many steps are compared."""


@dataclass(frozen=True)
class Training:
    """A network, the size of its images and how many there are in a batch, and what all is drawn from.

    freeze_batch_norm: whether it is trained with frozen batch norms. sgd: how it learns; None is SGD().
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
        given = self.network, self.batch, self.height, self.width, self.seed, self.freeze_batch_norm
        return DrawnTraining(draw_training(*given), self.sgd)


class DrawnTraining:
    """A case of training, and verdicts on networks that were built of it for training."""

    def __init__(self, case: TrainingCase, sgd: SGD | None = None) -> None:
        self.case = case
        self.reference = TrainingReference(case, sgd)

        self._walk = self.reference.steps(STEPS)
        self._made: list[Step] = []

    def oracle_steps(self) -> Iterator[Step]:
        """The oracle's STEPS, each made when it is first asked for."""
        for number in range(STEPS):
            if number == len(self._made):
                self._made.append(next(self._walk))
            yield self._made[number]

    def prepare(self, batches: Iterable[int], steps: int) -> None:
        """Let the oracle do its part of what will be compared; from then on threads may share this."""
        _ = self.reference.gradients
        for number in batches:
            self.reference.statistics(number)
        list(islice(self.oracle_steps(), steps))

    def gradients(self, network: RemoteNetwork) -> TrainingVerdict:
        """On the loss of the first batch, and its gradients; "unavailable" where bends leave it undecided."""
        network.load(self.case.tensors)
        found = as_named(network.gradients(*self.case.batch(0)))
        verdict = self.reference.gradients[network.dtype].judge("gradients", network.dtype, found)
        if verdict.verdict == "fail" and network.dtype == "float32" and self.case.close:
            undecided = f"{self.case.close[0]} stands so close to a bend that float32 may take its other side"
            return replace(verdict, verdict="unavailable", message=f"{verdict.message}; {undecided}")
        return verdict

    def statistics(self, network: RemoteNetwork, batches: int) -> TrainingVerdict:
        """On the running statistics after so many batches."""
        network.load(self.case.tensors)
        for number in range(batches):
            network.observe(self.case.batch(number)[0])
        title = f"statistics after {batches} batch{'' if batches == 1 else 'es'}"
        found = running_statistics(network.tensors())
        return self.reference.statistics(batches)[network.dtype].judge(title, network.dtype, found)

    def steps(self, network: RemoteNetwork) -> Iterator[TrainingVerdict]:
        """On each of the oracle's steps, made from where the oracle starts."""
        for number, step in enumerate(self.oracle_steps(), start=1):
            network.load(step.tensors)
            _, moved = network.step(step.images, step.labels, self.reference.sgd, step.velocity)
            found = as_state(network.tensors(), moved)
            yield self.reference.step_yardstick(step).judge(f"step {number}", network.dtype, found)

    def free_run(self, network: RemoteNetwork) -> TrainingVerdict:
        """On the tensors after all of the steps, each made from where the network's own last one ended."""
        network.load(self.case.tensors)
        velocity: dict[str, Array] = {}
        for step in self.oracle_steps():
            _, velocity = network.step(step.images, step.labels, self.reference.sgd, velocity)
        wanted = {name: self._made[-1].ends[name] for name in self.case.tensors}
        yardstick = within(wanted, FREE_RUN, self.reference.unit_of)
        return yardstick.judge(f"{STEPS} free-running steps", network.dtype, network.tensors())
