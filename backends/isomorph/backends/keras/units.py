"""The units in Keras. Tensors are [N, H, W, C], or [N, C, H, W] where the form says so.

They are plain classes that hold stock layers and are called on symbolic tensors, not subclasses of keras.Layer: the
model they make is a functional one, which `.keras` files carry whole and whose inner end points can be reached.
"""

from dataclasses import dataclass
from typing import Any

from keras import initializers, layers, ops

from isomorph.backends.keras.initializers import initializer_of
from isomorph.spec import Plan
from isomorph.spec.layers import Convolution, MaxPool, Shortcut, Subsample, ZeroChannels
from isomorph.spec.units import Unit

Tensor = Any  # symbolic while the model is made, the engine's own when a unit is called alone
EndPoints = dict[str, Tensor]


@dataclass(frozen=True)
class Form:
    """What PyTorch and Paddle set on a whole network, and Keras on each layer: dtype, and where the channels are."""

    dtype: str
    layout: str

    @property
    def axis(self) -> int:
        """That of the channels."""
        return self.layout.index("C")

    @property
    def spatial(self) -> dict[str, str]:
        """What layers take that see height and width."""
        return {"data_format": "channels_last" if self.axis == 3 else "channels_first", "dtype": self.dtype}

    def pads(self, space: tuple[int, int] = (0, 0), channels: tuple[int, int] = (0, 0)) -> list[tuple[int, int]]:
        """What `ops.pad` takes to pad both height and width by `space`, and the channels by `channels`."""
        return [(0, 0), *(channels if axis == "C" else space for axis in self.layout[1:])]


def layer_name(scope: str) -> str:
    """Keras forbids "/" in names."""
    return scope.replace("/", "_")


class Conv2D:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth].

    Keras has no explicit padding but ZeroPadding2D; at stride 1 its "same" pads both sides alike, and needs none.
    """

    def __init__(self, layer: Convolution, form: Form) -> None:
        name = layer_name(layer.scope)
        explicit = layer.padding == "explicit" and layer.stride > 1
        border = layer.rate * (layer.kernel - 1) // 2 if explicit else 0
        self.pad = layers.ZeroPadding2D(border, **form.spatial, name=f"{name}_pad") if border else None
        self.conv = layers.Conv2D(
            layer.depth,
            layer.kernel,
            layer.stride,
            padding="valid" if explicit else "same",
            dilation_rate=layer.rate,
            use_bias=layer.bias,
            kernel_initializer=initializer_of(layer.initializer, layer),
            bias_initializer=initializer_of(layer.bias_initializer, layer),
            **form.spatial,
            name=name,
        )

    def __call__(self, x: Tensor) -> Tensor:
        return self.conv(self.pad(x) if self.pad else x)


class MaxPool2D:
    """[N, H, W, C] -> [N, H / stride, W / stride, C]. Keras's layer pads with zeros alone: -inf goes by `ops.pad`."""

    def __init__(self, layer: MaxPool, form: Form) -> None:
        name = layer_name(layer.scope)
        explicit = layer.padding == "explicit"
        border = (layer.kernel - 1) // 2 if explicit else 0
        self.pads = form.pads((border, border)) if border and layer.fill else None
        zeros = border and not layer.fill
        self.pad = layers.ZeroPadding2D(border, **form.spatial, name=f"{name}_pad") if zeros else None
        self.pool = layers.MaxPooling2D(
            layer.kernel, layer.stride, padding="valid" if explicit else "same", **form.spatial, name=name
        )
        self.fill = layer.fill

    def __call__(self, x: Tensor) -> Tensor:
        if self.pad:
            x = self.pad(x)
        if self.pads:
            x = ops.pad(x, self.pads, constant_values=self.fill)
        return self.pool(x)


