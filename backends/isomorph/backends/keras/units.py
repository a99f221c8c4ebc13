"""The units in Keras. Tensors are [N, H, W, C].

They are plain classes that hold stock layers and are called on symbolic tensors, not subclasses of keras.Layer: the
model they make is a functional one, which `.keras` files carry whole and whose inner end points can be reached.
"""

from typing import Any

from keras import layers, ops

from isomorph.backends.keras.initializers import initializer_of
from isomorph.spec import Plan
from isomorph.spec.layers import Convolution, MaxPool, Shortcut, Subsample, ZeroChannels
from isomorph.spec.units import Unit

Tensor = Any  # symbolic while the model is made, the engine's own when a unit is called alone
EndPoints = dict[str, Tensor]
NHWC = {"data_format": "channels_last"}


def layer_name(scope: str) -> str:
    """Keras forbids "/" in names."""
    return scope.replace("/", "_")


class Conv2D:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth].

    Keras has no explicit padding but ZeroPadding2D; at stride 1 its "same" pads both sides alike, and needs none.
    """

    def __init__(self, layer: Convolution, dtype: str) -> None:
        name = layer_name(layer.scope)
        explicit = layer.padding == "explicit" and layer.stride > 1
        border = layer.rate * (layer.kernel - 1) // 2 if explicit else 0
        self.pad = layers.ZeroPadding2D(border, **NHWC, dtype=dtype, name=f"{name}_pad") if border else None
        self.conv = layers.Conv2D(
            layer.depth,
            layer.kernel,
            layer.stride,
            padding="valid" if explicit else "same",
            dilation_rate=layer.rate,
            use_bias=layer.bias,
            kernel_initializer=initializer_of(layer.initializer, layer),
            bias_initializer=initializer_of(layer.bias_initializer, layer),
            **NHWC,
            dtype=dtype,
            name=name,
        )

    def __call__(self, x: Tensor) -> Tensor:
        return self.conv(self.pad(x) if self.pad else x)


class MaxPool2D:
    """[N, H, W, C] -> [N, H / stride, W / stride, C]; padding is -inf."""

    def __init__(self, layer: MaxPool, dtype: str) -> None:
        explicit = layer.padding == "explicit"
        self.border = (layer.kernel - 1) // 2 if explicit else 0
        self.pool = layers.MaxPooling2D(
            layer.kernel,
            layer.stride,
            padding="valid" if explicit else "same",
            **NHWC,
            dtype=dtype,
            name=layer_name(layer.scope),
        )

    def __call__(self, x: Tensor) -> Tensor:
        if self.border:
            sides = (self.border, self.border)
            x = ops.pad(x, ((0, 0), sides, sides, (0, 0)), constant_values=float("-inf"))
        return self.pool(x)


class ConvBatchNorm:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: convolution, batch norm and ReLU as the plan says."""

    def __init__(self, layer: Convolution, plan: Plan, dtype: str) -> None:
        name = layer_name(layer.scope)
        self.layers: list[Any] = [Conv2D(layer, dtype)]
        if layer.batch_norm:
            # Keras's momentum is the decay itself.
            self.layers.append(
                layers.BatchNormalization(
                    momentum=plan.decay, epsilon=plan.epsilon, dtype=dtype, name=f"{name}_BatchNorm"
                )
            )
        if layer.relu:
            self.layers.append(layers.ReLU(dtype=dtype, name=f"{name}_relu"))

    def __call__(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class SubsampleShortcut:
    """[N, H, W, C] -> [N, H / stride, W / stride, C].

    A pool of one pixel: a strided slice of an unknown size fails on JAX.
    """

    def __init__(self, layer: Subsample | ZeroChannels, dtype: str) -> None:
        self.pool = layers.MaxPooling2D(1, layer.stride, **NHWC, dtype=dtype, name=layer_name(layer.scope))

    def __call__(self, x: Tensor) -> Tensor:
        return self.pool(x)


class ZeroChannelShortcut:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: a strided slice between channels of zeros."""

    def __init__(self, layer: ZeroChannels, dtype: str) -> None:
        self.subsample = SubsampleShortcut(layer, dtype)
        self.channels = (layer.before, layer.after)

    def __call__(self, x: Tensor) -> Tensor:
        return ops.pad(self.subsample(x), ((0, 0), (0, 0), (0, 0), self.channels))


class IdentityShortcut:
    """[N, H, W, C] -> the same."""

    def __call__(self, x: Tensor) -> Tensor:
        return x


def make_shortcut(layer: Shortcut | None, plan: Plan, dtype: str) -> Any:
    """What the unit's input passes on its way to the sum."""
    match layer:
        case Convolution():
            return ConvBatchNorm(layer, plan, dtype)
        case Subsample():
            return SubsampleShortcut(layer, dtype)
        case ZeroChannels():
            return ZeroChannelShortcut(layer, dtype)
        case None:
            return IdentityShortcut()


class Basic:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: 3x3, 3x3 beside the shortcut."""

    def __init__(self, unit: Unit, plan: Plan, dtype: str) -> None:
        name = layer_name(unit.scope)
        self.shortcut = make_shortcut(unit.shortcut, plan, dtype)
        self.conv1 = ConvBatchNorm(unit.convolution("conv1"), plan, dtype)
        self.conv2 = ConvBatchNorm(unit.convolution("conv2"), plan, dtype)
        self.add = layers.Add(dtype=dtype, name=f"{name}_add")
        self.relu = layers.ReLU(dtype=dtype, name=name)

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        end_points["shortcut"] = shortcut = self.shortcut(x)
        end_points["conv1"] = residual = self.conv1(x)
        end_points["conv2"] = residual = self.conv2(residual)
        return self.relu(self.add([shortcut, residual]))


class Bottleneck:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: 1x1, 3x3, 1x1 beside the shortcut."""

    def __init__(self, unit: Unit, plan: Plan, dtype: str) -> None:
        name = layer_name(unit.scope)
        self.shortcut = make_shortcut(unit.shortcut, plan, dtype)
        self.conv1 = ConvBatchNorm(unit.convolution("conv1"), plan, dtype)
        self.conv2 = ConvBatchNorm(unit.convolution("conv2"), plan, dtype)
        self.conv3 = ConvBatchNorm(unit.convolution("conv3"), plan, dtype)
        self.add = layers.Add(dtype=dtype, name=f"{name}_add")
        self.relu = layers.ReLU(dtype=dtype, name=name)

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        end_points["shortcut"] = shortcut = self.shortcut(x)
        end_points["conv1"] = residual = self.conv1(x)
        end_points["conv2"] = residual = self.conv2(residual)
        end_points["conv3"] = residual = self.conv3(residual)
        return self.relu(self.add([shortcut, residual]))


UNITS = {"basic": Basic, "bottleneck": Bottleneck}
