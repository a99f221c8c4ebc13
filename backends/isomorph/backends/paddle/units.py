"""The units in Paddle. Tensors are [N, C, H, W], or [N, H, W, C] where `data_format`, told to each layer, is "NHWC"."""

import paddle
from paddle import Tensor, nn

from isomorph.backends.paddle.layers import BatchNormActivation, ConvBatchNorm, add_to, make_activation, make_layer
from isomorph.spec import Plan
from isomorph.spec.layers import INPUT, Convolution
from isomorph.spec.units import Unit


def make_shortcut(unit: Unit, plan: Plan, data_format: str) -> nn.Layer | None:
    """Return the layer on the unit's shortcut; None in a plain network, which has no shortcuts."""
    if unit.shortcut is None:
        return nn.Identity() if INPUT in unit.wiring.joined else None
    return make_layer(unit.shortcut, plan, data_format)


class Basic(nn.Layer):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: 3x3, 3x3 beside the shortcut."""

    def __init__(self, unit: Unit, plan: Plan, data_format: str) -> None:
        super().__init__()
        self.shortcut = make_shortcut(unit, plan, data_format)
        self.conv1 = ConvBatchNorm(unit.layer("conv1"), plan, data_format)
        self.conv2 = ConvBatchNorm(unit.layer("conv2"), plan, data_format)
        self.activation = make_activation(unit.wiring.activation)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.conv1(x)
        residual = self.conv2(residual)
        if self.shortcut is not None:
            residual = add_to(residual, self.shortcut(x))
        return self.activation(residual)


class Bottleneck(nn.Layer):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: 1x1, 3x3, 1x1 beside the shortcut."""

    def __init__(self, unit: Unit, plan: Plan, data_format: str) -> None:
        super().__init__()
        self.shortcut = make_shortcut(unit, plan, data_format)
        self.conv1 = ConvBatchNorm(unit.layer("conv1"), plan, data_format)
        self.conv2 = ConvBatchNorm(unit.layer("conv2"), plan, data_format)
        self.conv3 = ConvBatchNorm(unit.layer("conv3"), plan, data_format)
        self.activation = make_activation(unit.wiring.activation)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.conv1(x)
        residual = self.conv2(residual)
        residual = self.conv3(residual)
        if self.shortcut is not None:
            residual = add_to(residual, self.shortcut(x))
        return self.activation(residual)


class BottleneckV2(nn.Layer):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: batch norm, then 1x1, 3x3, 1x1 and shortcut."""

    def __init__(self, unit: Unit, plan: Plan, data_format: str) -> None:
        super().__init__()
        self.preact = BatchNormActivation(unit.layer("preact"), plan, data_format)
        self.shortcut = make_shortcut(unit, plan, data_format)
        self.projects = isinstance(unit.shortcut, Convolution)
        self.conv1 = ConvBatchNorm(unit.layer("conv1"), plan, data_format)
        self.conv2 = ConvBatchNorm(unit.layer("conv2"), plan, data_format)
        self.conv3 = ConvBatchNorm(unit.layer("conv3"), plan, data_format)

    def forward(self, x: Tensor) -> Tensor:
        preact = self.preact(x)
        assert self.shortcut is not None
        shortcut = self.shortcut(preact if self.projects else x)
        residual = self.conv1(preact)
        residual = self.conv2(residual)
        residual = self.conv3(residual)
        return add_to(residual, shortcut)


class BasicV2(nn.Layer):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: batch norm, then 3x3, 3x3 and shortcut."""

    def __init__(self, unit: Unit, plan: Plan, data_format: str) -> None:
        super().__init__()
        self.preact = BatchNormActivation(unit.layer("preact"), plan, data_format)
        self.shortcut = make_shortcut(unit, plan, data_format)
        self.projects = isinstance(unit.shortcut, Convolution)
        self.conv1 = ConvBatchNorm(unit.layer("conv1"), plan, data_format)
        self.conv2 = ConvBatchNorm(unit.layer("conv2"), plan, data_format)

    def forward(self, x: Tensor) -> Tensor:
        preact = self.preact(x)
        assert self.shortcut is not None
        shortcut = self.shortcut(preact if self.projects else x)
        residual = self.conv1(preact)
        residual = self.conv2(residual)
        return add_to(residual, shortcut)


