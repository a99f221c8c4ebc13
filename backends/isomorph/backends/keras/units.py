"""The units in Keras. Tensors are [N, H, W, C], or [N, C, H, W] where the form says so.

They are plain classes that hold stock layers and are called on symbolic tensors, not subclasses of keras.Layer: the
model they make is a functional one, which `.keras` files carry whole and whose inner end points can be reached.
"""

from dataclasses import dataclass
from typing import Any

from keras import initializers, layers, ops

from isomorph.backends.keras.initializers import initializer_of
from isomorph.spec import Plan
from isomorph.spec.layers import INPUT, Activation, BatchNorm, Convolution, Layer, MaxPool, Subsample, ZeroChannels
from isomorph.spec.padding import Rule, pads
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
        same = layer.padding == "same" or layer.stride == 1
        self.pad = None if same else make_padding(layer.padding, layer.kernel, layer.stride, layer.rate, name, form)
        common = {
            "strides": layer.stride,
            "padding": "same" if same else "valid",
            "dilation_rate": layer.rate,
            "use_bias": layer.bias,
            "bias_initializer": initializer_of(layer.bias_initializer, layer),
            "name": name,
        }
        initializer = initializer_of(layer.initializer, layer)
        # A layer of its own where every channel is convolved alone; its kernel is [k, k, depth, 1].
        self.conv = (
            layers.DepthwiseConv2D(layer.kernel, depthwise_initializer=initializer, **common, **form.spatial)
            if layer.is_depthwise
            else layers.Conv2D(
                layer.depth,
                layer.kernel,
                groups=layer.groups,
                kernel_initializer=initializer,
                **common,
                **form.spatial,
            )
        )

    def __call__(self, x: Tensor) -> Tensor:
        return self.conv(self.pad(x) if self.pad else x)


def make_padding(rule: Rule, kernel: int, stride: int, rate: int, name: str, form: Form) -> Any:
    """The layer that pads with zeros by a rule that needs no size; None if there is nothing to pad."""
    border = pads(rule, 0, kernel, stride, rate)
    return layers.ZeroPadding2D((border, border), **form.spatial, name=f"{name}_pad") if any(border) else None


class MaxPool2D:
    """[N, H, W, C] -> [N, H / stride, W / stride, C]. Keras's layer pads with zeros alone: -inf goes by `ops.pad`."""

    def __init__(self, layer: MaxPool, form: Form) -> None:
        name, same = layer_name(layer.scope), layer.padding == "same"
        border = (0, 0) if same else pads(layer.padding, 0, layer.kernel, layer.stride, 1)
        self.pads = form.pads(border) if any(border) and layer.fill else None
        self.fill = layer.fill
        zeros = not (same or layer.fill)
        self.pad = make_padding(layer.padding, layer.kernel, layer.stride, 1, name, form) if zeros else None
        self.pool = layers.MaxPooling2D(
            layer.kernel, layer.stride, padding="same" if same else "valid", **form.spatial, name=name
        )

    def __call__(self, x: Tensor) -> Tensor:
        if self.pad:
            x = self.pad(x)
        if self.pads:
            x = ops.pad(x, self.pads, constant_values=self.fill)
        return self.pool(x)


class ConvBatchNorm:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: convolution, batch norm and activation."""

    def __init__(self, layer: Convolution, plan: Plan, form: Form) -> None:
        self.layers: list[Any] = [Conv2D(layer, form)]
        if layer.batch_norm:
            self.layers.append(make_batch_norm(layer.scope, layer.gamma, plan, form))
        if layer.activation:
            self.layers.append(make_activation(layer.activation, f"{layer_name(layer.scope)}_relu", form))

    def __call__(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class BatchNormActivation:
    """[N, H, W, C] -> the same: batch norm and activation without a convolution before them."""

    def __init__(self, layer: BatchNorm, plan: Plan, form: Form) -> None:
        self.batch_norm = make_batch_norm(layer.scope, 1.0, plan, form)
        self.activation = make_activation(layer.activation, layer_name(layer.scope), form)

    def __call__(self, x: Tensor) -> Tensor:
        return self.activation(self.batch_norm(x))


def make_batch_norm(scope: str, gamma: float, plan: Plan, form: Form) -> Any:
    """That of the layer at `scope`. Keras's momentum is the decay itself."""
    return layers.BatchNormalization(
        axis=form.axis,
        momentum=plan.decay,
        epsilon=plan.epsilon,
        gamma_initializer=initializers.Constant(gamma),
        dtype=form.dtype,
        name=f"{layer_name(scope)}_BatchNorm",
    )


def make_activation(activation: Activation, name: str, form: Form) -> Any:
    """What follows a layer, as a layer called `name`."""
    match activation:
        case "relu":
            return layers.ReLU(dtype=form.dtype, name=name)
        case "relu6":
            return layers.ReLU(max_value=6.0, dtype=form.dtype, name=name)
        case None:
            return layers.Identity(dtype=form.dtype, name=name)


def make_subsample(layer: Subsample | ZeroChannels, form: Form) -> Any:
    """A pool of one pixel, called as the layer: a strided slice of an unknown size fails on JAX."""
    return layers.MaxPooling2D(1, layer.stride, **form.spatial, name=layer_name(layer.scope))


