"""The units in NumPy: what the frameworks' units are held against. Arrays are [N, H, W, C]."""

from collections.abc import Callable

import numpy as np

from isomorph.backends.oracle.operations import Array, Precision, convolve, subsample
from isomorph.spec.layers import Convolution, Shortcut, Subsample, ZeroChannels
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS, tensors_of
from isomorph.spec.units import Unit

EndPoints = dict[str, Array]
Statistics = Callable[[Array], tuple[Array, Array]]


class ConvBatchNorm:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: convolution, batch norm and ReLU as the plan says."""

    def __init__(self, convolution: Convolution, epsilon: float, precision: Precision) -> None:
        self.convolution = convolution
        self.epsilon = epsilon
        self.precision = precision
        self.tensors = {name: np.zeros(shape, precision.computed) for name, shape in tensors_of(convolution).items()}
        self.calibrate: Statistics | None = None

    def __call__(self, x: Array) -> Array:
        layer, precision = self.convolution, self.precision
        x = convolve(x, self.tensors[WEIGHTS], layer.stride, layer.rate, layer.padding, precision.halves)
        if layer.bias:
            x += self.tensors[BIASES]
        x = precision.round(x)
        if layer.batch_norm:
            x = precision.round(self.batch_norm(x))
        if layer.relu:
            np.maximum(x, 0, out=x)
        return x

    def batch_norm(self, x: Array) -> Array:
        """Normalise `x` in place by the running statistics; while calibrating, by those that `x` is found to have."""
        if self.calibrate:
            self.tensors[MOVING_MEAN], self.tensors[MOVING_VARIANCE] = self.calibrate(x)
        x -= self.tensors[MOVING_MEAN]
        x *= self.tensors[GAMMA] / np.sqrt(self.tensors[MOVING_VARIANCE] + x.dtype.type(self.epsilon))
        x += self.tensors[BETA]
        return x


class Maker:
    """Makes a network's convolutions, all of one epsilon and precision, and remembers them by scope."""

    def __init__(self, epsilon: float, precision: Precision) -> None:
        self.epsilon = epsilon
        self.precision = precision
        self.made: dict[str, ConvBatchNorm] = {}

    def __call__(self, convolution: Convolution) -> ConvBatchNorm:
        self.made[convolution.scope] = made = ConvBatchNorm(convolution, self.epsilon, self.precision)
        return made


def make_shortcut(shortcut: Shortcut | None, make: Maker) -> Callable[[Array], Array]:
    """What the unit's input passes on its way to the sum."""
    match shortcut:
        case Convolution():
            return make(shortcut)
        case Subsample(stride=stride):
            return lambda x: subsample(x, stride)
        case ZeroChannels(stride=stride, before=before, after=after):
            return lambda x: np.pad(subsample(x, stride), ((0, 0), (0, 0), (0, 0), (before, after)))
        case None:
            return lambda x: x


class Basic:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: 3x3, 3x3 beside the shortcut."""

    def __init__(self, unit: Unit, make: Maker) -> None:
        self.precision = make.precision
        self.shortcut = make_shortcut(unit.shortcut, make)
        self.conv1 = make(unit.convolution("conv1"))
        self.conv2 = make(unit.convolution("conv2"))

    def __call__(self, x: Array, end_points: EndPoints) -> Array:
        end_points["shortcut"] = shortcut = self.shortcut(x)
        end_points["conv1"] = residual = self.conv1(x)
        end_points["conv2"] = residual = self.conv2(residual)
        return np.maximum(self.precision.round(shortcut + residual), 0)


class Bottleneck:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: 1x1, 3x3, 1x1 beside the shortcut."""

    def __init__(self, unit: Unit, make: Maker) -> None:
        self.precision = make.precision
        self.shortcut = make_shortcut(unit.shortcut, make)
        self.conv1 = make(unit.convolution("conv1"))
        self.conv2 = make(unit.convolution("conv2"))
        self.conv3 = make(unit.convolution("conv3"))

    def __call__(self, x: Array, end_points: EndPoints) -> Array:
        end_points["shortcut"] = shortcut = self.shortcut(x)
        end_points["conv1"] = residual = self.conv1(x)
        end_points["conv2"] = residual = self.conv2(residual)
        end_points["conv3"] = residual = self.conv3(residual)
        return np.maximum(self.precision.round(shortcut + residual), 0)


UNITS: dict[str, Callable[[Unit, Maker], Callable[[Array, EndPoints], Array]]] = {
    "basic": Basic,
    "bottleneck": Bottleneck,
}
