"""The layers in NumPy, the reference for the frameworks' layers. Arrays are [N, H, W, C]."""

from collections.abc import Callable

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.oracle.operations import (
    AFFINE_ORDERS,
    Precision,
    activate,
    adaptive_pool,
    average_pool,
    convolve,
    max_pool,
    subsample,
)
from isomorph.spec import layers as spec
from isomorph.spec.layers import (
    INPUT,
    AdaptivePool,
    Affine,
    AveragePool,
    BatchNorm,
    Convolution,
    Layer,
    MaxPool,
    Subsample,
    ZeroChannels,
)
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS, tensors_of
from isomorph.spec.units import Unit

Statistics = Callable[[Array], tuple[Array, Array]]
"""A batch norm's input [N, H, W, C] -> its mean and variance, [C] each."""

Draw = Callable[[spec.Parametrised, Array], dict[str, Array]]
"""A layer and its input [N, H, W, C] -> new tensors by leaf."""

Function = Callable[[Array], Array]
"""A map [N, H, W, C] -> a map [N, h, w, C]."""


class Parametrised:
    """A layer that has tensors.

    Attributes:
        tensors: leaf -> array in the computed dtype.
        calibrate: while it is set, the batch norm takes its statistics from this function of its input.
        draw: while it is set, the layer takes its tensors from this function of the layer and its input.
    """

    def __init__(self, layer: spec.Parametrised, epsilon: float, precision: Precision) -> None:
        self.layer = layer
        self.epsilon = epsilon
        self.precision = precision
        self.tensors = {leaf: np.zeros(shape, precision.computed) for leaf, shape in tensors_of(layer).items()}
        self.calibrate: Statistics | None = None
        self.draw: Draw | None = None

    def draw_for(self, x: Array) -> None:
        """While `draw` is set, take the tensors that it returns for the input `x`."""
        if self.draw:
            self.tensors = self.draw(self.layer, x)

    def batch_norm(self, x: Array) -> Array:
        """Normalise `x` in place by the running statistics; while calibrating, by those of `x`."""
        if self.calibrate:
            self.tensors[MOVING_MEAN], self.tensors[MOVING_VARIANCE] = self.calibrate(x)
        mean, beta = self.tensors[MOVING_MEAN], self.tensors[BETA]
        scale = self.tensors.get(GAMMA, x.dtype.type(1)) / np.sqrt(
            self.tensors[MOVING_VARIANCE] + x.dtype.type(self.epsilon)
        )
        if self.precision.order in AFFINE_ORDERS:
            x *= scale
            x += beta - mean * scale
        else:
            x -= mean
            x *= scale
            x += beta
        return x


class ConvBatchNorm(Parametrised):
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: convolution, batch norm and activation."""

    layer: Convolution

    def __call__(self, x: Array) -> Array:
        layer, precision = self.layer, self.precision
        self.draw_for(x)
        if layer.dropout and layer.dropout.downscaled:
            x = precision.round(x * x.dtype.type(layer.dropout.scale))
        x = convolve(x, self.tensors[WEIGHTS], layer, precision.order)
        if layer.bias:
            x += self.tensors[BIASES]
        x = precision.round(x)
        if layer.batch_norm:
            x = precision.round(self.batch_norm(x))
        return activate(x, layer.activation)


class BatchNormActivation(Parametrised):
    """[N, H, W, C] -> the same: batch norm and activation without a convolution before them."""

    layer: BatchNorm

    def __call__(self, x: Array) -> Array:
        self.draw_for(x)
        return activate(self.precision.round(self.batch_norm(x.copy())), self.layer.activation)


class Maker:
    """Makes a network's layers, all of one epsilon and precision.

    parametrised: scope -> layer, of the layers with tensors that it made.
    """

    def __init__(self, epsilon: float, precision: Precision) -> None:
        self.epsilon = epsilon
        self.precision = precision
        self.parametrised: dict[str, Parametrised] = {}

    def __call__(self, layer: Layer) -> Function:
        precision = self.precision
        match layer:
            case Convolution():
                self.parametrised[layer.scope] = convolution = ConvBatchNorm(layer, self.epsilon, precision)
                return convolution
            case BatchNorm():
                self.parametrised[layer.scope] = batch_norm = BatchNormActivation(layer, self.epsilon, precision)
                return batch_norm
            case MaxPool():
                return lambda x: max_pool(x, layer)
            case AveragePool():
                return lambda x: precision.round(average_pool(x, layer, precision.order))
            case AdaptivePool():
                return lambda x: precision.round(adaptive_pool(x, layer.cells, precision.order))
            case Affine():
                scale, shift = (np.array(values, precision.computed) for values in (layer.scale, layer.shift))
                return lambda x: precision.round(x * scale + shift)
            case Subsample():
                return lambda x: subsample(x, layer.stride)
            case ZeroChannels():
                border = ((0, 0), (0, 0), (0, 0), (layer.before, layer.after))
                return lambda x: np.pad(subsample(x, layer.stride), border)

    def shortcut(self, unit: Unit) -> Function | None:
        """Return the function on the unit's shortcut; None in a plain network, which has no shortcuts."""
        if unit.shortcut is None:
            return (lambda x: x) if INPUT in unit.wiring.joined else None
        return self(unit.shortcut)

    def add(self, shortcut: Array, residual: Array) -> Array:
        """Return the sum, rounded as after every operation."""
        return self.precision.round(shortcut + residual)

    def activation(self, unit: Unit) -> Function:
        """Return the activation of a unit's result; it copies, as a plain unit's map is its last convolution's, too."""
        return lambda x: activate(x.copy(), unit.wiring.activation)
