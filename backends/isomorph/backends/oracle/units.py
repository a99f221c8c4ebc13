"""The units in NumPy: what the frameworks' units are held against. Arrays are [N, H, W, C]."""

from collections.abc import Callable

import numpy as np

from isomorph.backends.oracle.operations import Array, Precision, activate, convolve, max_pool, subsample
from isomorph.spec.layers import INPUT, BatchNorm, Convolution, Layer, MaxPool, Subsample, ZeroChannels
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS, tensors_of
from isomorph.spec.units import Unit

EndPoints = dict[str, Array]
Statistics = Callable[[Array], tuple[Array, Array]]
Function = Callable[[Array], Array]


class Parametrised:
    """What has tensors.

    Attributes:
        tensors: leaf -> array in the computed dtype.
        calibrate: while it is set, every batch norm takes over the statistics that this finds in its input.
    """

    def __init__(self, layer: Convolution | BatchNorm, epsilon: float, precision: Precision) -> None:
        self.layer = layer
        self.epsilon = epsilon
        self.precision = precision
        self.tensors = {leaf: np.zeros(shape, precision.computed) for leaf, shape in tensors_of(layer).items()}
        self.calibrate: Statistics | None = None

    def batch_norm(self, x: Array) -> Array:
        """Normalise `x` in place by the running statistics; while calibrating, by those that `x` is found to have."""
        if self.calibrate:
            self.tensors[MOVING_MEAN], self.tensors[MOVING_VARIANCE] = self.calibrate(x)
        x -= self.tensors[MOVING_MEAN]
        x *= self.tensors[GAMMA] / np.sqrt(self.tensors[MOVING_VARIANCE] + x.dtype.type(self.epsilon))
        x += self.tensors[BETA]
        return x


class ConvBatchNorm(Parametrised):
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: convolution, batch norm and activation."""

    layer: Convolution

    def __call__(self, x: Array) -> Array:
        layer, precision = self.layer, self.precision
        x = convolve(x, self.tensors[WEIGHTS], layer, precision.halves)
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
        return activate(self.precision.round(self.batch_norm(x.copy())), self.layer.activation)


class Maker:
    """Makes a network's layers, all of one epsilon and precision, and remembers those with tensors by scope."""

    def __init__(self, epsilon: float, precision: Precision) -> None:
        self.epsilon = epsilon
        self.precision = precision
        self.made: dict[str, Parametrised] = {}

    def __call__(self, layer: Layer) -> Function:
        match layer:
            case Convolution():
                self.made[layer.scope] = convolution = ConvBatchNorm(layer, self.epsilon, self.precision)
                return convolution
            case BatchNorm():
                self.made[layer.scope] = batch_norm = BatchNormActivation(layer, self.epsilon, self.precision)
                return batch_norm
            case MaxPool():
                return lambda x: max_pool(x, layer)
            case Subsample():
                return lambda x: subsample(x, layer.stride)
            case ZeroChannels():
                border = ((0, 0), (0, 0), (0, 0), (layer.before, layer.after))
                return lambda x: np.pad(subsample(x, layer.stride), border)

    def shortcut(self, unit: Unit) -> Function | None:
        """What the unit's input passes on its way to the sum; None in a plain network, which has no shortcuts."""
        if unit.shortcut is None:
            return (lambda x: x) if INPUT in unit.wiring.joined else None
        return self(unit.shortcut)

    def add(self, shortcut: Array, residual: Array) -> Array:
        """Their sum: the precision rounds after every operation."""
        return self.precision.round(shortcut + residual)

    def activation(self, unit: Unit) -> Function:
        """What follows the unit's sum; on a copy, as a plain unit's map is its last convolution's, too."""
        return lambda x: activate(x.copy(), unit.wiring.activation)


