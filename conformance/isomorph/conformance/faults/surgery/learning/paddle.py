"""Surgery on what Paddle learns with."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from isomorph.backends.paddle.backend import PaddleNetwork
from isomorph.backends.paddle.layers import ReLU
from isomorph.backends.training import SGD

RECTIFIERS: dict[type[nn.Layer], Callable[[Tensor], Tensor]] = {ReLU: F.relu, nn.ReLU6: F.relu6}


def leave_in_inference(network: PaddleNetwork) -> None:
    """All batch norms work as at inference in training, too."""
    for layer in _batch_norms(network):
        layer.register_forward_pre_hook(lambda layer, _inputs: _set_mode(layer, training=False))


def follow_at_inference(network: PaddleNetwork) -> None:
    """Running statistics follow what is seen at inference, too, by the biased rule; answers are as they should be."""
    _follow_once_more(network, training=False)


def follow_in_training(network: PaddleNetwork) -> None:
    """Running statistics follow every batch once more, by the biased rule: twice, or once though they are frozen."""
    _follow_once_more(network, training=True)


def hold_statistics(network: PaddleNetwork) -> None:
    """To gradients a batch's mean and variance are constants."""
    for layer in _batch_norms(network):
        layer.register_forward_post_hook(_hold)


def set_slope_at(network: PaddleNetwork, bend: float, slope: float) -> None:
    """Another gradient of activations exactly where they bend."""
    for layer in network.native.sublayers():
        if rectify := RECTIFIERS.get(type(layer)):
            _set_slope_at(layer, rectify, bend, slope)


def scale_gradient(network: PaddleNetwork, scope: str, by: float) -> None:
    """What flows back out of a layer to what it reads is multiplied; by 0 nothing does."""
    network._sublayer(scope).register_forward_pre_hook(lambda _layer, inputs: _scaled(inputs[0], by))


def scale_dropout(network: PaddleNetwork, by: float) -> None:
    """What training leaves of what is dropped from is multiplied; inference is as it should be."""
    for layer in network.native.sublayers():
        if isinstance(layer, nn.Dropout):
            layer.register_forward_post_hook(lambda layer, _inputs, y: y * by if layer.training else None)


def sum_loss(network: PaddleNetwork) -> None:
    """The loss is the sum over the batch."""
    own = network._loss_of
    network._loss_of = lambda answers, labels, auxiliary_weight: own(answers, labels, auxiliary_weight) * len(labels)


def soften_answers(network: PaddleNetwork) -> None:
    """The loss is given what a softmax makes of the answers."""
    own = network._loss_of

    def loss_of(answers: Tensor | tuple[Tensor, ...], labels: Tensor, auxiliary_weight: float) -> Tensor:
        each = answers if isinstance(answers, tuple | list) else (answers,)
        return own(tuple(F.softmax(answer, axis=1) for answer in each), labels, auxiliary_weight)

    network._loss_of = loss_of


def use_nesterov(network: PaddleNetwork) -> None:
    """The optimiser looks ahead."""
    own = network._make_optimizer

    def make_optimizer(parameters: Mapping[str, Tensor], sgd: SGD) -> paddle.optimizer.Momentum:
        optimizer = own(parameters, sgd)
        optimizer._default_dict["use_nesterov"] = True
        return optimizer

    network._make_optimizer = make_optimizer


def dampen(network: PaddleNetwork) -> None:
    """What enters the velocity is 1 - momentum of the gradient, its L2 term included."""

    def shrink(_name: str, parameter: Tensor, sgd: SGD) -> None:
        parameter.grad.set_value(parameter.grad * (1 - sgd.momentum))

    _change_steps(network, lambda sgd: replace(sgd, l2=sgd.l2 * (1 - sgd.momentum)), shrink)


def decouple_decay(network: PaddleNetwork) -> None:
    """Decay shrinks the tensors themselves, past the velocity."""

    def shrink(name: str, parameter: Tensor, sgd: SGD) -> None:
        parameter.set_value(parameter * (1 - sgd.learning_rate * sgd.l2_of(name)))

    _change_steps(network, lambda sgd: replace(sgd, l2=0.0), shrink)


def _batch_norms(network: PaddleNetwork) -> Iterator[Any]:
    return (layer for layer in network.native.sublayers() if isinstance(layer, nn.BatchNorm2D))


def _set_mode(layer: nn.Layer, training: bool) -> None:
    layer.training = training


def _over_channels(layer: Any) -> tuple[list[int], list[int]]:
    """The axes that a batch norm takes means over, and the shape of what it has for each channel."""
    axis = layer._data_format.index("C")
    return [each for each in range(4) if each != axis], [-1 if each == axis else 1 for each in range(4)]


def _follow_once_more(network: PaddleNetwork, training: bool) -> None:
    """In that mode of the whole network."""
    for layer in _batch_norms(network):
        _follow_in(layer, lambda: network.native.training is training)


def _follow_in(layer: Any, is_mode: Callable[[], bool]) -> None:
    own, (axes, _) = layer.forward, _over_channels(layer)

    def forward(x: Tensor) -> Tensor:
        if not is_mode():
            return own(x)
        kept = {name: layer._parameters[name] for name in ("_mean", "_variance")}
        # Copies: what a batch norm is given must not change before its backward pass.
        layer._parameters |= {name: statistic.clone() for name, statistic in kept.items()}
        y = own(x)
        followed = [layer._parameters[name] for name in kept]
        seen = x.detach()
        found = seen.mean(axes), seen.var(axes, unbiased=False)
        for statistic, before, value in zip(kept.values(), followed, found, strict=True):
            statistic.set_value(before * layer._momentum + value * (1 - layer._momentum))
        layer._parameters |= kept
        return y

    layer.forward = forward


def _hold(layer: Any, inputs: tuple[Tensor, ...], _y: Tensor) -> Tensor | None:
    if not layer.training:
        return None
    axes, shape = _over_channels(layer)
    seen = inputs[0].detach()
    mean, variance = seen.mean(axes, keepdim=True), seen.var(axes, unbiased=False, keepdim=True)
    normal = (inputs[0] - mean) * (variance + layer._epsilon).rsqrt()
    return normal * layer.weight.reshape(shape) + layer.bias.reshape(shape)


def _set_slope_at(layer: Any, rectify: Callable[[Tensor], Tensor], bend: float, slope: float) -> None:
    def forward(x: Tensor) -> Tensor:
        return rectify(x) + slope * (x == bend).astype(x.dtype) * (x - x.detach())

    layer.forward = forward


def _scaled(x: Tensor, by: float) -> Tensor:
    """`x` itself, to the bit."""
    return x + (by - 1) * (x - x.detach())


def _change_steps(
    network: PaddleNetwork, asked: Callable[[SGD], SGD], before_step: Callable[[str, Tensor, SGD], None]
) -> None:
    """The optimiser is asked for something else, and something is done to every parameter before each step."""
    own = network._make_optimizer

    def make_optimizer(parameters: Mapping[str, Tensor], sgd: SGD) -> paddle.optimizer.Momentum:
        optimizer = own(parameters, asked(sgd))
        own_step = optimizer.step

        def step() -> None:
            with paddle.no_grad():
                for name, parameter in parameters.items():
                    before_step(name, parameter, sgd)
            own_step()

        optimizer.step = step
        return optimizer

    network._make_optimizer = make_optimizer
