"""The layers of a plan as functions. A layer's parameters are a dict, leaf -> array; most layers have none.

Everything is computed in the map's own dtype, and products as exactly as the device can.
"""

from functools import singledispatch
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from isomorph.spec.layers import (
    Activation,
    AdaptivePool,
    Affine,
    AveragePool,
    BatchNorm,
    Convolution,
    Layer,
    MaxPool,
    Subsample,
    ZeroChannels,
)
from isomorph.spec.padding import adaptive_windows, pads
from isomorph_lax.form import Form

Leaves = dict[str, Array]


@singledispatch
def run(layer: Layer, parameters: Leaves, x: Array, form: Form, epsilon: float) -> Array:
    """What a layer makes of the map `x`.

    form: the layout of maps. epsilon: batch norm's.
    """
    raise NotImplementedError(f"isomorph_lax has no {type(layer).__name__}.")


@run.register
def _(layer: Convolution, parameters: Leaves, x: Array, form: Form, epsilon: float) -> Array:
    if layer.dropout and layer.dropout.downscaled:
        x = x * jnp.asarray(layer.dropout.scale, x.dtype)
    y = lax.conv_general_dilated(
        x,
        parameters["weights"],
        window_strides=(layer.stride, layer.stride),
        padding=[pads(layer.padding, x.shape[axis], layer.kernel, layer.stride, layer.rate) for axis in form.space],
        rhs_dilation=(layer.rate, layer.rate),
        dimension_numbers=form.convolution,
        feature_group_count=layer.groups,
        precision=lax.Precision.HIGHEST,
    )
    if layer.bias:
        y = y + form.along(parameters["biases"])
    if layer.batch_norm:
        y = batch_norm(parameters, y, form, epsilon)
    return activate(y, layer.activation)


@run.register
def _(layer: BatchNorm, parameters: Leaves, x: Array, form: Form, epsilon: float) -> Array:
    return activate(batch_norm(parameters, x, form, epsilon), layer.activation)


@run.register
def _(layer: MaxPool, parameters: Leaves, x: Array, form: Form, epsilon: float) -> Array:
    height, width = (pads(layer.padding, x.shape[axis], layer.kernel, layer.stride, 1) for axis in form.space)
    x = jnp.pad(x, form.pads(height, width), constant_values=layer.fill)
    return _windows(x, -jnp.inf, lax.max, layer.kernel, layer.stride, form)


@run.register
def _(layer: AveragePool, parameters: Leaves, x: Array, form: Form, epsilon: float) -> Array:
    return _windows(x, 0.0, lax.add, layer.kernel, layer.stride, form) / layer.kernel**2


@run.register
def _(layer: AdaptivePool, parameters: Leaves, x: Array, form: Form, epsilon: float) -> Array:
    for axis in form.space:
        windows = adaptive_windows(x.shape[axis], layer.cells)
        means = [lax.slice_in_dim(x, *window, axis=axis).mean(axis, keepdims=True) for window in windows]
        x = jnp.concatenate(means, axis)
    return x


@run.register
def _(layer: Affine, parameters: Leaves, x: Array, form: Form, epsilon: float) -> Array:
    scale, shift = (form.along(jnp.asarray(values, x.dtype)) for values in (layer.scale, layer.shift))
    return x * scale + shift


@run.register
def _(layer: Subsample, parameters: Leaves, x: Array, form: Form, epsilon: float) -> Array:
    return form.subsample(x, layer.stride)


@run.register
def _(layer: ZeroChannels, parameters: Leaves, x: Array, form: Form, epsilon: float) -> Array:
    return jnp.pad(form.subsample(x, layer.stride), form.pads(channels=(layer.before, layer.after)))


def batch_norm(parameters: Leaves, x: Array, form: Form, epsilon: float) -> Array:
    """Normalised by the running statistics; slim's Inception has no gamma."""
    scale = lax.rsqrt(parameters["moving_variance"] + jnp.asarray(epsilon, x.dtype))
    if "gamma" in parameters:
        scale = scale * parameters["gamma"]
    return (x - form.along(parameters["moving_mean"])) * form.along(scale) + form.along(parameters["beta"])


def activate(x: Array, activation: Activation) -> Array:
    """What follows a layer or a sum."""
    match activation:
        case "relu":
            return jax.nn.relu(x)
        case "relu6":
            return jax.nn.relu6(x)
        case None:
            return x


def _windows(x: Array, start: float, reduce: Any, kernel: int, stride: int, form: Form) -> Array:
    return lax.reduce_window(x, jnp.asarray(start, x.dtype), reduce, form.over(kernel), form.over(stride), "valid")
