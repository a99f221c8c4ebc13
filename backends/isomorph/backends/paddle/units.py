"""The units in Paddle. Tensors are [N, C, H, W]."""

import paddle.nn.functional as F
from paddle import Tensor, nn

from isomorph.backends.paddle.initializers import attribute
from isomorph.spec import Plan
from isomorph.spec.layers import Convolution, MaxPool, Shortcut, Subsample, ZeroChannels
from isomorph.spec.padding import pads
from isomorph.spec.units import Unit


class Conv2D(nn.Conv2D):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride].

    Paddle's own padding="SAME" ignores the dilation: SAME is computed here, from the size.
    """

    def __init__(self, layer: Convolution) -> None:
        super().__init__(
            layer.depth_in,
            layer.depth,
            layer.kernel,
            layer.stride,
            padding=0 if layer.padding == "same" else layer.rate * (layer.kernel - 1) // 2,
            dilation=layer.rate,
            weight_attr=attribute(layer.initializer, layer),
            bias_attr=attribute(layer.bias_initializer, layer) if layer.bias else False,
        )
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        if self.layer.padding == "same":
            x = pad_same(x, self.layer.kernel, self.layer.stride, self.layer.rate, 0.0)
        return super().forward(x)


class MaxPool2D(nn.MaxPool2D):
    """[N, C, H, W] -> [N, C, H / stride, W / stride]; padding is -inf."""

    def __init__(self, layer: MaxPool) -> None:
        super().__init__(layer.kernel, layer.stride, 0 if layer.padding == "same" else (layer.kernel - 1) // 2)
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        if self.layer.padding == "same":
            x = pad_same(x, self.layer.kernel, self.layer.stride, 1, float("-inf"))
        return super().forward(x)


def pad_same(x: Tensor, kernel: int, stride: int, rate: int, value: float) -> Tensor:
    """TensorFlow's SAME padding; F.pad takes the last axis first."""
    height, width = (pads("same", size, kernel, stride, rate) for size in x.shape[2:])
    return F.pad(x, [*width, *height], value=value)


class ConvBatchNorm(nn.Sequential):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: convolution, batch norm and ReLU as the plan says."""

    def __init__(self, layer: Convolution, plan: Plan) -> None:
        super().__init__(("conv", Conv2D(layer)))
        if layer.batch_norm:
            # Paddle's momentum is the decay itself. It keeps both numbers in float32 whatever the dtype.
            self.batch_norm = nn.BatchNorm2D(layer.depth, momentum=plan.decay, epsilon=plan.epsilon)
        if layer.relu:
            self.relu = nn.ReLU()


class ZeroChannelShortcut(nn.Layer):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: a strided slice between channels of zeros."""

    def __init__(self, layer: ZeroChannels) -> None:
        super().__init__()
        self.stride = layer.stride
        self.channels = (layer.before, layer.after)

    def forward(self, x: Tensor) -> Tensor:
        # On 4-D tensors Paddle's short form of `pad` means the last two axes: all four are named here.
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, [0, 0, *self.channels, 0, 0, 0, 0], pad_from_left_axis=True)


def make_shortcut(layer: Shortcut | None, plan: Plan) -> nn.Layer:
    """What the unit's input passes on its way to the sum."""
    match layer:
        case Convolution():
            return ConvBatchNorm(layer, plan)
        case Subsample():
            return nn.MaxPool2D(1, layer.stride)
        case ZeroChannels():
            return ZeroChannelShortcut(layer)
        case None:
            return nn.Identity()


class Basic(nn.Layer):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: 3x3, 3x3 beside the shortcut."""

    def __init__(self, unit: Unit, plan: Plan) -> None:
        super().__init__()
        self.shortcut = make_shortcut(unit.shortcut, plan)
        self.conv1 = ConvBatchNorm(unit.convolution("conv1"), plan)
        self.conv2 = ConvBatchNorm(unit.convolution("conv2"), plan)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.shortcut(x)
        residual = self.conv1(x)
        residual = self.conv2(residual)
        return F.relu(shortcut + residual)


class Bottleneck(nn.Layer):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: 1x1, 3x3, 1x1 beside the shortcut."""

    def __init__(self, unit: Unit, plan: Plan) -> None:
        super().__init__()
        self.shortcut = make_shortcut(unit.shortcut, plan)
        self.conv1 = ConvBatchNorm(unit.convolution("conv1"), plan)
        self.conv2 = ConvBatchNorm(unit.convolution("conv2"), plan)
        self.conv3 = ConvBatchNorm(unit.convolution("conv3"), plan)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.shortcut(x)
        residual = self.conv1(x)
        residual = self.conv2(residual)
        residual = self.conv3(residual)
        return F.relu(shortcut + residual)


UNITS = {"basic": Basic, "bottleneck": Bottleneck}
