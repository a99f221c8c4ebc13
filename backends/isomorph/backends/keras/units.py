"""The units in Keras. Tensors are [N, H, W, C], or [N, C, H, W] where the form says so."""

from typing import Any

from keras import layers

from isomorph.backends.keras.layers import (
    BatchNormActivation,
    ConvBatchNorm,
    Form,
    Tensor,
    layer_name,
    make_activation,
    make_layer,
)
from isomorph.spec import Plan
from isomorph.spec.layers import INPUT, Convolution
from isomorph.spec.units import Unit

EndPoints = dict[str, Tensor]


def make_shortcut(unit: Unit, plan: Plan, form: Form) -> Any:
    """Return the layer on the unit's shortcut; None in a plain network, which has no shortcuts."""
    if unit.shortcut is None:
        return (lambda x: x) if INPUT in unit.wiring.joined else None
    return make_layer(unit.shortcut, plan, form)


def make_add(unit: Unit, form: Form) -> Any:
    """Return the layer that computes the unit's sum: in a functional model operations are layers."""
    return layers.Add(dtype=form.policy, name=f"{layer_name(unit.scope)}_add")


class Basic:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: 3x3, 3x3 beside the shortcut."""

    def __init__(self, unit: Unit, plan: Plan, form: Form) -> None:
        self.shortcut = make_shortcut(unit, plan, form)
        self.conv1 = ConvBatchNorm(unit.layer("conv1"), plan, form)
        self.conv2 = ConvBatchNorm(unit.layer("conv2"), plan, form)
        self.add = make_add(unit, form)
        self.activation = make_activation(unit.wiring.activation, layer_name(unit.scope), form)

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        end_points["conv1"] = residual = self.conv1(x)
        end_points["conv2"] = residual = self.conv2(residual)
        if self.shortcut is not None:
            end_points["shortcut"] = shortcut = self.shortcut(x)
            residual = self.add([shortcut, residual])
        return self.activation(residual)


class Bottleneck:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: 1x1, 3x3, 1x1 beside the shortcut."""

    def __init__(self, unit: Unit, plan: Plan, form: Form) -> None:
        self.shortcut = make_shortcut(unit, plan, form)
        self.conv1 = ConvBatchNorm(unit.layer("conv1"), plan, form)
        self.conv2 = ConvBatchNorm(unit.layer("conv2"), plan, form)
        self.conv3 = ConvBatchNorm(unit.layer("conv3"), plan, form)
        self.add = make_add(unit, form)
        self.activation = make_activation(unit.wiring.activation, layer_name(unit.scope), form)

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        end_points["conv1"] = residual = self.conv1(x)
        end_points["conv2"] = residual = self.conv2(residual)
        end_points["conv3"] = residual = self.conv3(residual)
        if self.shortcut is not None:
            end_points["shortcut"] = shortcut = self.shortcut(x)
            residual = self.add([shortcut, residual])
        return self.activation(residual)


class BottleneckV2:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: batch norm, then 1x1, 3x3, 1x1 and shortcut."""

    def __init__(self, unit: Unit, plan: Plan, form: Form) -> None:
        self.preact = BatchNormActivation(unit.layer("preact"), plan, form)
        self.shortcut = make_shortcut(unit, plan, form)
        self.projects = isinstance(unit.shortcut, Convolution)
        self.conv1 = ConvBatchNorm(unit.layer("conv1"), plan, form)
        self.conv2 = ConvBatchNorm(unit.layer("conv2"), plan, form)
        self.conv3 = ConvBatchNorm(unit.layer("conv3"), plan, form)
        self.add = make_add(unit, form)

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        end_points["preact"] = preact = self.preact(x)
        end_points["shortcut"] = shortcut = self.shortcut(preact if self.projects else x)
        end_points["conv1"] = residual = self.conv1(preact)
        end_points["conv2"] = residual = self.conv2(residual)
        end_points["conv3"] = residual = self.conv3(residual)
        return self.add([shortcut, residual])


class BasicV2:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: batch norm, then 3x3, 3x3 and shortcut."""

    def __init__(self, unit: Unit, plan: Plan, form: Form) -> None:
        self.preact = BatchNormActivation(unit.layer("preact"), plan, form)
        self.shortcut = make_shortcut(unit, plan, form)
        self.projects = isinstance(unit.shortcut, Convolution)
        self.conv1 = ConvBatchNorm(unit.layer("conv1"), plan, form)
        self.conv2 = ConvBatchNorm(unit.layer("conv2"), plan, form)
        self.add = make_add(unit, form)

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        end_points["preact"] = preact = self.preact(x)
        end_points["shortcut"] = shortcut = self.shortcut(preact if self.projects else x)
        end_points["conv1"] = residual = self.conv1(preact)
        end_points["conv2"] = residual = self.conv2(residual)
        return self.add([shortcut, residual])


