"""The units in Paddle. Tensors are [N, C, H, W], or [N, H, W, C] where `data_format`, told to each layer, is "NHWC"."""

import paddle.nn.functional as F
from paddle import ParamAttr, Tensor, nn
from paddle.nn.initializer import Constant

from isomorph.backends.paddle.initializers import attribute
from isomorph.spec import Plan
from isomorph.spec.layers import Convolution, MaxPool, Shortcut, Subsample, ZeroChannels
from isomorph.spec.padding import Rule, pads
from isomorph.spec.units import Unit


class Conv2D(nn.Conv2D):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride].

    Paddle's own padding="SAME" ignores the dilation: SAME is computed here, from the size.
    """

    def __init__(self, layer: Convolution, data_format: str) -> None:
        super().__init__(
            layer.depth_in,
            layer.depth,
            layer.kernel,
            layer.stride,
            padding=0 if layer.padding == "same" else layer.rate * (layer.kernel - 1) // 2,
            dilation=layer.rate,
            weight_attr=attribute(layer.initializer, layer),
            bias_attr=attribute(layer.bias_initializer, layer) if layer.bias else False,
            data_format=data_format,
        )
        self.layer = layer
        self.data_format = data_format

    def forward(self, x: Tensor) -> Tensor:
        if self.layer.padding == "same":
            x = pad(x, self.layer.padding, self.layer.kernel, self.layer.stride, self.layer.rate, 0.0, self.data_format)
        return super().forward(x)


class MaxPool2D(nn.MaxPool2D):
    """[N, C, H, W] -> [N, C, H / stride, W / stride]. Paddle's own padding is -inf, and alike on both sides."""

    def __init__(self, layer: MaxPool, data_format: str) -> None:
        own = layer.padding == "explicit" and layer.fill == float("-inf")
        super().__init__(layer.kernel, layer.stride, (layer.kernel - 1) // 2 if own else 0, data_format=data_format)
        self.layer = None if own else layer

    def forward(self, x: Tensor) -> Tensor:
        if self.layer:
            x = pad(x, self.layer.padding, self.layer.kernel, self.layer.stride, 1, self.layer.fill, self.data_format)
        return super().forward(x)


def pad(x: Tensor, rule: Rule, kernel: int, stride: int, rate: int, value: float, data_format: str) -> Tensor:
    """Pad height and width by a rule; F.pad takes the last axis first."""
    sizes = x.shape[2:] if data_format == "NCHW" else x.shape[1:3]
    height, width = (pads(rule, size, kernel, stride, rate) for size in sizes)
    return F.pad(x, [*width, *height], value=value, data_format=data_format)


class ConvBatchNorm(nn.Sequential):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: convolution, batch norm and ReLU as the plan says."""

    def __init__(self, layer: Convolution, plan: Plan, data_format: str) -> None:
        super().__init__(("conv", Conv2D(layer, data_format)))
        if layer.batch_norm:
            # Paddle's momentum is the decay itself. It keeps both numbers in float32 whatever the dtype.
            self.batch_norm = nn.BatchNorm2D(
                layer.depth,
                momentum=plan.decay,
                epsilon=plan.epsilon,
                weight_attr=ParamAttr(initializer=Constant(layer.gamma)),
                data_format=data_format,
            )
        if layer.relu:
            self.relu = nn.ReLU()


class ZeroChannelShortcut(nn.Layer):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: a strided slice between channels of zeros."""

    def __init__(self, layer: ZeroChannels, data_format: str) -> None:
        super().__init__()
        self.subsample = nn.MaxPool2D(1, layer.stride, data_format=data_format)
        # Paddle's pad of all four axes writes past its memory in the inference engine (3.3); that of three out of five,
        # the last one first, does not.
        self.pads = [0, 0, 0, 0, 0, 0]
        channels = 2 * (3 - data_format.index("C"))
        self.pads[channels : channels + 2] = [layer.before, layer.after]

    def forward(self, x: Tensor) -> Tensor:
        x = self.subsample(x).unsqueeze(1)
        return F.pad(x, self.pads, data_format="NCDHW").squeeze(1)


def make_shortcut(layer: Shortcut | None, plan: Plan, data_format: str) -> nn.Layer:
    """What the unit's input passes on its way to the sum."""
    match layer:
        case Convolution():
            return ConvBatchNorm(layer, plan, data_format)
        case Subsample():
            return nn.MaxPool2D(1, layer.stride, data_format=data_format)
        case ZeroChannels():
            return ZeroChannelShortcut(layer, data_format)
        case None:
            return nn.Identity()


class Basic(nn.Layer):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: 3x3, 3x3 beside the shortcut."""

    def __init__(self, unit: Unit, plan: Plan, data_format: str) -> None:
        super().__init__()
        self.shortcut = make_shortcut(unit.shortcut, plan, data_format)
        self.conv1 = ConvBatchNorm(unit.convolution("conv1"), plan, data_format)
        self.conv2 = ConvBatchNorm(unit.convolution("conv2"), plan, data_format)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.shortcut(x)
        residual = self.conv1(x)
        residual = self.conv2(residual)
        return F.relu(shortcut + residual)


class Bottleneck(nn.Layer):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: 1x1, 3x3, 1x1 beside the shortcut."""

    def __init__(self, unit: Unit, plan: Plan, data_format: str) -> None:
        super().__init__()
        self.shortcut = make_shortcut(unit.shortcut, plan, data_format)
        self.conv1 = ConvBatchNorm(unit.convolution("conv1"), plan, data_format)
        self.conv2 = ConvBatchNorm(unit.convolution("conv2"), plan, data_format)
        self.conv3 = ConvBatchNorm(unit.convolution("conv3"), plan, data_format)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.shortcut(x)
        residual = self.conv1(x)
        residual = self.conv2(residual)
        residual = self.conv3(residual)
        return F.relu(shortcut + residual)


UNITS = {"basic": Basic, "bottleneck": Bottleneck}
