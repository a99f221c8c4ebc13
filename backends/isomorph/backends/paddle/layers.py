"""The layers in Paddle. Tensors are [N, C, H, W], or [N, H, W, C] where `data_format`, told to each, is "NHWC"."""

import paddle
import paddle.nn.functional as F
from paddle import ParamAttr, Tensor, nn
from paddle.jit import not_to_static
from paddle.nn.initializer import Constant

from isomorph.backends.paddle.initializers import attribute
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
from isomorph.spec.padding import Rule, adaptive_windows, pads

not_to_static(pads)  # Paddle (3.3) translates `match` to static programs as if its last case were the only one


class Conv2D(nn.Conv2D):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride].

    Paddle's own padding="SAME" ignores the dilation: all but explicit padding is computed here. Paddle's layer adds its
    bias as [1, C, 1, 1], which on a CPU costs several times as much as [C, 1, 1] (3.3); static programs keep that form,
    the only one that the inference engine knows to be a convolution's bias.
    """

    def __init__(self, layer: Convolution, data_format: str) -> None:
        pads_itself = layer.padding in ("explicit", "valid")
        padding = layer.rate * (layer.kernel - 1) // 2 if layer.padding == "explicit" else 0
        super().__init__(
            layer.depth_in,
            layer.depth,
            layer.kernel,
            layer.stride,
            padding,
            dilation=layer.rate,
            groups=layer.groups,
            weight_attr=attribute(layer.initializer, layer),
            bias_attr=attribute(layer.bias_initializer, layer) if layer.bias else False,
            data_format=data_format,
        )
        self.layer = layer
        self.pads_itself = pads_itself
        self.padding = padding
        self.data_format = data_format
        self.channels = [-1, 1, 1] if data_format == "NCHW" else [-1]

    def forward(self, x: Tensor) -> Tensor:
        layer = self.layer
        if not self.pads_itself:
            x = pad(x, layer.padding, layer.kernel, layer.stride, layer.rate, 0.0, self.data_format)
        if self.bias is None or not paddle.in_dynamic_mode():
            return super().forward(x)
        x = F.conv2d(x, self.weight, None, layer.stride, self.padding, layer.rate, layer.groups, self.data_format)
        return add_to(x, self.bias.reshape(self.channels))


def add_to(x: Tensor, y: Tensor) -> Tensor:
    """Return x + y; in eager mode it changes `x`, which nothing else may need. Static programs cannot."""
    in_place = paddle.in_dynamic_mode() and x.dtype == y.dtype  # under autocast they may differ
    return x.add_(y) if in_place else x + y


class ReLU(nn.ReLU):
    """[N, C, H, W] -> the same, in place as `add_to`."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu_(x) if paddle.in_dynamic_mode() else super().forward(x)


class MaxPool2D(nn.MaxPool2D):
    """[N, C, H, W] -> [N, C, H / stride, W / stride]. Paddle's own padding is -inf, and alike on both sides.

    Its ceil_mode counts a window that begins behind the last cell, too (3.3), which a stride above the kernel makes.
    """

    def __init__(self, layer: MaxPool, data_format: str) -> None:
        counts_alike = layer.padding != "ceil" or layer.stride <= layer.kernel
        pads_itself = layer.padding != "same" and layer.fill == float("-inf") and counts_alike
        padding = (layer.kernel - 1) // 2 if pads_itself and layer.padding == "explicit" else 0
        ceil_mode = pads_itself and layer.padding == "ceil"
        super().__init__(layer.kernel, layer.stride, padding, ceil_mode=ceil_mode, data_format=data_format)
        self.layer = None if pads_itself else layer

    def forward(self, x: Tensor) -> Tensor:
        if self.layer:
            x = pad(x, self.layer.padding, self.layer.kernel, self.layer.stride, 1, self.layer.fill, self.data_format)
        return super().forward(x)


def pad(x: Tensor, rule: Rule, kernel: int, stride: int, rate: int, value: float, data_format: str) -> Tensor:
    """Pad height and width by a rule; F.pad takes the last axis first."""
    sizes = x.shape[2:] if data_format == "NCHW" else x.shape[1:3]
    height, width = (pads(rule, size, kernel, stride, rate) for size in sizes)
    return F.pad(x, [*width, *height], value=value, data_format=data_format)


class GlobalAvgPool2D(nn.Layer):
    """[N, C, H, W] -> [N, C, 1, 1]: the mean over space. See AvgPool2D for why it is none of Paddle's pools."""

    def __init__(self, data_format: str) -> None:
        super().__init__()
        self.axes = [data_format.index("H"), data_format.index("W")]

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(self.axes, keepdim=True)


class AvgPool2D(nn.AvgPool2D):
    """[N, C, H, W] -> [N, C, h, w]: the mean of windows, none of them padded.

    Paddle's average pools weigh their gradients in float32, whatever the dtype (3.3): in float64 it is a sum of slices.
    """

    def __init__(self, kernel: int, stride: int, data_format: str) -> None:
        super().__init__(kernel, stride, data_format=data_format)
        self.area = kernel**2
        rows = [slice(cell, cell - kernel + 1 or None, stride) for cell in range(kernel)]
        leading = (slice(None),) * data_format.index("H")
        self.cells = [(*leading, row, column) for row in rows for column in rows]

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype != paddle.float64:
            return super().forward(x)
        return paddle.add_n([x[cell] for cell in self.cells]) / self.area