class Separable(nn.Layer):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: depthwise 3x3, 1x1."""

    def __init__(self, unit: Unit, plan: Plan, data_format: str) -> None:
        super().__init__()
        self.depthwise = ConvBatchNorm(unit.layer("depthwise"), plan, data_format)
        self.pointwise = ConvBatchNorm(unit.layer("pointwise"), plan, data_format)

    def forward(self, x: Tensor) -> Tensor:
        x = self.depthwise(x)
        return self.pointwise(x)


class InvertedResidual(nn.Layer):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: 1x1 if it widens, depthwise 3x3, 1x1; then the sum."""

    def __init__(self, unit: Unit, plan: Plan, data_format: str) -> None:
        super().__init__()
        widens = len(unit.layers) == 3
        self.expand = ConvBatchNorm(unit.layer("expand"), plan, data_format) if widens else nn.Identity()
        self.depthwise = ConvBatchNorm(unit.layer("depthwise"), plan, data_format)
        self.project = ConvBatchNorm(unit.layer("project"), plan, data_format)
        self.adds = INPUT in unit.wiring.joined

    def forward(self, x: Tensor) -> Tensor:
        residual = self.expand(x)
        residual = self.depthwise(residual)
        residual = self.project(residual)
        return add_to(residual, x) if self.adds else residual


class Inception(nn.Layer):
    """[N, depth_in, H, W] -> [N, depth, H, W]: 1x1; 1x1, 3x3; 1x1, 5x5; max pool, 1x1; all of their channels."""

    def __init__(self, unit: Unit, plan: Plan, data_format: str) -> None:
        super().__init__()
        self.branch1 = ConvBatchNorm(unit.layer("branch1"), plan, data_format)
        self.branch2_reduce = ConvBatchNorm(unit.layer("branch2_reduce"), plan, data_format)
        self.branch2 = ConvBatchNorm(unit.layer("branch2"), plan, data_format)
        self.branch3_reduce = ConvBatchNorm(unit.layer("branch3_reduce"), plan, data_format)
        self.branch3 = ConvBatchNorm(unit.layer("branch3"), plan, data_format)
        self.branch4_pool = make_layer(unit.layer("branch4_pool"), plan, data_format)
        self.branch4 = ConvBatchNorm(unit.layer("branch4"), plan, data_format)
        self.activation = make_activation(unit.wiring.activation)
        self.axis = data_format.index("C")

    def forward(self, x: Tensor) -> Tensor:
        branch1 = self.branch1(x)
        branch2 = self.branch2(self.branch2_reduce(x))
        branch3 = self.branch3(self.branch3_reduce(x))
        branch4 = self.branch4(self.branch4_pool(x))
        return self.activation(paddle.concat((branch1, branch2, branch3, branch4), axis=self.axis))


class Auxiliary(nn.Layer):
    """[N, depth_in, H, W] -> [N, classes, 1, 1]: average pool, 1x1, dense layer, classifier."""

    def __init__(self, unit: Unit, plan: Plan, data_format: str) -> None:
        super().__init__()
        self.pool = make_layer(unit.layer("pool"), plan, data_format)
        self.conv = ConvBatchNorm(unit.layer("conv"), plan, data_format)
        self.fc1 = ConvBatchNorm(unit.layer("fc1"), plan, data_format)
        self.logits = ConvBatchNorm(unit.layer("logits"), plan, data_format)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(x)
        x = self.conv(x)
        x = self.fc1(x)
        return self.logits(x)


def make_unit(unit: Unit, plan: Plan, data_format: str) -> nn.Layer:
    """Return the unit of a kind: of a class in UNITS, or a single layer."""
    if unit.kind in UNITS:
        return UNITS[unit.kind](unit, plan, data_format)
    (layer,) = unit.layers
    return make_layer(layer, plan, data_format)


UNITS = {
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
