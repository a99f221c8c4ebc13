"""The units in PyTorch. Tensors are [N, C, H, W] in either layout: that is a matter of how they lie in memory."""

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn

from isomorph.backends.pytorch.initializers import draw
from isomorph.spec import Plan
from isomorph.spec.layers import INPUT, Activation, BatchNorm, Convolution, Layer, MaxPool, Subsample, ZeroChannels
from isomorph.spec.padding import Rule, pads
from isomorph.spec.units import Unit


class Conv2d(nn.Conv2d):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride].

    PyTorch pads both sides alike and refuses padding="same" with a stride: what is not alike is computed here.
    """

    def __init__(self, layer: Convolution) -> None:
        self.layer = layer  # before the parent's __init__, which calls reset_parameters
        self.own = layer.padding == "explicit"
        padding = layer.rate * (layer.kernel - 1) // 2 if self.own else 0
        super().__init__(
            layer.depth_in,
            layer.depth,
            layer.kernel,
            layer.stride,
            padding,
            dilation=layer.rate,
            groups=layer.groups,
            bias=layer.bias,
        )

    def reset_parameters(self) -> None:
        """Draw fresh weights as the zoo does."""
        draw(self.weight, self.layer.initializer, self.layer)
        if self.bias is not None:
            draw(self.bias, self.layer.bias_initializer, self.layer)

    def forward(self, x: Tensor) -> Tensor:
        if not self.own:
            x = pad(x, self.layer.padding, self.layer.kernel, self.layer.stride, self.layer.rate, 0.0)
        return super().forward(x)


class MaxPool2d(nn.MaxPool2d):
    """[N, C, H, W] -> [N, C, H / stride, W / stride]. PyTorch's own padding is -inf, and alike on both sides."""

    def __init__(self, layer: MaxPool) -> None:
        own = layer.padding == "explicit" and layer.fill == float("-inf")
        super().__init__(layer.kernel, layer.stride, (layer.kernel - 1) // 2 if own else 0)
        self.layer = None if own else layer

    def forward(self, x: Tensor) -> Tensor:
        if self.layer:
            x = pad(x, self.layer.padding, self.layer.kernel, self.layer.stride, 1, self.layer.fill)
        return super().forward(x)


def pad(x: Tensor, rule: Rule, kernel: int, stride: int, rate: int, value: float) -> Tensor:
    """Pad height and width by a rule; F.pad takes the last axis first."""
    height, width = (pads(rule, size, kernel, stride, rate) for size in x.shape[2:])
    return F.pad(x, (*width, *height), value=value)


class ConvBatchNorm(nn.Sequential):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: convolution, batch norm and activation."""

    def __init__(self, layer: Convolution, plan: Plan) -> None:
        super().__init__(OrderedDict(conv=Conv2d(layer)))
        if layer.batch_norm:
            # PyTorch's momentum is the share of the new value, the complement of the decay.
            self.batch_norm = nn.BatchNorm2d(layer.depth, eps=plan.epsilon, momentum=1 - plan.decay)
            nn.init.constant_(self.batch_norm.weight, layer.gamma)
        if layer.activation:
            self.activation = make_activation(layer.activation)


class BatchNormActivation(nn.Sequential):
    """[N, C, H, W] -> the same: batch norm and activation without a convolution before them."""

    def __init__(self, layer: BatchNorm, plan: Plan) -> None:
        super().__init__(OrderedDict(batch_norm=nn.BatchNorm2d(layer.depth, eps=plan.epsilon, momentum=1 - plan.decay)))
        self.activation = make_activation(layer.activation)


def make_activation(activation: Activation) -> nn.Module:
    """What follows a layer; in place, as in torchvision, to save memory: Keras and Paddle make a new map."""
    match activation:
        case "relu":
            return nn.ReLU(inplace=True)
        case "relu6":
            return nn.ReLU6(inplace=True)
        case None:
            return nn.Identity()


class ZeroChannelShortcut(nn.Module):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: a strided slice between channels of zeros."""

    def __init__(self, layer: ZeroChannels) -> None:
        super().__init__()
        self.subsample = nn.MaxPool2d(1, layer.stride)
        self.pads = (0, 0, 0, 0, layer.before, layer.after)

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(self.subsample(x), self.pads)


def make_layer(layer: Layer, plan: Plan) -> nn.Module:
    """Any layer of the plan."""
    match layer:
        case Convolution():
            return ConvBatchNorm(layer, plan)
        case BatchNorm():
            return BatchNormActivation(layer, plan)
        case MaxPool():
            return MaxPool2d(layer)
        case Subsample():
            return nn.MaxPool2d(1, layer.stride)
        case ZeroChannels():
            return ZeroChannelShortcut(layer)


def make_shortcut(unit: Unit, plan: Plan) -> nn.Module | None:
    """What the unit's input passes on its way to the sum; None in a plain network, which has no shortcuts."""
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


def make_unit(unit: Unit, plan: Plan) -> nn.Module:
    """The unit of a kind: of a class in UNITS, or a single layer."""
    if unit.kind in UNITS:
        return UNITS[unit.kind](unit, plan)
    (layer,) = unit.layers
    return make_layer(layer, plan)


UNITS = {
    "basic": Basic,
    "bottleneck": Bottleneck,
    "grouped_bottleneck": Bottleneck,
    "bottleneck_v2": BottleneckV2,
    "separable": Separable,
    "inverted_residual": InvertedResidual,
}