class Basic:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: 3x3, 3x3 beside the shortcut."""

    def __init__(self, unit: Unit, make: Maker) -> None:
        self.shortcut = make.shortcut(unit)
        self.conv1 = make(unit.layer("conv1"))
        self.conv2 = make(unit.layer("conv2"))
        self.add = make.add
        self.activation = make.activation(unit)

    def __call__(self, x: Array, end_points: EndPoints) -> Array:
        end_points["conv1"] = residual = self.conv1(x)
        end_points["conv2"] = residual = self.conv2(residual)
        if self.shortcut is not None:
            end_points["shortcut"] = shortcut = self.shortcut(x)
            residual = self.add(shortcut, residual)
        return self.activation(residual)


class Bottleneck:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: 1x1, 3x3, 1x1 beside the shortcut."""

    def __init__(self, unit: Unit, make: Maker) -> None:
        self.shortcut = make.shortcut(unit)
        self.conv1 = make(unit.layer("conv1"))
        self.conv2 = make(unit.layer("conv2"))
        self.conv3 = make(unit.layer("conv3"))
        self.add = make.add
        self.activation = make.activation(unit)

    def __call__(self, x: Array, end_points: EndPoints) -> Array:
        end_points["conv1"] = residual = self.conv1(x)
        end_points["conv2"] = residual = self.conv2(residual)
        end_points["conv3"] = residual = self.conv3(residual)
        if self.shortcut is not None:
            end_points["shortcut"] = shortcut = self.shortcut(x)
            residual = self.add(shortcut, residual)
        return self.activation(residual)


class BottleneckV2:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: batch norm, then 1x1, 3x3, 1x1 and shortcut."""

    def __init__(self, unit: Unit, make: Maker) -> None:
        self.preact = make(unit.layer("preact"))
        self.shortcut = make.shortcut(unit)
        self.projects = isinstance(unit.shortcut, Convolution)
        self.conv1 = make(unit.layer("conv1"))
        self.conv2 = make(unit.layer("conv2"))
        self.conv3 = make(unit.layer("conv3"))
        self.add = make.add

    def __call__(self, x: Array, end_points: EndPoints) -> Array:
        end_points["preact"] = preact = self.preact(x)
        assert self.shortcut
        end_points["shortcut"] = shortcut = self.shortcut(preact if self.projects else x)
        end_points["conv1"] = residual = self.conv1(preact)
        end_points["conv2"] = residual = self.conv2(residual)
        end_points["conv3"] = residual = self.conv3(residual)
        return self.add(shortcut, residual)


class Separable:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: depthwise 3x3, 1x1."""

    def __init__(self, unit: Unit, make: Maker) -> None:
        self.depthwise = make(unit.layer("depthwise"))
        self.pointwise = make(unit.layer("pointwise"))

    def __call__(self, x: Array, end_points: EndPoints) -> Array:
        end_points["depthwise"] = x = self.depthwise(x)
        end_points["pointwise"] = x = self.pointwise(x)
        return x


class InvertedResidual:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: 1x1 if it widens, depthwise 3x3, 1x1; then the sum."""

    def __init__(self, unit: Unit, make: Maker) -> None:
        self.expand = make(unit.layer("expand")) if len(unit.layers) == 3 else None
        self.depthwise = make(unit.layer("depthwise"))
        self.project = make(unit.layer("project"))
        self.adds = INPUT in unit.wiring.joined
        self.add = make.add

    def __call__(self, x: Array, end_points: EndPoints) -> Array:
        residual = x
        if self.expand:
            end_points["expand"] = residual = self.expand(x)
        end_points["depthwise"] = residual = self.depthwise(residual)
        end_points["project"] = residual = self.project(residual)
        return self.add(x, residual) if self.adds else residual


def make_unit(unit: Unit, make: Maker) -> Callable[[Array, EndPoints], Array]:
    """The unit of a kind: of a class in UNITS, or a single layer."""
    if unit.kind in UNITS:
        return UNITS[unit.kind](unit, make)
    (only,) = unit.layers
    layer = make(only)
    return lambda x, end_points: layer(x)


UNITS: dict[str, Callable[[Unit, Maker], Callable[[Array, EndPoints], Array]]] = {
    "basic": Basic,
    "bottleneck": Bottleneck,
    "grouped_bottleneck": Bottleneck,
    "bottleneck_v2": BottleneckV2,
    "separable": Separable,
    "inverted_residual": InvertedResidual,
}
