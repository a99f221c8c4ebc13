"""The oracle in training: a forward pass, with the batch's own statistics, and the pass back through the plan's graph.

Networks have no dropout here: every framework draws masks of its own.
"""

from collections.abc import Callable, Mapping
from typing import assert_never

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.oracle import pullbacks
from isomorph.backends.oracle.operations import Precision, softmax
from isomorph.backends.oracle.pullbacks import Pullback
from isomorph.backends.training import Gradients
from isomorph.spec import Plan
from isomorph.spec.graph import Join, Mean, Node, graph
from isomorph.spec.layers import (
    INPUT,
    AdaptivePool,
    Affine,
    AveragePool,
    BatchNorm,
    Convolution,
    MaxPool,
    Parametrised,
    Subsample,
    ZeroChannels,
)
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, STATISTICS, WEIGHTS, tensor_name

NodeGradients = tuple[list[Array], dict[str, Array]]
"""Gradients with respect to the results that a node reads, in that order, and to its tensors by leaf."""


class TrainingPass:
    """A network's forward pass in training mode, with all that the pass back needs.

    tensors: canonical name -> array in the computed dtype.
    images: [N, H, W, C] in the computed dtype.
    frozen: whether batch norms use their running statistics, and learn nothing.

    Attributes:
        values: name of a node -> its result, [N, h, w, C].
        statistics: scope of a layer with a batch norm that is not frozen -> mean and biased variance of the batch
            there, [depth] each, and the number of values.
    """

    def __init__(
        self, plan: Plan, tensors: Mapping[str, Array], images: Array, precision: Precision, frozen: bool = False
    ) -> None:
        self.plan = plan
        self.tensors = tensors
        self.precision = precision
        self.frozen = frozen
        self.values: dict[str, Array] = {INPUT: images}
        self.statistics: dict[str, tuple[Array, Array, int]] = {}
        self._tape: list[tuple[Node, Callable[[Array], NodeGradients]]] = []
        for node in graph(plan):
            self.values[node.name], pull = self._forward(node)
            self._tape.append((node, pull))

    def pull_back(self, gradients: Mapping[str, Array]) -> tuple[dict[str, Array], Array]:
        """Return the gradients with respect to every tensor that is learned, and to the images; call it once.

        gradients: name of a node -> the gradient of the loss with respect to its result.
        """
        flowing = dict(gradients)
        to_all_tensors: dict[str, Array] = {}
        while self._tape:
            node, pull = self._tape.pop()
            if node.name not in flowing:
                continue  # nothing that the loss sees reads it
            to_reads, to_tensors = pull(flowing.pop(node.name))
            for name, gradient in zip(node.reads, to_reads, strict=True):
                flowing[name] = flowing[name] + gradient if name in flowing else gradient
            if isinstance(node.operation, Parametrised):
                to_all_tensors |= {tensor_name(node.operation, leaf): value for leaf, value in to_tensors.items()}
        return to_all_tensors, flowing[INPUT]

    def _forward(self, node: Node) -> tuple[Array, Callable[[Array], NodeGradients]]:
        reads = [self.values[name] for name in node.reads]
        if isinstance(node.operation, Join):
            return _join(node.operation, reads)
        (x,) = reads
        y, pull = self._layer(node, x)

        def pull_one(gradient: Array) -> NodeGradients:
            to_x, to_tensors = pull(gradient)
            return [to_x], to_tensors

        return y, pull_one

    def _layer(self, node: Node, x: Array) -> tuple[Array, Pullback]:
        order = self.precision.order
        match node.operation:
            case Convolution() | BatchNorm() as layer:
                return self._parametrised(layer, x)
            case MaxPool() as pool:
                return pullbacks.max_pool(x, pool)
            case AveragePool() as pool:
                return pullbacks.average_pool(x, pool, order)
            case AdaptivePool() as pool:
                return pullbacks.adaptive_pool(x, pool, order)
            case Affine() as affine:
                return pullbacks.scale(x, np.array(affine.scale, x.dtype), np.array(affine.shift, x.dtype))
            case Subsample() as identity:
                return pullbacks.subsample(x, identity.stride)
            case ZeroChannels() as shortcut:
                return pullbacks.add_zero_channels(x, shortcut)
            case Mean():
                return pullbacks.mean(x, order)
            case Join():
                raise AssertionError("joins read several results")
            case never:
                assert_never(never)

    def _parametrised(self, layer: Parametrised, x: Array) -> tuple[Array, Pullback]:
        """Apply convolution, bias, batch norm and activation, as far as the layer has them."""
        order = self.precision.order
        pulls: list[Pullback] = []
        if isinstance(layer, Convolution):
            x, pull = pullbacks.convolve(x, self._tensor(layer, WEIGHTS), layer, order)
            pulls.append(pull)
            if layer.bias:
                x, pull = pullbacks.add_bias(x, self._tensor(layer, BIASES), order)
                pulls.append(pull)
        if isinstance(layer, BatchNorm) or layer.batch_norm:
            x, pull = self._normalised(layer, x)
            pulls.append(pull)
        x, pull = pullbacks.activate(x, layer.activation)
        pulls.append(pull)
        return x, _chained(pulls)

    def _normalised(self, layer: Parametrised, x: Array) -> tuple[Array, Pullback]:
        """Apply the batch norm of a layer."""
        gamma = None if layer.gamma is None else self._tensor(layer, GAMMA)
        beta, epsilon = self._tensor(layer, BETA), self.plan.epsilon
        if self.frozen:
            mean, variance = (self._tensor(layer, leaf) for leaf in STATISTICS)
            return pullbacks.normalise_frozen(x, gamma, beta, mean, variance, epsilon)
        count = x.size // layer.depth
        x, (mean, variance), pull = pullbacks.normalise(x, gamma, beta, epsilon, self.precision.order)
        self.statistics[layer.scope] = mean, variance, count
        return x, pull

    def _tensor(self, layer: Parametrised, leaf: str) -> Array:
        return self.tensors[tensor_name(layer, leaf)]


