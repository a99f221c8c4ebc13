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
"""Bits of a number."""


def set_activation(network: PyTorchNetwork, scope: str, activation: str | None) -> None:
    """What follows a layer, or the sum of a unit, whether anything did or not."""
    network._submodule(scope).activation = ACTIVATIONS[activation]()  # a row of layers takes it as its last


def activate_first(network: PyTorchNetwork, scope: str) -> None:
    """A ReLU between a convolution and its batch norm, and none behind them."""
    layers: Any = network._submodule(scope)
    layers.conv.register_forward_hook(lambda _module, _inputs, y: torch.relu(y))
    layers.activation = nn.Identity()


def set_rate(network: PyTorchNetwork, scope: str, rate: int) -> None:
    """Another rate of a convolution that does not stride, padded to match."""
    conv: Any = network._submodule(scope).conv
    conv.dilation = (rate, rate)
    conv.padding = (rate * (conv.kernel_size[0] - 1) // 2,) * 2


def read_before(network: PyTorchNetwork, scope: str, other: str) -> None:
    """The layer reads what another one, which runs before it, reads."""
    seen: list[Tensor] = []
    network._submodule(other).register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    network._submodule(scope).register_forward_pre_hook(lambda _module, _inputs: seen.pop())


def read_behind(network: PyTorchNetwork, scope: str, other: str) -> None:
    """The layer reads what another one, which runs before it, makes."""
    seen: list[Tensor] = []
    network._submodule(other).register_forward_hook(lambda _module, _inputs, y: seen.append(y))
    network._submodule(scope).register_forward_pre_hook(lambda _module, _inputs: seen.pop())


def leave_in_training(network: PyTorchNetwork, kind: str) -> None:
    """All dropouts or batch norms work as in training at inference, too; statistics are left as they are."""
    for module in network.native.modules():
        if isinstance(module, KINDS[kind]):
            module.register_forward_pre_hook(_train)
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 0.0


def _train(module: nn.Module, _inputs: Any) -> None:
    """What comes too late for `eval` to undo it."""
    module.train()


def round_operands(network: PyTorchNetwork, bits: int, inputs: bool = True, kernels: bool = True) -> None:
    """Every convolution rounds what it multiplies, its inputs and its kernels or one of them, to so many bits."""
    for module in network.native.modules():
        if isinstance(module, nn.Conv2d):
            _round_operands(module, bits, inputs, kernels)


def _round_operands(module: Any, bits: int, inputs: bool, kernels: bool) -> None:
    own = module._conv_forward

    def convolve(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return own(_round(x, bits) if inputs else x, _round(weight, bits) if kernels else weight, bias)

    module._conv_forward = convolve


def _round(x: Tensor, bits: int) -> Tensor:
    """`x` to so many significant bits (Dekker, 1971, section 5)."""
    scaled = x * (2.0 ** (SIGNIFICANT[x.dtype] - bits) + 1)
    return scaled - (scaled - x)