class Separable:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: depthwise 3x3, 1x1."""

    def __init__(self, unit: Unit, plan: Plan, form: Form) -> None:
        self.depthwise = ConvBatchNorm(unit.layer("depthwise"), plan, form)
        self.pointwise = ConvBatchNorm(unit.layer("pointwise"), plan, form)

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        end_points["depthwise"] = x = self.depthwise(x)
        end_points["pointwise"] = x = self.pointwise(x)
        return x


class InvertedResidual:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: 1x1 if it widens, depthwise 3x3, 1x1; then the sum."""

    def __init__(self, unit: Unit, plan: Plan, form: Form) -> None:
        self.expand = ConvBatchNorm(unit.layer("expand"), plan, form) if len(unit.layers) == 3 else None
        self.depthwise = ConvBatchNorm(unit.layer("depthwise"), plan, form)
        self.project = ConvBatchNorm(unit.layer("project"), plan, form)
        self.adds = INPUT in unit.wiring.joined
        self.add = make_add(unit, form)

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        residual = x
        if self.expand:
            end_points["expand"] = residual = self.expand(x)
        end_points["depthwise"] = residual = self.depthwise(residual)
        end_points["project"] = residual = self.project(residual)
        return self.add([x, residual]) if self.adds else residual


class Inception:
    """[N, H, W, depth_in] -> [N, H, W, depth]: 1x1; 1x1, 3x3; 1x1, 5x5; max pool, 1x1; all of their channels."""

    def __init__(self, unit: Unit, plan: Plan, form: Form) -> None:
        self.branch1 = ConvBatchNorm(unit.layer("branch1"), plan, form)
        self.branch2_reduce = ConvBatchNorm(unit.layer("branch2_reduce"), plan, form)
        self.branch2 = ConvBatchNorm(unit.layer("branch2"), plan, form)
        self.branch3_reduce = ConvBatchNorm(unit.layer("branch3_reduce"), plan, form)
        self.branch3 = ConvBatchNorm(unit.layer("branch3"), plan, form)
        self.branch4_pool = make_layer(unit.layer("branch4_pool"), plan, form)
        self.branch4 = ConvBatchNorm(unit.layer("branch4"), plan, form)
        self.concatenate = layers.Concatenate(
            form.axis, dtype=form.policy, name=f"{layer_name(unit.scope)}_concatenate"
        )
        self.activation = make_activation(unit.wiring.activation, layer_name(unit.scope), form)

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        end_points["branch1"] = branch1 = self.branch1(x)
        end_points["branch2_reduce"] = branch2_reduce = self.branch2_reduce(x)
        end_points["branch2"] = branch2 = self.branch2(branch2_reduce)
        end_points["branch3_reduce"] = branch3_reduce = self.branch3_reduce(x)
        end_points["branch3"] = branch3 = self.branch3(branch3_reduce)
        end_points["branch4_pool"] = branch4_pool = self.branch4_pool(x)
        end_points["branch4"] = branch4 = self.branch4(branch4_pool)
        return self.activation(self.concatenate([branch1, branch2, branch3, branch4]))


class Auxiliary:
    """[N, H, W, depth_in] -> [N, 1, 1, classes]: average pool, 1x1, dense layer, classifier."""

    def __init__(self, unit: Unit, plan: Plan, form: Form) -> None:
        self.pool = make_layer(unit.layer("pool"), plan, form)
        self.conv = ConvBatchNorm(unit.layer("conv"), plan, form)
        self.fc1 = ConvBatchNorm(unit.layer("fc1"), plan, form)
        self.logits = ConvBatchNorm(unit.layer("logits"), plan, form)

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        end_points["pool"] = x = self.pool(x)
        end_points["conv"] = x = self.conv(x)
        end_points["fc1"] = x = self.fc1(x)
        end_points["logits"] = x = self.logits(x)
        return x


def make_unit(unit: Unit, plan: Plan, form: Form) -> Any:
    """Return the unit of a kind: of a class in UNITS, or a single layer."""
    if unit.kind in UNITS:
        return UNITS[unit.kind](unit, plan, form)
    (only,) = unit.layers
    layer = make_layer(only, plan, form)
    return lambda x, end_points: layer(x)


UNITS: dict[str, Any] = {
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