class ZeroChannelShortcut:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: a strided slice between channels of zeros."""

    def __init__(self, layer: ZeroChannels, form: Form) -> None:
        self.subsample = make_subsample(layer, form)
        self.pads = form.pads(channels=(layer.before, layer.after))

    def __call__(self, x: Tensor) -> Tensor:
        return ops.pad(self.subsample(x), self.pads)


def make_layer(layer: Layer, plan: Plan, form: Form) -> Any:
    """Any layer of the plan."""
    match layer:
        case Convolution():
            return ConvBatchNorm(layer, plan, form)
        case BatchNorm():
            return BatchNormActivation(layer, plan, form)
        case MaxPool():
            return MaxPool2D(layer, form)
        case Subsample():
            return make_subsample(layer, form)
        case ZeroChannels():
            return ZeroChannelShortcut(layer, form)


def make_shortcut(unit: Unit, plan: Plan, form: Form) -> Any:
    """What the unit's input passes on its way to the sum; None in a plain network, which has no shortcuts."""
    if unit.shortcut is None:
        return (lambda x: x) if INPUT in unit.wiring.joined else None
    return make_layer(unit.shortcut, plan, form)


def make_add(unit: Unit, form: Form) -> Any:
    """The unit's sum: in a functional model operations are layers."""
    return layers.Add(dtype=form.dtype, name=f"{layer_name(unit.scope)}_add")


class Basic:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: 3x3, 3x3 beside the shortcut."""

    def __init__(self, unit: Unit, plan: Plan, form: Form) -> None:
        self.shortcut = make_shortcut(unit, plan, form)
        self.conv1 = ConvBatchNorm(unit.layer("conv1"), plan, form)
        self.conv2 = ConvBatchNorm(unit.layer("conv2"), plan, form)
        self.add = make_add(unit, form)
        self.activation = make_activation(unit.wiring.activation, layer_name(unit.scope), form)

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        end_points["conv1"] = residual = self.conv1(x)
        end_points["conv2"] = residual = self.conv2(residual)
        if self.shortcut is not None:
            end_points["shortcut"] = shortcut = self.shortcut(x)
            residual = self.add([shortcut, residual])
        return self.activation(residual)


class Bottleneck:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: 1x1, 3x3, 1x1 beside the shortcut."""

    def __init__(self, unit: Unit, plan: Plan, form: Form) -> None:
        self.shortcut = make_shortcut(unit, plan, form)
        self.conv1 = ConvBatchNorm(unit.layer("conv1"), plan, form)
        self.conv2 = ConvBatchNorm(unit.layer("conv2"), plan, form)
        self.conv3 = ConvBatchNorm(unit.layer("conv3"), plan, form)
        self.add = make_add(unit, form)
        self.activation = make_activation(unit.wiring.activation, layer_name(unit.scope), form)

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        end_points["conv1"] = residual = self.conv1(x)
        end_points["conv2"] = residual = self.conv2(residual)
        end_points["conv3"] = residual = self.conv3(residual)
        if self.shortcut is not None:
            end_points["shortcut"] = shortcut = self.shortcut(x)
            residual = self.add([shortcut, residual])
        return self.activation(residual)


class BottleneckV2:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: batch norm, then 1x1, 3x3, 1x1 and shortcut."""

    def __init__(self, unit: Unit, plan: Plan, form: Form) -> None:
        self.preact = BatchNormActivation(unit.layer("preact"), plan, form)
        self.shortcut = make_shortcut(unit, plan, form)
        self.projects = isinstance(unit.shortcut, Convolution)
        self.conv1 = ConvBatchNorm(unit.layer("conv1"), plan, form)
        self.conv2 = ConvBatchNorm(unit.layer("conv2"), plan, form)
        self.conv3 = ConvBatchNorm(unit.layer("conv3"), plan, form)
        self.add = make_add(unit, form)

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        end_points["preact"] = preact = self.preact(x)
        end_points["shortcut"] = shortcut = self.shortcut(preact if self.projects else x)
        end_points["conv1"] = residual = self.conv1(preact)
        end_points["conv2"] = residual = self.conv2(residual)
        end_points["conv3"] = residual = self.conv3(residual)
        return self.add([shortcut, residual])


class Separable:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: depthwise 3x3, 1x1."""

    def __init__(self, unit: Unit, plan: Plan, form: Form) -> None:
        self.depthwise = ConvBatchNorm(unit.layer("depthwise"), plan, form)
        self.pointwise = ConvBatchNorm(unit.layer("pointwise"), plan, form)

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        end_points["depthwise"] = x = self.depthwise(x)
        end_points["pointwise"] = x = self.pointwise(x)
        return x


class InvertedResidual:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: 1x1 if it widens, depthwise 3x3, 1x1; then the sum."""

    def __init__(self, unit: Unit, plan: Plan, form: Form) -> None:
        self.expand = ConvBatchNorm(unit.layer("expand"), plan, form) if len(unit.layers) == 3 else None
        self.depthwise = ConvBatchNorm(unit.layer("depthwise"), plan, form)
        self.project = ConvBatchNorm(unit.layer("project"), plan, form)
        self.adds = INPUT in unit.wiring.joined
        self.add = make_add(unit, form)

    def __call__(self, x: Tensor, end_points: EndPoints) -> Tensor:
        residual = x
        if self.expand:
            end_points["expand"] = residual = self.expand(x)
        end_points["depthwise"] = residual = self.depthwise(residual)
        end_points["project"] = residual = self.project(residual)
        return self.add([x, residual]) if self.adds else residual


def make_unit(unit: Unit, plan: Plan, form: Form) -> Any:
    """The unit of a kind: of a class in UNITS, or a single layer."""
    if unit.kind in UNITS:
        return UNITS[unit.kind](unit, plan, form)
    (only,) = unit.layers
    layer = make_layer(only, plan, form)
    return lambda x, end_points: layer(x)


UNITS: dict[str, Any] = {
    "basic": Basic,
    "bottleneck": Bottleneck,
    "grouped_bottleneck": Bottleneck,
    "bottleneck_v2": BottleneckV2,
    "separable": Separable,
    "inverted_residual": InvertedResidual,
}
