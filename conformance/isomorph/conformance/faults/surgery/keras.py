"""Surgery on the networks in Keras: a layer's `call` is replaced, on the instance that the functional model holds."""

from collections.abc import Callable
from typing import Any

from keras import layers, ops
from keras.backend import standardize_dtype

from isomorph.backends.keras.backend import KerasNetwork
from isomorph.backends.keras.layers import Tensor, layer_name

Call = Callable[..., Tensor]

ACTIVATIONS: dict[str | None, Callable[[Tensor, int], Tensor]] = {
    None: lambda x, axis: x,
    "relu": lambda x, axis: ops.relu(x),
    "relu6": lambda x, axis: ops.relu6(x),
    "softmax": lambda x, axis: ops.softmax(x, axis=axis),
}
"""Each takes the axis of the channels."""

KINDS = {"dropout": layers.Dropout, "batch_norm": layers.BatchNormalization}

SIGNIFICANT = {"float32": 24, "float64": 53}
"""Significant bits of a number."""


def set_activation(network: KerasNetwork, scope: str, activation: str | None) -> None:
    """Replace or add the activation behind a layer, or behind the sum of a unit."""
    name, axis = layer_name(scope), network.options.layout.index("C")
    function = ACTIVATIONS[activation]
    if any(layer.scope == scope and not layer.activation for layer in network.plan.convolutions):
        _replace(_find(network, f"{name}_BatchNorm", name), lambda call, x: function(call(x), axis))
    else:
        _replace(_find(network, f"{name}_relu", name), lambda call, x: function(x, axis))


def activate_first(network: KerasNetwork, scope: str) -> None:
    """Move a ReLU between a convolution and its batch norm."""
    name = layer_name(scope)
    _replace(_find(network, name), lambda call, x: ops.relu(call(x)))
    _replace(_find(network, f"{name}_relu"), lambda call, x: x)


def set_rate(network: KerasNetwork, scope: str, rate: int) -> None:
    """Change the rate of a convolution that does not stride, and its padding to match."""
    _find(network, layer_name(scope)).dilation_rate = (rate, rate)


def read_before(network: KerasNetwork, scope: str, other: str) -> None:
    """Make the layer read the input of another one, which runs before it."""
    seen: list[Tensor] = []

    def remember(call: Call, x: Tensor) -> Tensor:
        seen.append(x)
        return call(x)

    _replace(_find(network, f"{layer_name(other)}_BatchNorm", layer_name(other)), remember)
    _replace(_find(network, f"{layer_name(scope)}_pad", layer_name(scope)), lambda call, _x: call(seen.pop()))


def read_behind(network: KerasNetwork, scope: str, other: str) -> None:
    """Make the layer read the result of another one, which runs before it."""
    seen: list[Tensor] = []

    def remember(call: Call, x: Tensor) -> Tensor:
        seen.append(call(x))
        return seen[-1]

    _replace(_find(network, f"{layer_name(other)}_relu", layer_name(other)), remember)
    _replace(_find(network, f"{layer_name(scope)}_pad", layer_name(scope)), lambda call, _x: call(seen.pop()))


def leave_in_training(network: KerasNetwork, kind: str) -> None:
    """Run all dropouts or batch norms in training mode at inference, too, without moving statistics."""
    for layer in network._end_point_model.layers:
        if isinstance(layer, KINDS[kind]):
            layer.momentum = 1.0
            _replace(layer, lambda call, x: call(x, training=True))


def round_operands(network: KerasNetwork, bits: int, inputs: bool = True, kernels: bool = True) -> None:
    """Round the operands of every convolution, its inputs and its kernels or one of them, to so many bits."""
    for layer in network._end_point_model.layers:
        if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D):
            _round_operands(layer, bits, inputs, kernels)


def _round_operands(layer: Any, bits: int, inputs: bool, kernels: bool) -> None:
    def convolve(call: Call, x: Tensor) -> Tensor:
        exact = ops.convert_to_numpy(layer.kernel)
        if kernels:
            layer.kernel.assign(_round(layer.kernel, bits))
        y = call(_round(x, bits) if inputs else x)
        layer.kernel.assign(exact)
        return y

    _replace(layer, convolve)


def _round(x: Tensor, bits: int) -> Tensor:
    """Return `x` rounded to so many significant bits (Dekker, 1971, section 5)."""
    x = ops.convert_to_tensor(x)
    scaled = x * (2.0 ** (SIGNIFICANT[standardize_dtype(x.dtype)] - bits) + 1)
    return scaled - (scaled - x)


def _find(network: KerasNetwork, *names: str) -> Any:
    """Return the first of these layers that exists."""
    known = {layer.name: layer for layer in network._end_point_model.layers}
    return next(known[name] for name in names if name in known)


def _replace(layer: Any, function: Callable[[Call, Tensor], Tensor]) -> None:
    """Replace the layer's computation by `function`, which takes the former computation and the input."""
    call = layer.call
    layer.call = lambda x, **_mode: function(call, x)