class ConvBatchNorm:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: convolution, batch norm and ReLU as the plan says."""

    def __init__(self, layer: Convolution, plan: Plan, form: Form) -> None:
        name = layer_name(layer.scope)
        self.layers: list[Any] = [Conv2D(layer, form)]
        if layer.batch_norm:
            # Keras's momentum is the decay itself.
            self.layers.append(
                layers.BatchNormalization(
                    axis=form.axis,
                    momentum=plan.decay,
                    epsilon=plan.epsilon,
                    gamma_initializer=initializers.Constant(layer.gamma),
                    dtype=form.dtype,
                    name=f"{name}_BatchNorm",
                )
            )
        if layer.relu:
            self.layers.append(layers.ReLU(dtype=form.dtype, name=f"{name}_relu"))

    def __call__(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class SubsampleShortcut:
    """[N, H, W, C] -> [N, H / stride, W / stride, C].

    A pool of one pixel: a strided slice of an unknown size fails on JAX.
    """

    def __init__(self, layer: Subsample | ZeroChannels, form: Form) -> None:
        self.pool = layers.MaxPooling2D(1, layer.stride, **form.spatial, name=layer_name(layer.scope))

    def __call__(self, x: Tensor) -> Tensor:
        return self.pool(x)


class ZeroChannelShortcut:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: a strided slice between channels of zeros."""

    def __init__(self, layer: ZeroChannels, form: Form) -> None:
        self.subsample = SubsampleShortcut(layer, form)
        self.pads = form.pads(channels=(layer.before, layer.after))

    def __call__(self, x: Tensor) -> Tensor:
        return ops.pad(self.subsample(x), self.pads)


class IdentityShortcut:
    """[N, H, W, C] -> the same."""

    def __call__(self, x: Tensor) -> Tensor:
        return x


def make_shortcut(layer: Shortcut | None, plan: Plan, form: Form) -> Any:
    """What the unit's input passes on its way to the sum."""
    match layer:
        case Convolution():
            return ConvBatchNorm(layer, plan, form)
        case Subsample():
            return SubsampleShortcut(layer, form)
        case ZeroChannels():
            return ZeroChannelShortcut(layer, form)
        case None:
            return IdentityShortcut()


class Basic:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: 3x3, 3x3 beside the shortcut."""

    def __init__(self, unit: Unit, plan: Plan, form: Form) -> None:
        name = layer_name(unit.scope)
        self.shortcut = make_shortcut(unit.shortcut, plan, form)
        self.conv1 = ConvBatchNorm(unit.convolution("conv1"), plan, form)
        self.conv2 = ConvBatchNorm(unit.convolution("conv2"), plan, form)
        self.add = layers.Add(dtype=form.dtype, name=f"{name}_add")
        self.relu = layers.ReLU(dtype=form.dtype, name=name)

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        end_points["shortcut"] = shortcut = self.shortcut(x)
        end_points["conv1"] = residual = self.conv1(x)
        end_points["conv2"] = residual = self.conv2(residual)
        return self.relu(self.add([shortcut, residual]))


class Bottleneck:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: 1x1, 3x3, 1x1 beside the shortcut."""

    def __init__(self, unit: Unit, plan: Plan, form: Form) -> None:
        name = layer_name(unit.scope)
        self.shortcut = make_shortcut(unit.shortcut, plan, form)
        self.conv1 = ConvBatchNorm(unit.convolution("conv1"), plan, form)
        self.conv2 = ConvBatchNorm(unit.convolution("conv2"), plan, form)
        self.conv3 = ConvBatchNorm(unit.convolution("conv3"), plan, form)
        self.add = layers.Add(dtype=form.dtype, name=f"{name}_add")
        self.relu = layers.ReLU(dtype=form.dtype, name=name)

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        end_points["shortcut"] = shortcut = self.shortcut(x)
        end_points["conv1"] = residual = self.conv1(x)
        end_points["conv2"] = residual = self.conv2(residual)
        end_points["conv3"] = residual = self.conv3(residual)
        return self.relu(self.add([shortcut, residual]))


UNITS = {"basic": Basic, "bottleneck": Bottleneck}
