"""Surgery on the networks in PyTorch."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from isomorph.backends.pytorch.backend import PyTorchNetwork

ACTIVATIONS: dict[str | None, Callable[[], nn.Module]] = {
    None: nn.Identity,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "softmax": lambda: nn.Softmax(dim=1),
}

KINDS = {"dropout": nn.Dropout, "batch_norm": nn.BatchNorm2d}

SIGNIFICANT = {torch.float32: 24, torch.float64: 53}
"""Significant bits of a number."""


def set_activation(network: PyTorchNetwork, scope: str, activation: str | None) -> None:
    """Replace or add the activation behind a layer, or behind the sum of a unit."""
    network._submodule(scope).activation = ACTIVATIONS[activation]()  # of a chain of layers the last


def activate_first(network: PyTorchNetwork, scope: str) -> None:
    """Move a ReLU between a convolution and its batch norm."""
    layers: Any = network._submodule(scope)
    layers.conv.register_forward_hook(lambda _module, _inputs, y: torch.relu(y))
    layers.activation = nn.Identity()


def set_rate(network: PyTorchNetwork, scope: str, rate: int) -> None:
    """Change the rate of a convolution that does not stride, and its padding to match."""
    conv: Any = network._submodule(scope).conv
    conv.dilation = (rate, rate)
    conv.padding = (rate * (conv.kernel_size[0] - 1) // 2,) * 2


def read_before(network: PyTorchNetwork, scope: str, other: str) -> None:
    """Make the layer read the input of another one, which runs before it."""
    seen: list[Tensor] = []
    network._submodule(other).register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    network._submodule(scope).register_forward_pre_hook(lambda _module, _inputs: seen.pop())


def read_behind(network: PyTorchNetwork, scope: str, other: str) -> None:
    """Make the layer read the result of another one, which runs before it."""
    seen: list[Tensor] = []
    network._submodule(other).register_forward_hook(lambda _module, _inputs, y: seen.append(y))
    network._submodule(scope).register_forward_pre_hook(lambda _module, _inputs: seen.pop())


def leave_in_training(network: PyTorchNetwork, kind: str) -> None:
    """Run all dropouts or batch norms in training mode at inference, too, without moving statistics."""
    for module in network.native.modules():
        if isinstance(module, KINDS[kind]):
            module.register_forward_pre_hook(_train)
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 0.0


def _train(module: nn.Module, _inputs: Any) -> None:
    """Set the mode in a hook, after `eval` has set it."""
    module.train()


def round_operands(network: PyTorchNetwork, bits: int, inputs: bool = True, kernels: bool = True) -> None:
    """Round the operands of every convolution, its inputs and its kernels or one of them, to so many bits."""
    for module in network.native.modules():
        if isinstance(module, nn.Conv2d):
            _round_operands(module, bits, inputs, kernels)


def _round_operands(module: Any, bits: int, inputs: bool, kernels: bool) -> None:
    original = module._conv_forward

    def convolve(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return original(_round(x, bits) if inputs else x, _round(weight, bits) if kernels else weight, bias)

    module._conv_forward = convolve


def _round(x: Tensor, bits: int) -> Tensor:
    """Return `x` rounded to so many significant bits (Dekker, 1971, section 5)."""
    scaled = x * (2.0 ** (SIGNIFICANT[x.dtype] - bits) + 1)
    return scaled - (scaled - x)
