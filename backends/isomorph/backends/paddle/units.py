"""The units in Paddle. Tensors are [N, C, H, W], or [N, H, W, C] where `data_format`, told to each layer, is "NHWC"."""

import paddle.nn.functional as F
from paddle import ParamAttr, Tensor, nn
from paddle.jit import not_to_static
from paddle.nn.initializer import Constant

from isomorph.backends.paddle.initializers import attribute
from isomorph.spec import Plan
from isomorph.spec.layers import INPUT, Activation, BatchNorm, Convolution, Layer, MaxPool, Subsample, ZeroChannels
from isomorph.spec.padding import Rule, pads
from isomorph.spec.units import Unit

not_to_static(pads)  # Paddle (3.3) translates `match` to static programs as if its last case were the only one


class Conv2D(nn.Conv2D):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride].

    Paddle's own padding="SAME" ignores the dilation: all but the explicit is computed here.
    """

    def __init__(self, layer: Convolution, data_format: str) -> None:
        own = layer.padding == "explicit"
        super().__init__(
            layer.depth_in,
            layer.depth,
            layer.kernel,
            layer.stride,
            padding=layer.rate * (layer.kernel - 1) // 2 if own else 0,
            dilation=layer.rate,
            groups=layer.groups,
            weight_attr=attribute(layer.initializer, layer),
            bias_attr=attribute(layer.bias_initializer, layer) if layer.bias else False,
            data_format=data_format,
        )
        self.layer = layer
        self.own = own
        self.data_format = data_format

    def forward(self, x: Tensor) -> Tensor:
        if not self.own:
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
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: convolution, batch norm and activation."""

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
        if layer.activation:
            self.activation = make_activation(layer.activation)


class BatchNormActivation(nn.Sequential):
    """[N, C, H, W] -> the same: batch norm and activation without a convolution before them."""

    def __init__(self, layer: BatchNorm, plan: Plan, data_format: str) -> None:
        norm = nn.BatchNorm2D(layer.depth, momentum=plan.decay, epsilon=plan.epsilon, data_format=data_format)
        super().__init__(("batch_norm", norm))
        self.activation = make_activation(layer.activation)


def make_activation(activation: Activation) -> nn.Layer:
    """What follows a layer."""
    match activation:
        case "relu":
            return nn.ReLU()
        case "relu6":
            return nn.ReLU6()
        case None:
            return nn.Identity()


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


def make_layer(layer: Layer, plan: Plan, data_format: str) -> nn.Layer:
    """Any layer of the plan."""
    match layer:
        case Convolution():
            return ConvBatchNorm(layer, plan, data_format)
        case BatchNorm():
            return BatchNormActivation(layer, plan, data_format)
        case MaxPool():
            return MaxPool2D(layer, data_format)
        case Subsample():
            return nn.MaxPool2D(1, layer.stride, data_format=data_format)
        case ZeroChannels():
            return ZeroChannelShortcut(layer, data_format)


def make_shortcut(unit: Unit, plan: Plan, data_format: str) -> nn.Layer | None:
    """What the unit's input passes on its way to the sum; None in a plain network, which has no shortcuts."""
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
        return self.activation(residual if self.shortcut is None else self.shortcut(x) + residual)


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
        return self.activation(residual if self.shortcut is None else self.shortcut(x) + residual)


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
        return shortcut + residual


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
        return x + residual if self.adds else residual


def make_unit(unit: Unit, plan: Plan, data_format: str) -> nn.Layer:
    """The unit of a kind: of a class in UNITS, or a single layer."""
    if unit.kind in UNITS:
        return UNITS[unit.kind](unit, plan, data_format)
    (layer,) = unit.layers
    return make_layer(layer, plan, data_format)


UNITS = {
    "basic": Basic,
    "bottleneck": Bottleneck,
    "grouped_bottleneck": Bottleneck,
    "bottleneck_v2": BottleneckV2,
    "separable": Separable,
    "inverted_residual": InvertedResidual,
}
