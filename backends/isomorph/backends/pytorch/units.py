"""The units in PyTorch. Tensors are [N, C, H, W] in either layout, which is only the order of their memory."""

import torch
from torch import Tensor, nn

from isomorph.backends.pytorch.layers import BatchNormActivation, ConvBatchNorm, make_activation, make_layer
from isomorph.spec import Plan
from isomorph.spec.layers import INPUT, Convolution
from isomorph.spec.units import Unit


def make_shortcut(unit: Unit, plan: Plan) -> nn.Module | None:
    """Return the layer on the unit's shortcut; None in a plain network, which has no shortcuts."""
    if unit.shortcut is None:
        return nn.Identity() if INPUT in unit.wiring.joined else None
    return make_layer(unit.shortcut, plan)


class Basic(nn.Module):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: 3x3, 3x3 beside the shortcut."""

    def __init__(self, unit: Unit, plan: Plan) -> None:
        super().__init__()
        self.shortcut = make_shortcut(unit, plan)
        self.conv1 = ConvBatchNorm(unit.layer("conv1"), plan)
        self.conv2 = ConvBatchNorm(unit.layer("conv2"), plan)
        self.activation = make_activation(unit.wiring.activation)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.conv1(x)
        residual = self.conv2(residual)
        if self.shortcut is not None:
            residual += self.shortcut(x)  # in place, as in torchvision: two maps fewer
        return self.activation(residual)


class Bottleneck(nn.Module):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: 1x1, 3x3, 1x1 beside the shortcut."""

    def __init__(self, unit: Unit, plan: Plan) -> None:
        super().__init__()
        self.shortcut = make_shortcut(unit, plan)
        self.conv1 = ConvBatchNorm(unit.layer("conv1"), plan)
        self.conv2 = ConvBatchNorm(unit.layer("conv2"), plan)
        self.conv3 = ConvBatchNorm(unit.layer("conv3"), plan)
        self.activation = make_activation(unit.wiring.activation)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.conv1(x)
        residual = self.conv2(residual)
        residual = self.conv3(residual)
        if self.shortcut is not None:
            residual += self.shortcut(x)  # in place, as in torchvision: two maps fewer
        return self.activation(residual)


class BottleneckV2(nn.Module):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: batch norm, then 1x1, 3x3, 1x1 and shortcut."""

    def __init__(self, unit: Unit, plan: Plan) -> None:
        super().__init__()
        self.preact = BatchNormActivation(unit.layer("preact"), plan)
        self.shortcut = make_shortcut(unit, plan)
        self.projects = isinstance(unit.shortcut, Convolution)
        self.conv1 = ConvBatchNorm(unit.layer("conv1"), plan)
        self.conv2 = ConvBatchNorm(unit.layer("conv2"), plan)
        self.conv3 = ConvBatchNorm(unit.layer("conv3"), plan)

    def forward(self, x: Tensor) -> Tensor:
        preact = self.preact(x)
        assert self.shortcut is not None
        shortcut = self.shortcut(preact if self.projects else x)
        residual = self.conv1(preact)
        residual = self.conv2(residual)
        residual = self.conv3(residual)
        residual += shortcut  # in place, as in torchvision: a map fewer
        return residual


class BasicV2(nn.Module):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: batch norm, then 3x3, 3x3 and shortcut."""

    def __init__(self, unit: Unit, plan: Plan) -> None:
        super().__init__()
        self.preact = BatchNormActivation(unit.layer("preact"), plan)
        self.shortcut = make_shortcut(unit, plan)
        self.projects = isinstance(unit.shortcut, Convolution)
        self.conv1 = ConvBatchNorm(unit.layer("conv1"), plan)
        self.conv2 = ConvBatchNorm(unit.layer("conv2"), plan)

    def forward(self, x: Tensor) -> Tensor:
        preact = self.preact(x)
        assert self.shortcut is not None
        shortcut = self.shortcut(preact if self.projects else x)
        residual = self.conv1(preact)
        residual = self.conv2(residual)
        residual += shortcut  # in place, as in torchvision: a map fewer
        return residual


class Separable(nn.Module):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: depthwise 3x3, 1x1."""

    def __init__(self, unit: Unit, plan: Plan) -> None:
        super().__init__()
        self.depthwise = ConvBatchNorm(unit.layer("depthwise"), plan)
        self.pointwise = ConvBatchNorm(unit.layer("pointwise"), plan)

    def forward(self, x: Tensor) -> Tensor:
        x = self.depthwise(x)
        return self.pointwise(x)


class InvertedResidual(nn.Module):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: 1x1 if it widens, depthwise 3x3, 1x1; then the sum."""

    def __init__(self, unit: Unit, plan: Plan) -> None:
        super().__init__()
        widens = len(unit.layers) == 3
        self.expand = ConvBatchNorm(unit.layer("expand"), plan) if widens else nn.Identity()
        self.depthwise = ConvBatchNorm(unit.layer("depthwise"), plan)
        self.project = ConvBatchNorm(unit.layer("project"), plan)
        self.adds = INPUT in unit.wiring.joined

    def forward(self, x: Tensor) -> Tensor:
        residual = self.expand(x)
        residual = self.depthwise(residual)
        residual = self.project(residual)
        if self.adds:
            residual += x
        return residual


class Inception(nn.Module):
    """[N, depth_in, H, W] -> [N, depth, H, W]: 1x1; 1x1, 3x3; 1x1, 5x5; max pool, 1x1; all of their channels."""

    def __init__(self, unit: Unit, plan: Plan) -> None:
        super().__init__()
        self.branch1 = ConvBatchNorm(unit.layer("branch1"), plan)
        self.branch2_reduce = ConvBatchNorm(unit.layer("branch2_reduce"), plan)
        self.branch2 = ConvBatchNorm(unit.layer("branch2"), plan)
        self.branch3_reduce = ConvBatchNorm(unit.layer("branch3_reduce"), plan)
        self.branch3 = ConvBatchNorm(unit.layer("branch3"), plan)
        self.branch4_pool = make_layer(unit.layer("branch4_pool"), plan)
        self.branch4 = ConvBatchNorm(unit.layer("branch4"), plan)
        self.activation = make_activation(unit.wiring.activation)

    def forward(self, x: Tensor) -> Tensor:
        branch1 = self.branch1(x)
        branch2 = self.branch2(self.branch2_reduce(x))
        branch3 = self.branch3(self.branch3_reduce(x))
        branch4 = self.branch4(self.branch4_pool(x))
        return self.activation(torch.cat((branch1, branch2, branch3, branch4), dim=1))


class Auxiliary(nn.Module):
    """[N, depth_in, H, W] -> [N, classes, 1, 1]: average pool, 1x1, dense layer, classifier."""

    def __init__(self, unit: Unit, plan: Plan) -> None:
        super().__init__()
        self.pool = make_layer(unit.layer("pool"), plan)
        self.conv = ConvBatchNorm(unit.layer("conv"), plan)
        self.fc1 = ConvBatchNorm(unit.layer("fc1"), plan)
        self.logits = ConvBatchNorm(unit.layer("logits"), plan)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(x)
        x = self.conv(x)
        x = self.fc1(x)
        return self.logits(x)


def make_unit(unit: Unit, plan: Plan) -> nn.Module:
    """Return the unit of a kind: of a class in UNITS, or a single layer."""
    if unit.kind in UNITS:
        return UNITS[unit.kind](unit, plan)
    (layer,) = unit.layers
    return make_layer(layer, plan)


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
