"""The oracle's gradients, running statistics and steps for one case, and the noise in a difference from them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.oracle.operations import ORDERS
from isomorph.backends.oracle.training import cross_entropy, weights_of
from isomorph.backends.protocol import Array, Options
from isomorph.backends.training import AUXILIARY_WEIGHT, IMAGES, SGD, Gradients
from isomorph.conformance.training.case import TrainingCase
from isomorph.conformance.training.verdict import Criterion, Named, in_noise_floors, within
from isomorph.spec import is_trainable, plan
from isomorph.spec.layers import Convolution
from isomorph.spec.tensors import BIASES, split, tensor_name

LOSS = "loss"
"""The name of the loss, which comes first among the gradients."""

VELOCITY = "velocity of "
"""The prefix of a tensor's name for its velocity."""

STEP = 1e-11
"""The tolerance of a step in float64 from the oracle's own state; a constant in float32 errs by a thousand times it."""

FREE_RUN = 1e-9
"""The tolerance of twenty steps in float64, each from the last one's end, in a network of twenty layers."""


@dataclass(frozen=True)
class Step:
    """One step of the oracle: its state before, its batch, its state after.

    velocity: empty at the first step, which starts from rest.
    """

    tensors: Named = field(repr=False)
    velocity: Named = field(repr=False)
    images: Array = field(repr=False)
    labels: Array = field(repr=False)
    ends: Named = field(repr=False)


class TrainingReference:
    """The oracle's answers to one case of training."""

    def __init__(self, case: TrainingCase, sgd: SGD | None = None) -> None:
        self.case = case
        self.sgd = sgd or SGD()
        self.plan = plan(case.architecture)
        self._parts = {layer: part for part, layers in self.plan.parts.items() for layer in layers}
        self._weights = weights_of(self.plan, AUXILIARY_WEIGHT)
        self.statistics = cache(self._statistics)

    @cached_property
    def gradients(self) -> dict[str, Criterion]:
        """The criteria of the loss and of its gradients, from the logits back to the images, by dtype."""
        answers, exact = self._answers_and_gradients(self.network("float64"))
        evaluations = (self._noisy_gradients(network, answers, exact) for network in self._orders())
        return in_noise_floors(exact, evaluations, self.unit_of, self._structural, bounded=(LOSS,))

    def _statistics(self, batches: int) -> dict[str, Criterion]:
        """Return the criteria of the running statistics after so many batches, by dtype, in network order."""
        if self.case.freeze_batch_norm:  # they stay as they are, bit for bit
            frozen = running_statistics(self.case.tensors)
            rounded = {dtype: {name: x.astype(dtype) for name, x in frozen.items()} for dtype in ("float64", "float32")}
            return {dtype: within(values, 0.0, self.unit_of) for dtype, values in rounded.items()}
        exact = self._observed(self.network("float64"), batches)
        evaluations = (self._observed(network, batches) for network in self._orders())
        return in_noise_floors(exact, evaluations, self.unit_of)

    def steps(self, number: int) -> Iterator[Step]:
        """Yield so many steps in float64, one after the other, each on a batch of its own."""
        network = self.network("float64")
        velocity: dict[str, Array] = {}
        for images, labels in map(self.case.batch, range(number)):
            tensors = network.tensors()
            _, moved = network.step(images, labels, self.sgd, velocity)
            yield Step(tensors, velocity, images, labels, as_state(network.tensors(), moved))
            velocity = moved

    def step_criterion(self, step: Step) -> Criterion:
        """Return the criterion of a step from the oracle's state."""
        zeros = {VELOCITY + name for name in self.gradients["float64"].zeros}
        return within(step.ends, STEP, self.unit_of, zeros & step.ends.keys())

    def unit_of(self, name: str) -> str:
        """Return the part of the network that a tensor, or its velocity, belongs to; loss and images are their own."""
        tensor = name.removeprefix(VELOCITY)
        unit = tensor if tensor in (LOSS, IMAGES) else self._parts[split(tensor)[0]]
        return f"{VELOCITY}{unit}" if tensor != name else unit

    def network(self, dtype: str, order: int = 0) -> OracleNetwork:
        """Return the oracle's network with the case's tensors, in one of its orders of summation."""
        options = Options(dtype=dtype, training=True, freeze_batch_norm=self.case.freeze_batch_norm)
        network = OracleNetwork(self.case.architecture, options, order)
        network.load(self.case.tensors)
        return network

    @property
    def _structural(self) -> set[str]:
        """The biases that a batch norm cancels, unless it is frozen."""
        return {
            tensor_name(layer, BIASES)
            for layer in self.plan.parametrised
            if isinstance(layer, Convolution) and layer.bias and layer.batch_norm and not self.case.freeze_batch_norm
        }

    def _orders(self) -> Iterator[OracleNetwork]:
        """Yield the oracle in float32 in every order of summation, each built when it is needed."""
        return (self.network("float32", order) for order in range(ORDERS))

    def _answers_and_gradients(self, network: OracleNetwork) -> tuple[Named, Named]:
        """Return the answers in training mode, name -> [N, h, w, classes], and the loss with its gradients."""
        gradients, forward = network.run_back(*self.case.batch(0))
        return {name: forward.values[name] for name in self._weights}, as_named(gradients)

    def _noisy_gradients(self, network: OracleNetwork, exact_answers: Named, exact: Named) -> Named:
        """Return the gradients of an evaluation, with a loss as far off as the noise of its answers can take it."""
        answers, gradients = self._answers_and_gradients(network)
        return {**gradients, LOSS: exact[LOSS] + self._noise_of_loss(exact_answers, answers)}

    def _noise_of_loss(self, exact: Named, noisy: Named) -> float:
        """Return the largest error of the loss from the noise of answers; the loss itself may be right by luck."""
        _, labels = self.case.batch(0)
        return sum(
            weight
            * float(np.linalg.norm(cross_entropy(exact[name], labels)[1]) * np.linalg.norm(noisy[name] - exact[name]))
            for name, weight in self._weights.items()
        )

    def _observed(self, network: OracleNetwork, batches: int) -> dict[str, Array]:
        for number in range(batches):
            network.observe(self.case.batch(number)[0])
        return running_statistics(network.tensors())


def as_named(gradients: Gradients) -> dict[str, Array]:
    """Return the loss, then gradients in the order of the backward pass: the logits' first, the images' last."""
    return {
        LOSS: np.asarray(gradients.loss),
        **{name: gradients.tensors[name] for name in reversed(list(gradients.tensors))},
        IMAGES: gradients.images,
    }


def as_state(tensors: Mapping[str, Array], velocity: Mapping[str, Array]) -> dict[str, Array]:
    """Return tensors, and the velocities of those that are learned, under names of their own."""
    return {**tensors, **{VELOCITY + name: value for name, value in velocity.items()}}


def running_statistics(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Return the tensors that are not learned, in network order."""
    return {name: value for name, value in tensors.items() if not is_trainable(name)}
