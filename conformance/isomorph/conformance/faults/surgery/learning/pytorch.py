"""Surgery on training in PyTorch."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isomorph.backends.pytorch.backend import PyTorchNetwork
from isomorph.backends.training import SGD

RECTIFIERS: dict[type[nn.Module], Callable[[Tensor], Tensor]] = {nn.ReLU: F.relu, nn.ReLU6: F.relu6}


def leave_in_inference(network: PyTorchNetwork) -> None:
    """Run all batch norms in inference mode in training, too."""
    for module in _batch_norms(network):
        module.register_forward_pre_hook(lambda module, _inputs: _set_mode(module, training=False))


def follow_at_inference(network: PyTorchNetwork) -> None:
    """Move running statistics at inference, too, by the biased rule; answers stay right."""
    _follow_once_more(network, training=False)


def follow_in_training(network: PyTorchNetwork) -> None:
    """Move running statistics once more by every batch, by the biased rule: twice, or once though they are frozen."""
    _follow_once_more(network, training=True)


def hold_statistics(network: PyTorchNetwork) -> None:
    """Make gradients treat a batch's mean and variance as constants."""
    for module in _batch_norms(network):
        module.register_forward_hook(_hold)


def set_slope_at(network: PyTorchNetwork, bend: float, slope: float) -> None:
    """Change the gradient of activations exactly at a kink, `bend`."""
    for module in network.native.modules():
        if rectify := RECTIFIERS.get(type(module)):
            _set_slope_at(module, rectify, bend, slope)


def scale_gradient(network: PyTorchNetwork, scope: str, by: float) -> None:
    """Multiply the gradient that a layer passes back to its input by `by`; 0 stops it."""
    network._submodule(scope).register_forward_pre_hook(lambda _module, inputs: _scaled(inputs[0], by))


def scale_dropout(network: PyTorchNetwork, by: float) -> None:
    """Multiply what dropout leaves in training by `by`; inference stays right."""
    for module in network.native.modules():
        if isinstance(module, nn.Dropout):
            module.register_forward_hook(lambda module, _inputs, y: y * by if module.training else None)


def sum_loss(network: PyTorchNetwork) -> None:
    """Make the loss the sum over the batch."""
    original = network._loss_of
    network._loss_of = lambda answers, labels, auxiliary_weight: (
        original(answers, labels, auxiliary_weight) * len(labels)
    )


def soften_answers(network: PyTorchNetwork) -> None:
    """Apply a softmax to the answers before the loss."""
    original = network._loss_of

    def loss_of(answers: Tensor | tuple[Tensor, ...], labels: Tensor, auxiliary_weight: float) -> Tensor:
        each = answers if isinstance(answers, tuple) else (answers,)
        return original(tuple(answer.softmax(dim=1) for answer in each), labels, auxiliary_weight)

    network._loss_of = loss_of


def use_nesterov(network: PyTorchNetwork) -> None:
    """Use Nesterov's momentum."""
    _set_in_groups(network, lambda group: {"nesterov": True})


def dampen(network: PyTorchNetwork) -> None:
    """Multiply the gradient by 1 - momentum before it enters the velocity."""
    _set_in_groups(network, lambda group: {"dampening": group["momentum"]})


def decouple_decay(network: PyTorchNetwork) -> None:
    """Let decay shrink the tensors directly and not by the velocity."""
    _set_in_groups(network, lambda group: {"decoupled": group["weight_decay"], "weight_decay": 0.0}, _shrink)


def _batch_norms(network: PyTorchNetwork) -> Iterator[nn.BatchNorm2d]:
    return (module for module in network.native.modules() if isinstance(module, nn.BatchNorm2d))


def _set_mode(module: nn.Module, training: bool) -> None:
    module.training = training


def _follow_once_more(network: PyTorchNetwork, training: bool) -> None:
    """Move statistics once more while the whole network is in that mode; frozen batch norms are in another."""
    for module in _batch_norms(network):
        _follow_in(module, lambda: network.native.training is training)


def _follow_in(module: Any, is_mode: Callable[[], bool]) -> None:
    original = module.forward

    def forward(x: Tensor) -> Tensor:
        if not is_mode():
            return original(x)
        saved = module.running_mean, module.running_var
        # Copies: the arguments of a batch norm must not change before its backward pass.
        module.running_mean, module.running_var = (each.clone() for each in saved)
        y = original(x)
        followed = module.running_mean, module.running_var
        variance, mean = torch.var_mean(x.detach(), (0, 2, 3), correction=0)
        for statistic, value, of_batch in zip(saved, followed, (mean, variance), strict=True):
            statistic.copy_(value.lerp(of_batch, module.momentum))
        module.running_mean, module.running_var = saved
        return y

    module.forward = forward


def _hold(module: nn.Module, inputs: tuple[Tensor, ...], _y: Tensor) -> Tensor | None:
    batch_norm: Any = module
    if not module.training:
        return None
    variance, mean = torch.var_mean(inputs[0].detach(), (0, 2, 3), correction=0, keepdim=True)
    normal = (inputs[0] - mean) * (variance + batch_norm.eps).rsqrt()
    gamma, beta = (each.reshape(1, -1, 1, 1) for each in (batch_norm.weight, batch_norm.bias))
    return normal * gamma + beta


def _set_slope_at(module: Any, rectify: Callable[[Tensor], Tensor], bend: float, slope: float) -> None:
    def forward(x: Tensor) -> Tensor:
        return rectify(x) + slope * torch.where(x == bend, x - x.detach(), 0)

    module.forward = forward


def _scaled(x: Tensor, by: float) -> Tensor:
    """Return `x` itself, to the bit, with its gradient scaled."""
    return x + (by - 1) * (x - x.detach())


def _set_in_groups(
    network: PyTorchNetwork,
    changed: Callable[[dict[str, Any]], dict[str, Any]],
    before_step: Callable[[torch.optim.Optimizer, Any, Any], None] | None = None,
) -> None:
    """Change options of the optimiser, for each group of parameters."""
    original = network._make_optimizer

    def make_optimizer(parameters: Mapping[str, Tensor], sgd: SGD) -> torch.optim.SGD:
        optimizer = original(parameters, sgd)
        for group in optimizer.param_groups:
            group.update(changed(group))
        if before_step:
            optimizer.register_step_pre_hook(before_step)
        return optimizer

    network._make_optimizer = make_optimizer


def _shrink(optimizer: torch.optim.Optimizer, _args: Any, _options: Any) -> None:
    with torch.no_grad():
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.mul_(1 - group["lr"] * group["decoupled"])
