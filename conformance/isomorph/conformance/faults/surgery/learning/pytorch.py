"""Surgery on what PyTorch learns with."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isomorph.backends.pytorch.backend import PyTorchNetwork
from isomorph.backends.training import SGD

RECTIFIERS: dict[type[nn.Module], Callable[[Tensor], Tensor]] = {nn.ReLU: F.relu, nn.ReLU6: F.relu6}


def leave_in_inference(network: PyTorchNetwork) -> None:
    """All batch norms work as at inference in training, too."""
    for module in _batch_norms(network):
        module.register_forward_pre_hook(lambda module, _inputs: _set_mode(module, training=False))


def follow_at_inference(network: PyTorchNetwork) -> None:
    """Running statistics follow what is seen at inference, too, by the biased rule; answers are as they should be."""
    _follow_once_more(network, training=False)


def follow_in_training(network: PyTorchNetwork) -> None:
    """Running statistics follow every batch once more, by the biased rule: twice, or once though they are frozen."""
    _follow_once_more(network, training=True)


def hold_statistics(network: PyTorchNetwork) -> None:
    """To gradients a batch's mean and variance are constants."""
    for module in _batch_norms(network):
        module.register_forward_hook(_hold)


def set_slope_at(network: PyTorchNetwork, bend: float, slope: float) -> None:
    """Another gradient of activations exactly where they bend."""
    for module in network.native.modules():
        if rectify := RECTIFIERS.get(type(module)):
            _set_slope_at(module, rectify, bend, slope)


def scale_gradient(network: PyTorchNetwork, scope: str, by: float) -> None:
    """What flows back out of a layer to what it reads is multiplied; by 0 nothing does."""
    network._submodule(scope).register_forward_pre_hook(lambda _module, inputs: _scaled(inputs[0], by))


def scale_dropout(network: PyTorchNetwork, by: float) -> None:
    """What training leaves of what is dropped from is multiplied; inference is as it should be."""
    for module in network.native.modules():
        if isinstance(module, nn.Dropout):
            module.register_forward_hook(lambda module, _inputs, y: y * by if module.training else None)


def sum_loss(network: PyTorchNetwork) -> None:
    """The loss is the sum over the batch."""
    own = network._loss_of
    network._loss_of = lambda answers, labels, auxiliary_weight: own(answers, labels, auxiliary_weight) * len(labels)


def soften_answers(network: PyTorchNetwork) -> None:
    """The loss is given what a softmax makes of the answers."""
    own = network._loss_of

    def loss_of(answers: Tensor | tuple[Tensor, ...], labels: Tensor, auxiliary_weight: float) -> Tensor:
        each = answers if isinstance(answers, tuple) else (answers,)
        return own(tuple(answer.softmax(dim=1) for answer in each), labels, auxiliary_weight)

    network._loss_of = loss_of


def use_nesterov(network: PyTorchNetwork) -> None:
    """The optimiser looks ahead."""
    _set_in_groups(network, lambda group: {"nesterov": True})


def dampen(network: PyTorchNetwork) -> None:
    """What enters the velocity is 1 - momentum of the gradient."""
    _set_in_groups(network, lambda group: {"dampening": group["momentum"]})


def decouple_decay(network: PyTorchNetwork) -> None:
    """Decay shrinks the tensors themselves, past the velocity."""
    _set_in_groups(network, lambda group: {"decoupled": group["weight_decay"], "weight_decay": 0.0}, _shrink)


def _batch_norms(network: PyTorchNetwork) -> Iterator[nn.BatchNorm2d]:
    return (module for module in network.native.modules() if isinstance(module, nn.BatchNorm2d))


def _set_mode(module: nn.Module, training: bool) -> None:
    module.training = training


def _follow_once_more(network: PyTorchNetwork, training: bool) -> None:
    """In that mode of the whole network: frozen batch norms are in another."""
    for module in _batch_norms(network):
        _follow_in(module, lambda: network.native.training is training)


def _follow_in(module: Any, is_mode: Callable[[], bool]) -> None:
    own = module.forward

    def forward(x: Tensor) -> Tensor:
        if not is_mode():
            return own(x)
        kept = module.running_mean, module.running_var
        # Copies: what a batch norm is given must not change before its backward pass.
        module.running_mean, module.running_var = (each.clone() for each in kept)
        y = own(x)
        followed = module.running_mean, module.running_var
        variance, mean = torch.var_mean(x.detach(), (0, 2, 3), correction=0)
        for statistic, value, found in zip(kept, followed, (mean, variance), strict=True):
            statistic.copy_(value.lerp(found, module.momentum))
        module.running_mean, module.running_var = kept
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
    """`x` itself, to the bit."""
    return x + (by - 1) * (x - x.detach())


def _set_in_groups(
    network: PyTorchNetwork,
    changed: Callable[[dict[str, Any]], dict[str, Any]],
    before_step: Callable[[torch.optim.Optimizer, Any, Any], None] | None = None,
) -> None:
    """Other options of the optimiser, for each group of parameters."""
    own = network._make_optimizer

    def make_optimizer(parameters: Mapping[str, Tensor], sgd: SGD) -> torch.optim.SGD:
        optimizer = own(parameters, sgd)
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