def _chained(pulls: list[Pullback]) -> Pullback:
    """Return the pullback of operations that follow one another."""

    def pull(gradient: Array) -> tuple[Array, dict[str, Array]]:
        to_all_tensors: dict[str, Array] = {}
        while pulls:
            gradient, to_tensors = pulls.pop()(gradient)
            to_all_tensors |= to_tensors
        return gradient, to_all_tensors

    return pull


def _join(join: Join, reads: list[Array]) -> tuple[Array, Callable[[Array], NodeGradients]]:
    joined = np.concatenate(reads, axis=3) if join.concatenated else np.sum(reads, axis=0)
    y, pull = pullbacks.activate(joined, join.activation)
    ends = np.cumsum([x.shape[3] for x in reads])[:-1]

    def pull_all(gradient: Array) -> NodeGradients:
        to_joined, _ = pull(gradient)
        return (np.split(to_joined, ends, axis=3) if join.concatenated else [to_joined] * len(reads)), {}

    return y, pull_all


def run_back(
    plan: Plan,
    tensors: Mapping[str, Array],
    images: Array,
    labels: Array,
    auxiliary_weight: float,
    precision: Precision,
    frozen: bool = False,
) -> tuple[Gradients, TrainingPass]:
    """Return the gradients of the loss of a batch, and its forward pass.

    tensors, images, frozen: as for TrainingPass. labels: [N] integers.
    """
    forward = TrainingPass(plan, tensors, images, precision, frozen)
    loss, to_answers = 0.0, {}
    for name, weight in weights_of(plan, auxiliary_weight).items():
        value, gradient = cross_entropy(forward.values[name], labels)
        loss += weight * value
        to_answers[name] = gradient * images.dtype.type(weight)
    to_tensors, to_images = forward.pull_back(to_answers)
    in_order = {name: to_tensors[name] for name in tensors if name in to_tensors}
    return Gradients(loss, in_order, to_images), forward


def weights_of(plan: Plan, auxiliary_weight: float) -> dict[str, float]:
    """Return the weight in the loss of the logits and of every auxiliary head's answers, by name."""
    return {"logits": 1.0} | dict.fromkeys(plan.heads.values(), auxiliary_weight)


def cross_entropy(logits: Array, labels: Array) -> tuple[float, Array]:
    """Return the batch's mean softmax cross-entropy, in nats, and its gradient with respect to the logits.

    logits: [N, h, w, classes], of which the mean over space is taken. labels: [N], in 0 .. classes - 1.
    """
    batch, height, width, _ = logits.shape
    rows = np.arange(batch)
    answers = logits.mean(axis=(1, 2))
    shifted = answers - answers.max(axis=1, keepdims=True)
    value = np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[rows, labels])
    shares = softmax(answers)
    shares[rows, labels] -= 1
    gradient = shares[:, None, None] / logits.dtype.type(batch * height * width)
    return float(value), np.broadcast_to(gradient, logits.shape)


def follow(plan: Plan, tensors: Mapping[str, Array], forward: TrainingPass) -> dict[str, Array]:
    """Return the running statistics, canonical name -> [depth], updated by those of a batch."""
    followed: dict[str, Array] = {}
    unbiased = plan.convention.running_variance == "unbiased"
    for layer in plan.parametrised:
        if layer.scope not in forward.statistics:
            continue
        mean, variance, count = forward.statistics[layer.scope]
        if unbiased:
            variance = variance * variance.dtype.type(count / (count - 1))
        for leaf, statistic in ((MOVING_MEAN, mean), (MOVING_VARIANCE, variance)):
            name = tensor_name(layer, leaf)
            decay = statistic.dtype.type(plan.decay)
            followed[name] = decay * tensors[name] + (1 - decay) * statistic
    return followed
