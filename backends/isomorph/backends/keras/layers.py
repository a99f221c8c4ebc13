"""The layers in Keras. Tensors are [N, H, W, C], or [N, C, H, W] where the form says so.

They are plain classes that hold stock layers and are called on symbolic tensors, not subclasses of keras.Layer: the
model they make is a functional one, which `.keras` files carry whole and whose inner end points can be reached.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import initializers, layers, ops, saving

from isomorph.backends.keras.initializers import initializer_of
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
from isomorph.spec.padding import Rule, pad_alike, pads

Tensor = Any
"""A map [N, H, W, C] or [N, C, H, W]: symbolic while the model is made, the engine's own in calls of a single layer."""


@dataclass(frozen=True)
class Form:
    """The settings that each Keras layer takes, and PyTorch and Paddle set on a whole network: dtype and layout.

    training: whether the network is built for training. frozen: whether its batch norms then learn nothing.
    autocast: the precision that float32 layers compute in.
    """

    dtype: str
    layout: str
    training: bool = False
    frozen: bool = False
    autocast: str | None = None

    @property
    def policy(self) -> str:
        """The `dtype` argument of layers: Keras's name for the dtypes of their variables and of their arithmetic."""
        return f"mixed_{self.autocast}" if self.autocast else self.dtype

    @property
    def axis(self) -> int:
        """The axis of the channels."""
        return self.layout.index("C")

    @property
    def spatial(self) -> dict[str, str]:
        """The arguments of layers that have windows."""
        return {"data_format": "channels_last" if self.axis == 3 else "channels_first", "dtype": self.policy}

    def pads(self, space: tuple[int, int] = (0, 0), channels: tuple[int, int] = (0, 0)) -> list[tuple[int, int]]:
        """Return the argument of `ops.pad` that pads height and width by `space`, and channels by `channels`."""
        return [(0, 0), *(channels if axis == "C" else space for axis in self.layout[1:])]


def layer_name(scope: str) -> str:
    """Return Keras's name of a layer: it forbids "/" in names."""
    return scope.replace("/", "_")


