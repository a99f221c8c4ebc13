"""Predict the mean that each batch norm of a network records, from the tensors before it.

A batch norm's running mean is the mean of its input: the kernel before it times the mean of what that reads, which
follows from the batch norms before. That holds in every port of a network, whatever it was trained on.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from isomorph.spec import Plan
from isomorph.spec.graph import Join, Node, graph
from isomorph.spec.layers import (
    INPUT,
    Affine,
    BatchNorm,
    Convolution,
    Layer,
    MaxPool,
    Parametrised,
    Subsample,
    ZeroChannels,
)
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS, tensor_name
from isomorph.tools.checkpoints import Tensors
from isomorph.tools.weights.values.correlations import Prediction
from isomorph.tools.weights.values.kernels import mean_behind
from isomorph.tools.weights.values.signals import Channels, Signal, added, concatenated, unknown

CONSTANT = 1e-3
"""The variance, in epsilons, up to which a channel counts as constant: its batch norm gives beta and little else."""

Exchanged = Mapping[str, str]
"""Scope of a layer -> scope of the like layer whose tensors it has instead of its own."""

NOTHING: Exchanged = {}

Result = TypeVar("Result")


class Predictor:
    """Predicts the running means of a network, and remembers what it has worked out.

    tensors: canonical name -> array.

    >>> from isomorph.spec import architecture, plan
    >>> from isomorph.tools.weights.weights import read_weights
    >>> weights = read_weights("resnet8.safetensors")
    >>> predictions = Predictor(plan(weights.architecture), weights.tensors).predict()
    >>> predictions["block1/unit_1/basic_v1/conv1"].recorded.shape
    (16,)
    """

    def __init__(self, plan: Plan, tensors: Tensors) -> None:
        self.plan = plan
        self.nodes = tuple(graph(plan))
        self._tensors = tensors
        self._known: dict[Hashable, Any] = {}

    def predict(self, exchanged: Exchanged = NOTHING) -> dict[str, Prediction]:
        """Return scope -> prediction of all layers with a batch norm, in network order."""
        return {
            layer.scope: self.predict_layer(layer, read, exchanged.get(layer.scope, layer.scope))
            for layer, read in self.inputs(exchanged)
        }

    def predict_layer(self, layer: Parametrised, read: Signal, tensors_of: str) -> Prediction:
        """Return the prediction of a layer that reads `read` and has the tensors of the like layer `tensors_of`."""
        return self._once(("prediction", tensors_of, read), lambda: self._predict(_moved(layer, tensors_of), read))

    def inputs(self, exchanged: Exchanged = NOTHING) -> list[tuple[Parametrised, Signal]]:
        """Return the layers with a batch norm in network order, each with what it reads."""
        signals = {INPUT: self._once((INPUT,), lambda: unknown(self.plan.architecture.in_channels))}
        normalised: list[tuple[Parametrised, Signal]] = []
        for node in self.nodes:
            read = tuple(signals[name] for name in node.reads)
            layer, tensors_of = node.operation, exchanged.get(node.name, node.name)
            if isinstance(layer, Parametrised) and is_normalised(layer):
                normalised.append((layer, read[0]))
                signals[node.name] = self._once(("norm", node.name, tensors_of), self._behind_norm, layer, tensors_of)
            else:
                signals[node.name] = self._once((node.name, tensors_of, read), self._behind, node, tensors_of, read)
            if isinstance(layer, BatchNorm):  # what it reads also flows on beside it, and its mean is known from here
                signals[node.reads[0]] = self._once(("recorded", tensors_of), self._recorded, layer, tensors_of)
        return normalised

    def tensor(self, layer: Parametrised, leaf: str) -> Channels:
        """Return a tensor of a layer in float64."""
        return np.asarray(self._tensors[tensor_name(layer, leaf)], np.float64)

    def _predict(self, layer: Parametrised, read: Signal) -> Prediction:
        variance, recorded = self.tensor(layer, MOVING_VARIANCE), self.tensor(layer, MOVING_MEAN)
        if isinstance(layer, BatchNorm):  # of what a norm has recorded before, only the increase says anything
            read_mean = read.settled.mean - read.recorded
            predicted, recorded = read_mean[np.newaxis], recorded - read.recorded
        else:
            read_mean = read.settled.mean
            predicted = self._mean_behind(layer, read)
        deviation = np.sqrt(variance + self.plan.epsilon)
        alive = variance > CONSTANT * self.plan.epsilon
        return Prediction(predicted, recorded, deviation, alive, _variation(read_mean))

    def _mean_behind(self, layer: Convolution, read: Signal) -> npt.NDArray[np.float64]:
        mean = read.settled.mean * (layer.dropout.scale if layer.dropout else 1.0)
        predicted = mean_behind(layer, self._tensors[tensor_name(layer, WEIGHTS)], mean)
        return predicted + self.tensor(layer, BIASES) if layer.bias else predicted

    def _behind_norm(self, layer: Parametrised, tensors_of: str) -> Signal:
        layer = _moved(layer, tensors_of)
        variance = self.tensor(layer, MOVING_VARIANCE)
        gamma = self.tensor(layer, GAMMA) if layer.gamma is not None else 1.0
        normalised = np.maximum(variance / (variance + self.plan.epsilon), 0.0)
        return Signal(self.tensor(layer, BETA), gamma**2 * normalised, layer.activation)

    def _recorded(self, layer: BatchNorm, tensors_of: str) -> Signal:
        layer = _moved(layer, tensors_of)
        mean = self.tensor(layer, MOVING_MEAN)
        return Signal(mean, np.maximum(self.tensor(layer, MOVING_VARIANCE), 0.0), recorded=mean)

    def _behind(self, node: Node, tensors_of: str, read: tuple[Signal, ...]) -> Signal:
        """Return what comes out of a node without a batch norm."""
        match node.operation:
            case Join(concatenated=concatenates, activation=activation):
                return (concatenated(read) if concatenates else added(read)).activated(activation)
            case Convolution() as layer:
                mean = self._mean_behind(_moved(layer, tensors_of), read[0])[0]
                return Signal(mean, np.full(layer.depth, np.nan), layer.activation)
            case MaxPool() as pool:
                return read[0].pooled(pool)
            case ZeroChannels(before=before, after=after):
                return read[0].padded(before, after)
            case Affine(scale=scale, shift=shift):
                return read[0].scaled(np.array(scale), np.array(shift))
            case Subsample():
                return replace(read[0], recorded=0.0)  # of a part of the cells no norm has recorded the mean
        return read[0].settled  # the means of windows have the mean of what is in them

    def _once(self, key: Hashable, compute: Callable[..., Result], *arguments: Any) -> Result:
        if key not in self._known:
            self._known[key] = compute(*arguments)
        known: Result = self._known[key]
        return known


def is_normalised(layer: Layer) -> bool:
    """Return whether a layer has running statistics.

    >>> is_normalised(BatchNorm("preact", 8)), is_normalised(MaxPool("pool1", 8, 3, 2, "same", 0.0))
    (True, False)
    """
    return isinstance(layer, BatchNorm) or (isinstance(layer, Convolution) and layer.batch_norm)


LayerType = TypeVar("LayerType", bound=Parametrised)


def _moved(layer: LayerType, scope: str) -> LayerType:
    return layer if layer.scope == scope else replace(layer, scope=scope)


def _variation(mean: Channels) -> float:
    """Return the standard deviation over the known channels, beside their root mean square."""
    known = mean[np.isfinite(mean)]
    size = float(np.sqrt(np.mean(known**2))) if known.size else 0.0
    return float(np.std(known)) / size if size else 0.0
