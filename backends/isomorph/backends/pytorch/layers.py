"""The layers in PyTorch. Tensors are [N, C, H, W] in either layout, which is only the order of their memory."""

from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isomorph.backends.pytorch.initializers import draw
from isomorph.spec import Plan
from isomorph.spec import layers as spec
from isomorph.spec.layers import (
    Activation,
    AdaptivePool,
    AveragePool,
    BatchNorm,
    Convolution,
    Layer,
    MaxPool,
    Parametrised,
    Subsample,
    ZeroChannels,
)
from isomorph.spec.padding import Rule, pads


class Conv2d(nn.Conv2d):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride].

    PyTorch pads both sides alike and refuses padding="same" with a stride: other padding is computed here.
    """

    def __init__(self, layer: Convolution) -> None:
        self.layer = layer  # before the parent's __init__, which calls reset_parameters
        self.pads_itself = layer.padding in ("explicit", "valid")
        padding = layer.rate * (layer.kernel - 1) // 2 if layer.padding == "explicit" else 0
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
        if not self.pads_itself:
            x = pad(x, self.layer.padding, self.layer.kernel, self.layer.stride, self.layer.rate, 0.0)
        return super().forward(x)


class MaxPool2d(nn.MaxPool2d):
    """[N, C, H, W] -> [N, C, H / stride, W / stride]. PyTorch's own padding is -inf, and alike on both sides."""

    def __init__(self, layer: MaxPool) -> None:
        pads_itself = layer.padding != "same" and layer.fill == float("-inf")
        padding = (layer.kernel - 1) // 2 if pads_itself and layer.padding == "explicit" else 0
        super().__init__(layer.kernel, layer.stride, padding, ceil_mode=pads_itself and layer.padding == "ceil")
        self.layer = None if pads_itself else layer

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
        super().__init__()
        if layer.dropout:
            self.dropout = Dropout(layer.dropout)
        self.conv = Conv2d(layer)
        if layer.batch_norm:
            self.batch_norm = make_batch_norm(layer, plan)
        if layer.activation:
            self.activation = make_activation(layer.activation)


class BatchNormActivation(nn.Sequential):
    """[N, C, H, W] -> the same: batch norm and activation without a convolution before them."""

    def __init__(self, layer: BatchNorm, plan: Plan) -> None:
        super().__init__()
        self.batch_norm = make_batch_norm(layer, plan)
        self.activation = make_activation(layer.activation)


class BiasedBatchNorm2d(nn.BatchNorm2d):
    """[N, C, H, W] -> the same. Its running variance follows the biased one; PyTorch's own the unbiased."""

    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        followed = self.running_var.clone()  # what a batch norm is given must not change before its backward pass
        y = F.batch_norm(x, self.running_mean, followed, self.weight, self.bias, True, self.momentum, self.eps)
        count = x.numel() // x.shape[1]
        with torch.no_grad():
            decayed = self.running_var * (1 - self.momentum)
            self.running_var.copy_(decayed + (followed - decayed) * ((count - 1) / count))
            self.num_batches_tracked += 1
        return y


class FrozenBatchNorm2d(nn.BatchNorm2d):
    """[N, C, H, W] -> the same. For fine-tuning: it stays in evaluation, whatever `train` says, and learns nothing."""

    def __init__(self, batch_norm: nn.BatchNorm2d) -> None:
        super().__init__(batch_norm.num_features, batch_norm.eps, batch_norm.momentum)
        self.weight, self.bias = batch_norm.weight, batch_norm.bias
        self.requires_grad_(False).train()

    def train(self, mode: bool = True) -> Self:
        """As nn.Module's, but for the mode."""
        return super().train(False)


def freeze_batch_norm(network: nn.Module) -> None:
    """Replace every batch norm with a frozen one, as `nn.SyncBatchNorm` does with its own."""
    for module in list(network.modules()):
        for name, layer in module.named_children():
            if isinstance(layer, nn.BatchNorm2d):
                setattr(module, name, FrozenBatchNorm2d(layer))


def make_batch_norm(layer: Parametrised, plan: Plan) -> nn.BatchNorm2d:
    """Return a layer's batch norm. PyTorch's momentum is the share of the new value, the complement of the decay."""
    kind = nn.BatchNorm2d if plan.convention.running_variance == "unbiased" else BiasedBatchNorm2d
    batch_norm = kind(layer.depth, eps=plan.epsilon, momentum=1 - plan.decay)
    if layer.gamma is None:
        # `affine` is all or nothing, and slim's Inception has a beta alone.
        batch_norm.register_parameter("weight", None)
    else:
        nn.init.constant_(batch_norm.weight, layer.gamma)
    return batch_norm


def make_activation(activation: Activation) -> nn.Module:
    """Return an activation, in place, as in torchvision, to save memory: Keras and Paddle make a new map."""
    match activation:
        case "relu":
            return nn.ReLU(inplace=True)
        case "relu6":
            return nn.ReLU6(inplace=True)
        case None:
            return nn.Identity()


class Dropout(nn.Dropout):
    """[N, C, H, W] -> the same. PyTorch scales up in training; Paddle's "downscale_in_infer" is that, times 1 - p."""

    def __init__(self, dropout: spec.Dropout) -> None:
        super().__init__(dropout.share)
        self.scale = dropout.scale

    def forward(self, x: Tensor) -> Tensor:
        x = super().forward(x)
        return x if self.scale == 1 else x * self.scale


class Affine(nn.Module):
    """[N, C, H, W] -> the same: each channel times a constant, plus another."""

    scale: Tensor
    shift: Tensor

    def __init__(self, layer: spec.Affine) -> None:
        super().__init__()
        for name, values in (("scale", layer.scale), ("shift", layer.shift)):
            # Not in the state_dict: they are of the design, and zoos' files do not have them.
            self.register_buffer(name, torch.tensor(values, dtype=torch.float64).reshape(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.shift


class ZeroChannelShortcut(nn.Module):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: a strided slice between channels of zeros."""

    def __init__(self, layer: ZeroChannels) -> None:
        super().__init__()
        self.subsample = nn.MaxPool2d(1, layer.stride)
        self.pads = (0, 0, 0, 0, layer.before, layer.after)

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(self.subsample(x), self.pads)


def make_layer(layer: Layer, plan: Plan) -> nn.Module:
    """Return the framework's form of a layer of the plan."""
    match layer:
        case Convolution():
            return ConvBatchNorm(layer, plan)
        case BatchNorm():
            return BatchNormActivation(layer, plan)
        case MaxPool():
            return MaxPool2d(layer)
        case AveragePool():
            return nn.AvgPool2d(layer.kernel, layer.stride)
        case AdaptivePool():
            return nn.AdaptiveAvgPool2d(layer.cells)
        case spec.Affine():
            return Affine(layer)
        case Subsample():
            return nn.MaxPool2d(1, layer.stride)
        case ZeroChannels():
            return ZeroChannelShortcut(layer)