class Conv2D:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth].

    Keras has no explicit padding but ZeroPadding2D; at stride 1 its "same" replaces it, but for even kernels.
    """

    def __init__(self, layer: Convolution, form: Form) -> None:
        name = layer_name(layer.scope)
        window = layer.kernel, layer.stride, layer.rate
        same = layer.padding == "same" or (
            layer.stride == 1 and layer.padding != "valid" and pad_alike("same", layer.padding, *window)
        )
        self.pad = None if same else make_padding(layer.padding, *window, name, form)
        common = {
            "strides": layer.stride,
            "padding": "same" if same else "valid",
            "dilation_rate": layer.rate,
            "use_bias": layer.bias,
            "bias_initializer": initializer_of(layer.bias_initializer, layer),
            "name": name,
        }
        initializer = initializer_of(layer.initializer, layer)
        # Keras has a layer of its own for depthwise convolutions; its kernel is [k, k, depth, 1].
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
    """Return the layer that pads with zeros by a rule that needs no size; None if there is nothing to pad."""
    border = pads(rule, 0, kernel, stride, rate)
    return layers.ZeroPadding2D((border, border), **form.spatial, name=f"{name}_pad") if any(border) else None


class MaxPool2D:
    """[N, H, W, C] -> [N, H / stride, W / stride, C].

    Keras pads with zeros alone: `ops.pad` pads with -inf. Its "same" pads with -inf, in places that depend on the size:
    for zeros, the windows that see padding are those that sum fewer ones.
    """

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
        self.form, self.kernel, self.stride = form, layer.kernel, layer.stride
        self.zeros_in_same = same and not layer.fill

    def __call__(self, x: Tensor) -> Tensor:
        if self.pad:
            x = self.pad(x)
        if self.pads:
            x = ops.pad(x, self.pads, constant_values=self.fill)
        y = self.pool(x)
        return ops.where(self.sees_padding(x), ops.maximum(y, 0), y) if self.zeros_in_same else y

    def sees_padding(self, x: Tensor) -> Tensor:
        """Return [1, h, w, 1]: whether each window of SAME sees cells outside the map."""
        first = tuple(slice(0, 1) if axis in "NC" else slice(None) for axis in self.form.layout)
        ones = np.ones((self.kernel, self.kernel, 1, 1), self.form.dtype)
        data_format = self.form.spatial["data_format"]
        counts = ops.conv(ops.ones_like(x[first]), ones, strides=self.stride, padding="same", data_format=data_format)
        return counts < self.kernel**2 - 0.5


class AdaptiveAveragePooling2D:
    """[N, H, W, C] -> [N, cells, cells, C], for any H and W; Keras's own layer needs to know them beforehand.

    It is a matrix product along each axis. The windows follow from the axis's length, which is a running sum of ones.
    """

    def __init__(self, layer: AdaptivePool, form: Form) -> None:
        self.cells = layer.cells
        self.form = form

    def __call__(self, x: Tensor) -> Tensor:
        axes = self.form.layout.lower()
        for axis in "hw":
            x = ops.einsum(f"{axes},i{axis}->{axes.replace(axis, 'i')}", x, self.weights(x, axis.upper()))
        return x

    def weights(self, x: Tensor, axis: str) -> Tensor:
        """Return [cells, length of the axis]: in each row, one over the window's length inside the window, else 0."""
        along = tuple(slice(None) if letter == axis else 0 for letter in self.form.layout)
        # Counted in float32, which holds all integers that occur here; bfloat16 stops at 256.
        index = ops.cumsum(ops.cast(ops.ones_like(x[along]), "float32"))  # from 1
        length = ops.max(index)
        cell = np.arange(self.cells, dtype="float32")[:, None]  # NumPy's: a JAX array does not take symbolic tensors
        begin, end = ops.floor(length * cell / self.cells), ops.ceil(length * (cell + 1) / self.cells)
        inside = ops.cast(ops.logical_and(index > begin, index <= end), x.dtype)
        return inside / ops.sum(inside, axis=1, keepdims=True)


class ConvBatchNorm:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: convolution, batch norm and activation."""

    def __init__(self, layer: Convolution, plan: Plan, form: Form) -> None:
        name = layer_name(layer.scope)
        self.layers: list[Any] = [Dropout(layer.dropout, name, form)] if layer.dropout else []
        self.layers.append(Conv2D(layer, form))
        if layer.batch_norm:
            self.layers.append(make_batch_norm(layer, plan, form))
        if layer.activation:
            self.layers.append(make_activation(layer.activation, f"{name}_relu", form))

    def __call__(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class BatchNormActivation:
    """[N, H, W, C] -> the same: batch norm and activation without a convolution before them."""

    def __init__(self, layer: BatchNorm, plan: Plan, form: Form) -> None:
        self.batch_norm = make_batch_norm(layer, plan, form)
        self.activation = make_activation(layer.activation, layer_name(layer.scope), form)

    def __call__(self, x: Tensor) -> Tensor:
        return self.activation(self.batch_norm(x))


@saving.register_keras_serializable("isomorph")
class UnbiasedBatchNormalization(layers.BatchNormalization):
    """[N, H, W, C] -> the same. Its running variance follows the unbiased one; Keras's own the biased.

    A `.keras` that holds it loads where isomorph has been imported: networks for inference have Keras's own.
    """

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor = None) -> Tensor:
        """As Keras's."""
        decayed = ops.multiply(self.moving_variance, self.momentum)
        outputs = super().call(inputs, training=training, mask=mask)
        if training and self.trainable:
            size = ops.prod(ops.cast(ops.shape(inputs), self.variable_dtype))
            count = size / self.moving_variance.shape[0]
            self.moving_variance.assign(decayed + (self.moving_variance - decayed) * (count / (count - 1)))
        return outputs


