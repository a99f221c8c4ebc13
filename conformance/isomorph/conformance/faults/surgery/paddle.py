"""Surgery on the networks in Paddle."""

from collections.abc import Callable
from typing import Any

import paddle
from paddle import Tensor, nn

from isomorph.backends.paddle.backend import PaddleNetwork

ACTIVATIONS: dict[str | None, Callable[[int], nn.Layer]] = {
    None: lambda axis: nn.Identity(),
    "relu": lambda axis: nn.ReLU(),
    "relu6": lambda axis: nn.ReLU6(),
    "softmax": lambda axis: nn.Softmax(axis=axis),
}
"""Each takes the axis of the channels."""

KINDS = {"dropout": nn.Dropout, "batch_norm": nn.BatchNorm2D}

SIGNIFICANT = {paddle.float32: 24, paddle.float64: 53}
"""Significant bits of a number."""


def set_activation(network: PaddleNetwork, scope: str, activation: str | None) -> None:
    """Replace or add the activation behind a layer, or behind the sum of a unit."""
    axis = network.options.layout.index("C")
    network._sublayer(scope).activation = ACTIVATIONS[activation](axis)  # of a chain of layers the last


def activate_first(network: PaddleNetwork, scope: str) -> None:
    """Move a ReLU between a convolution and its batch norm."""
    layers = network._sublayer(scope)
    layers.conv.register_forward_post_hook(lambda _layer, _inputs, y: nn.functional.relu(y))
    layers.activation = nn.Identity()


def set_rate(network: PaddleNetwork, scope: str, rate: int) -> None:
    """Change the rate of a convolution that does not stride, and its padding to match."""
    conv = network._sublayer(scope).conv
    conv._dilation = [rate, rate]
    conv._updated_padding = [rate * (conv._kernel_size[0] - 1) // 2] * 2


def read_before(network: PaddleNetwork, scope: str, other: str) -> None:
    """Make the layer read the input of another one, which runs before it."""
    seen: list[Tensor] = []
    network._sublayer(other).register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
    network._sublayer(scope).register_forward_pre_hook(lambda _layer, _inputs: seen.pop())


def read_behind(network: PaddleNetwork, scope: str, other: str) -> None:
    """Make the layer read the result of another one, which runs before it."""
    seen: list[Tensor] = []
    network._sublayer(other).register_forward_post_hook(lambda _layer, _inputs, y: seen.append(y))
    network._sublayer(scope).register_forward_pre_hook(lambda _layer, _inputs: seen.pop())


def leave_in_training(network: PaddleNetwork, kind: str) -> None:
    """Run all dropouts or batch norms in training mode at inference, too, without moving statistics."""
    for layer in network.native.sublayers():
        if isinstance(layer, KINDS[kind]):
            layer._momentum = 1.0
            layer.register_forward_pre_hook(_train)


def _train(layer: nn.Layer, _inputs: Any) -> None:
    """Set the mode in a hook, after `eval` has set it."""
    layer.train()


def round_operands(network: PaddleNetwork, bits: int, inputs: bool = True, kernels: bool = True) -> None:
    """Round the operands of every convolution, its inputs and its kernels or one of them, to so many bits."""
    for layer in network.native.sublayers():
        if isinstance(layer, nn.Conv2D):
            _round_operands(layer, bits, inputs, kernels)


def _round_operands(layer: nn.Conv2D, bits: int, inputs: bool, kernels: bool) -> None:
    exact: list[Tensor] = []

    def before(layer: nn.Conv2D, arguments: tuple[Tensor, ...]) -> Tensor:
        exact.append(layer.weight.clone())
        if kernels:
            layer.weight.set_value(_round(exact[-1], bits))
        return _round(arguments[0], bits) if inputs else arguments[0]

    layer.register_forward_pre_hook(before)
    layer.register_forward_post_hook(lambda layer, _inputs, _y: layer.weight.set_value(exact.pop()))


def _round(x: Tensor, bits: int) -> Tensor:
    """Return `x` rounded to so many significant bits (Dekker, 1971, section 5)."""
    scaled = x * (2.0 ** (SIGNIFICANT[x.dtype] - bits) + 1)
    return scaled - (scaled - x)
