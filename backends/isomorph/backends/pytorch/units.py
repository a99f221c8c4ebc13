"""The units in PyTorch. Tensors are [N, C, H, W] in either layout: that is a matter of how they lie in memory."""

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn

from isomorph.backends.pytorch.initializers import draw
from isomorph.spec import Plan
from isomorph.spec.layers import Convolution, MaxPool, Shortcut, Subsample, ZeroChannels
from isomorph.spec.padding import Rule, pads
from isomorph.spec.units import Unit


class Conv2d(nn.Conv2d):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride].

    PyTorch pads both sides alike and refuses padding="same" with a stride: SAME is computed here, from the size.
    """

    def __init__(self, layer: Convolution) -> None:
        padding = 0 if layer.padding == "same" else layer.rate * (layer.kernel - 1) // 2
        self.layer = layer  # before the parent's __init__, which calls reset_parameters
        super().__init__(
            layer.depth_in, layer.depth, layer.kernel, layer.stride, padding, dilation=layer.rate, bias=layer.bias
        )

    def reset_parameters(self) -> None:
        """Draw fresh weights as the zoo does."""
        draw(self.weight, self.layer.initializer, self.layer)
        if self.bias is not None:
            draw(self.bias, self.layer.bias_initializer, self.layer)

    def forward(self, x: Tensor) -> Tensor:
        if self.layer.padding == "same":
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
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: convolution, batch norm and ReLU as the plan says."""

    def __init__(self, layer: Convolution, plan: Plan) -> None:
        super().__init__(OrderedDict(conv=Conv2d(layer)))
        if layer.batch_norm:
            # PyTorch's momentum is the share of the new value, the complement of the decay.
            self.batch_norm = nn.BatchNorm2d(layer.depth, eps=plan.epsilon, momentum=1 - plan.decay)
            nn.init.constant_(self.batch_norm.weight, layer.gamma)
        if layer.relu:
            self.relu = nn.ReLU(inplace=True)  # as torchvision, to save memory; Keras and Paddle make a new map


class ZeroChannelShortcut(nn.Module):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: a strided slice between channels of zeros."""

    def __init__(self, layer: ZeroChannels) -> None:
        super().__init__()
        self.subsample = nn.MaxPool2d(1, layer.stride)
        self.pads = (0, 0, 0, 0, layer.before, layer.after)

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(self.subsample(x), self.pads)


def make_shortcut(layer: Shortcut | None, plan: Plan) -> nn.Module:
    """What the unit's input passes on its way to the sum."""
    match layer:
        case Convolution():
            return ConvBatchNorm(layer, plan)
        case Subsample():
            return nn.MaxPool2d(1, layer.stride)
        case ZeroChannels():
            return ZeroChannelShortcut(layer)
        case None:
            return nn.Identity()


class Basic(nn.Module):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: 3x3, 3x3 beside the shortcut."""

    def __init__(self, unit: Unit, plan: Plan) -> None:
        super().__init__()
        self.shortcut = make_shortcut(unit.shortcut, plan)
        self.conv1 = ConvBatchNorm(unit.convolution("conv1"), plan)
        self.conv2 = ConvBatchNorm(unit.convolution("conv2"), plan)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.conv1(x)
        residual = self.conv2(residual)
        residual += self.shortcut(x)  # in place, as in torchvision: two maps fewer
        return F.relu(residual, inplace=True)


class Bottleneck(nn.Module):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: 1x1, 3x3, 1x1 beside the shortcut."""

    def __init__(self, unit: Unit, plan: Plan) -> None:
        super().__init__()
        self.shortcut = make_shortcut(unit.shortcut, plan)
        self.conv1 = ConvBatchNorm(unit.convolution("conv1"), plan)
        self.conv2 = ConvBatchNorm(unit.convolution("conv2"), plan)
        self.conv3 = ConvBatchNorm(unit.convolution("conv3"), plan)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.conv1(x)
        residual = self.conv2(residual)
        residual = self.conv3(residual)
        residual += self.shortcut(x)  # in place, as in torchvision: two maps fewer
        return F.relu(residual, inplace=True)


UNITS = {"basic": Basic, "bottleneck": Bottleneck}