class AdaptiveAvgPool2D(nn.AdaptiveAvgPool2D):
    """[N, C, H, W] -> [N, C, cells, cells]: the means of windows that cover the map. In float64 as AvgPool2D."""

    def __init__(self, cells: int, data_format: str) -> None:
        super().__init__(cells, data_format=data_format)
        self.cells = cells
        self.axes = (data_format.index("H"), data_format.index("W"))

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype != paddle.float64:
            return super().forward(x)
        for axis in self.axes:
            windows = adaptive_windows(x.shape[axis], self.cells)
            x = paddle.concat([x.slice([axis], [a], [b]).mean(axis, keepdim=True) for a, b in windows], axis)
        return x


class ConvBatchNorm(nn.Sequential):
    """[N, depth_in, H, W] -> [N, depth, H / stride, W / stride]: convolution, batch norm and activation."""

    def __init__(self, layer: Convolution, plan: Plan, data_format: str) -> None:
        super().__init__()
        if layer.dropout:
            self.dropout = Dropout(layer.dropout)
        self.conv = Conv2D(layer, data_format)
        if layer.batch_norm:
            self.batch_norm = make_batch_norm(layer, plan, data_format)
        if layer.activation:
            self.activation = make_activation(layer.activation)


class BatchNormActivation(nn.Sequential):
    """[N, C, H, W] -> the same: batch norm and activation without a convolution before them."""

    def __init__(self, layer: BatchNorm, plan: Plan, data_format: str) -> None:
        super().__init__()
        self.batch_norm = make_batch_norm(layer, plan, data_format)
        self.activation = make_activation(layer.activation)


class UnbiasedBatchNorm2D(nn.BatchNorm2D):
    """[N, C, H, W] -> the same. Its running variance follows the unbiased one; Paddle's own the biased."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self._use_global_stats:
            return super().forward(x)
        followed = self._variance.clone()  # what a batch norm is given must not change before its backward pass
        y = F.batch_norm(
            x,
            self._mean,
            followed,
            self.weight,
            self.bias,
            training=True,
            momentum=self._momentum,
            epsilon=self._epsilon,
            data_format=self._data_format,
        )
        count = x.numel().astype(x.dtype) / self._variance.shape[0]
        with paddle.no_grad():
            decayed = self._variance * self._momentum
            paddle.assign(decayed + (followed - decayed) * (count / (count - 1)), self._variance)
        return y


def freeze_batch_norm(network: nn.Layer) -> None:
    """Freeze every batch norm for fine-tuning: it normalises by its running statistics, and learns nothing."""
    for layer in network.sublayers():
        if isinstance(layer, nn.BatchNorm2D):
            layer._use_global_stats = True  # what the constructor's `use_global_stats` sets
            layer.weight.stop_gradient = layer.bias.stop_gradient = True


def make_batch_norm(layer: Parametrised, plan: Plan, data_format: str) -> nn.BatchNorm2D:
    """Return a layer's batch norm. Paddle's momentum is the decay itself; it keeps both numbers in float32."""
    gamma = Constant(1.0 if layer.gamma is None else layer.gamma)
    kind = nn.BatchNorm2D if plan.convention.running_variance == "biased" else UnbiasedBatchNorm2D
    batch_norm = kind(
        layer.depth,
        momentum=plan.decay,
        epsilon=plan.epsilon,
        weight_attr=ParamAttr(initializer=gamma),
        data_format=data_format,
    )
    if layer.gamma is None:
        # Not `weight_attr=False`: beta's gradient is left out with gamma's (Paddle 3.3). So gamma is ones, which no
        # optimizer moves and no file has.
        del batch_norm.weight
        ones = paddle.ones([layer.depth])
        ones.stop_gradient = False
        batch_norm.register_buffer("weight", ones, persistable=False)
    return batch_norm


def make_activation(activation: Activation) -> nn.Layer:
    """Return an activation."""
    match activation:
        case "relu":
            return ReLU()
        case "relu6":
            return nn.ReLU6()
        case None:
            return nn.Identity()


class Dropout(nn.Dropout):
    """[N, C, H, W] -> the same, under one of two rules, which are both Paddle's own."""

    def __init__(self, dropout: spec.Dropout) -> None:
        super().__init__(dropout.share, mode="downscale_in_infer" if dropout.downscaled else "upscale_in_train")


class Affine(nn.Layer):
    """[N, C, H, W] -> the same: each channel times a constant, plus another."""

    def __init__(self, layer: spec.Affine, data_format: str) -> None:
        super().__init__()
        shape = (-1, 1, 1) if data_format == "NCHW" else (-1,)
        for name, values in (("scale", layer.scale), ("shift", layer.shift)):
            # Not in the state_dict: they are of the design, and zoos' files do not have them.
            self.register_buffer(name, paddle.to_tensor(values, "float64").reshape(shape), persistable=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.shift


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
    """Return the framework's form of a layer of the plan."""
    match layer:
        case Convolution():
            return ConvBatchNorm(layer, plan, data_format)
        case BatchNorm():
            return BatchNormActivation(layer, plan, data_format)
        case MaxPool():
            return MaxPool2D(layer, data_format)
        case AveragePool():
            return AvgPool2D(layer.kernel, layer.stride, data_format)
        case AdaptivePool():
            return AdaptiveAvgPool2D(layer.cells, data_format)
        case spec.Affine():
            return Affine(layer, data_format)
        case Subsample():
            return nn.MaxPool2D(1, layer.stride, data_format=data_format)
        case ZeroChannels():
            return ZeroChannelShortcut(layer, data_format)