def make_batch_norm(layer: Parametrised, plan: Plan, form: Form) -> Any:
    """Return a layer's batch norm. Keras's momentum is the decay itself."""
    is_biased = plan.convention.running_variance == "biased" or not form.training or form.frozen
    return (layers.BatchNormalization if is_biased else UnbiasedBatchNormalization)(
        axis=form.axis,
        momentum=plan.decay,
        epsilon=plan.epsilon,
        scale=layer.gamma is not None,
        gamma_initializer=initializers.Constant(1.0 if layer.gamma is None else layer.gamma),
        dtype=form.policy,
        trainable=not form.frozen,  # Keras's batch norm then uses its running statistics in training, too
        name=f"{layer_name(layer.scope)}_BatchNorm",
    )


def make_activation(activation: Activation, name: str, form: Form) -> Any:
    """Return an activation as a layer called `name`."""
    match activation:
        case "relu":
            return layers.ReLU(dtype=form.policy, name=name)
        case "relu6":
            return layers.ReLU(max_value=6.0, dtype=form.policy, name=name)
        case None:
            return layers.Identity(dtype=form.policy, name=name)


class Dropout:
    """[N, H, W, C] -> the same. Keras scales up in training; Paddle's "downscale_in_infer" is that, times 1 - p."""

    def __init__(self, dropout: spec.Dropout, name: str, form: Form) -> None:
        self.dropout = layers.Dropout(dropout.share, dtype=form.policy, name=f"{name}_dropout")
        self.scale = None
        if dropout.downscaled:
            self.scale = layers.Rescaling(dropout.scale, dtype=form.policy, name=f"{name}_scale")

    def __call__(self, x: Tensor) -> Tensor:
        x = self.dropout(x)
        return self.scale(x) if self.scale else x


class Affine:
    """[N, H, W, C] -> the same: each channel times a constant, plus another."""

    def __init__(self, layer: spec.Affine, form: Form) -> None:
        shape = [-1 if axis == "C" else 1 for axis in form.layout[1:]]
        # As float64 arrays: Keras makes float32 of Python's numbers before it makes float64 of them.
        scale, shift = (np.reshape(np.array(values, np.float64), shape) for values in (layer.scale, layer.shift))
        self.rescale = layers.Rescaling(scale, shift, dtype=form.policy, name=layer_name(layer.scope))

    def __call__(self, x: Tensor) -> Tensor:
        return self.rescale(x)


def make_subsample(layer: Subsample | ZeroChannels, form: Form) -> Any:
    """Return a pool of one pixel that subsamples: a strided slice of an unknown size fails on JAX."""
    return layers.MaxPooling2D(1, layer.stride, **form.spatial, name=layer_name(layer.scope))


class ZeroChannelShortcut:
    """[N, H, W, depth_in] -> [N, H / stride, W / stride, depth]: a strided slice between channels of zeros."""

    def __init__(self, layer: ZeroChannels, form: Form) -> None:
        self.subsample = make_subsample(layer, form)
        self.pads = form.pads(channels=(layer.before, layer.after))

    def __call__(self, x: Tensor) -> Tensor:
        return ops.pad(self.subsample(x), self.pads)


def make_layer(layer: Layer, plan: Plan, form: Form) -> Any:
    """Return the framework's form of a layer of the plan."""
    match layer:
        case Convolution():
            return ConvBatchNorm(layer, plan, form)
        case BatchNorm():
            return BatchNormActivation(layer, plan, form)
        case MaxPool():
            return MaxPool2D(layer, form)
        case AveragePool():
            name = layer_name(layer.scope)
            return layers.AveragePooling2D(layer.kernel, layer.stride, **form.spatial, name=name)
        case AdaptivePool():
            return AdaptiveAveragePooling2D(layer, form)
        case spec.Affine():
            return Affine(layer, form)
        case Subsample():
            return make_subsample(layer, form)
        case ZeroChannels():
            return ZeroChannelShortcut(layer, form)
