"""The units in NumPy, the reference for the frameworks' units. Arrays are [N, H, W, C]."""

from collections.abc import Callable

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.oracle.layers import Maker
from isomorph.spec.layers import INPUT, Convolution
from isomorph.spec.units import Unit

EndPoints = dict[str, Array]


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


class BasicV2:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: batch norm, then 3x3, 3x3 and shortcut."""

    def __init__(self, unit: Unit, make: Maker) -> None:
        self.preact = make(unit.layer("preact"))
        self.shortcut = make.shortcut(unit)
        self.projects = isinstance(unit.shortcut, Convolution)
        self.conv1 = make(unit.layer("conv1"))
        self.conv2 = make(unit.layer("conv2"))
        self.add = make.add

    def __call__(self, x: Array, end_points: EndPoints) -> Array:
        end_points["preact"] = preact = self.preact(x)
        assert self.shortcut
        end_points["shortcut"] = shortcut = self.shortcut(preact if self.projects else x)
        end_points["conv1"] = residual = self.conv1(preact)
        end_points["conv2"] = residual = self.conv2(residual)
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


class Inception:
    """[N, H, W, depth_in] -> [N, H, W, depth]: 1x1; 1x1, 3x3; 1x1, 5x5; max pool, 1x1; all of their channels."""

    def __init__(self, unit: Unit, make: Maker) -> None:
        self.branch1 = make(unit.layer("branch1"))
        self.branch2_reduce = make(unit.layer("branch2_reduce"))
        self.branch2 = make(unit.layer("branch2"))
        self.branch3_reduce = make(unit.layer("branch3_reduce"))
        self.branch3 = make(unit.layer("branch3"))
        self.branch4_pool = make(unit.layer("branch4_pool"))
        self.branch4 = make(unit.layer("branch4"))
        self.activation = make.activation(unit)

    def __call__(self, x: Array, end_points: EndPoints) -> Array:
        end_points["branch1"] = branch1 = self.branch1(x)
        end_points["branch2_reduce"] = branch2_reduce = self.branch2_reduce(x)
        end_points["branch2"] = branch2 = self.branch2(branch2_reduce)
        end_points["branch3_reduce"] = branch3_reduce = self.branch3_reduce(x)
        end_points["branch3"] = branch3 = self.branch3(branch3_reduce)
        end_points["branch4_pool"] = branch4_pool = self.branch4_pool(x)
        end_points["branch4"] = branch4 = self.branch4(branch4_pool)
        return self.activation(np.concatenate((branch1, branch2, branch3, branch4), axis=3))


class Auxiliary:
    """[N, H, W, depth_in] -> [N, 1, 1, classes]: average pool, 1x1, dense layer, classifier."""

    def __init__(self, unit: Unit, make: Maker) -> None:
        self.pool = make(unit.layer("pool"))
        self.conv = make(unit.layer("conv"))
        self.fc1 = make(unit.layer("fc1"))
        self.logits = make(unit.layer("logits"))

    def __call__(self, x: Array, end_points: EndPoints) -> Array:
        end_points["pool"] = x = self.pool(x)
        end_points["conv"] = x = self.conv(x)
        end_points["fc1"] = x = self.fc1(x)
        end_points["logits"] = x = self.logits(x)
        return x


def make_unit(unit: Unit, make: Maker) -> Callable[[Array, EndPoints], Array]:
    """Return the unit of a kind: of a class in UNITS, or a single layer."""
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
    "basic_v2": BasicV2,
    "separable": Separable,
    "inverted_residual": InvertedResidual,
    "inception": Inception,
    "auxiliary": Auxiliary,
}
