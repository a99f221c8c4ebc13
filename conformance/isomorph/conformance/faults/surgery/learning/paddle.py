"""Surgery on training in Paddle."""

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
    """Run all batch norms in inference mode in training, too."""
    for layer in _batch_norms(network):
        layer.register_forward_pre_hook(lambda layer, _inputs: _set_mode(layer, training=False))


def follow_at_inference(network: PaddleNetwork) -> None:
    """Move running statistics at inference, too, by the biased rule; answers stay right."""
    _follow_once_more(network, training=False)


def follow_in_training(network: PaddleNetwork) -> None:
    """Move running statistics once more by every batch, by the biased rule: twice, or once though they are frozen."""
    _follow_once_more(network, training=True)


def hold_statistics(network: PaddleNetwork) -> None:
    """Make gradients treat a batch's mean and variance as constants."""
    for layer in _batch_norms(network):
        layer.register_forward_post_hook(_hold)


def set_slope_at(network: PaddleNetwork, bend: float, slope: float) -> None:
    """Change the gradient of activations exactly at a kink, `bend`."""
    for layer in network.native.sublayers():
        if rectify := RECTIFIERS.get(type(layer)):
            _set_slope_at(layer, rectify, bend, slope)


def scale_gradient(network: PaddleNetwork, scope: str, by: float) -> None:
    """Multiply the gradient that a layer passes back to its input by `by`; 0 stops it."""
    network._sublayer(scope).register_forward_pre_hook(lambda _layer, inputs: _scaled(inputs[0], by))


def scale_dropout(network: PaddleNetwork, by: float) -> None:
    """Multiply what dropout leaves in training by `by`; inference stays right."""
    for layer in network.native.sublayers():
        if isinstance(layer, nn.Dropout):
            layer.register_forward_post_hook(lambda layer, _inputs, y: y * by if layer.training else None)


def sum_loss(network: PaddleNetwork) -> None:
    """Make the loss the sum over the batch."""
    original = network._loss_of
    network._loss_of = lambda answers, labels, auxiliary_weight: (
        original(answers, labels, auxiliary_weight) * len(labels)
    )


def soften_answers(network: PaddleNetwork) -> None:
    """Apply a softmax to the answers before the loss."""
    original = network._loss_of

    def loss_of(answers: Tensor | tuple[Tensor, ...], labels: Tensor, auxiliary_weight: float) -> Tensor:
        each = answers if isinstance(answers, tuple | list) else (answers,)
        return original(tuple(F.softmax(answer, axis=1) for answer in each), labels, auxiliary_weight)

    network._loss_of = loss_of


def use_nesterov(network: PaddleNetwork) -> None:
    """Use Nesterov's momentum."""
    original = network._make_optimizer

    def make_optimizer(parameters: Mapping[str, Tensor], sgd: SGD) -> paddle.optimizer.Momentum:
        optimizer = original(parameters, sgd)
        optimizer._default_dict["use_nesterov"] = True
        return optimizer

    network._make_optimizer = make_optimizer


def dampen(network: PaddleNetwork) -> None:
    """Multiply the gradient, with its L2 term, by 1 - momentum before it enters the velocity."""

    def shrink(_name: str, parameter: Tensor, sgd: SGD) -> None:
        parameter.grad.set_value(parameter.grad * (1 - sgd.momentum))

    _change_steps(network, lambda sgd: replace(sgd, l2=sgd.l2 * (1 - sgd.momentum)), shrink)


def decouple_decay(network: PaddleNetwork) -> None:
    """Let decay shrink the tensors directly and not by the velocity."""

    def shrink(name: str, parameter: Tensor, sgd: SGD) -> None:
        parameter.set_value(parameter * (1 - sgd.learning_rate * sgd.l2_of(name)))

    _change_steps(network, lambda sgd: replace(sgd, l2=0.0), shrink)


def _batch_norms(network: PaddleNetwork) -> Iterator[Any]:
    return (layer for layer in network.native.sublayers() if isinstance(layer, nn.BatchNorm2D))


def _set_mode(layer: nn.Layer, training: bool) -> None:
    layer.training = training


def _over_channels(layer: Any) -> tuple[list[int], list[int]]:
    """Return the axes of a batch norm's means, and the shape of a value for each channel that broadcasts."""
    axis = layer._data_format.index("C")
    return [each for each in range(4) if each != axis], [-1 if each == axis else 1 for each in range(4)]


def _follow_once_more(network: PaddleNetwork, training: bool) -> None:
    """Move statistics once more while the whole network is in that mode."""
    for layer in _batch_norms(network):
        _follow_in(layer, lambda: network.native.training is training)


def _follow_in(layer: Any, is_mode: Callable[[], bool]) -> None:
    original, (axes, _) = layer.forward, _over_channels(layer)

    def forward(x: Tensor) -> Tensor:
        if not is_mode():
            return original(x)
        saved = {name: layer._parameters[name] for name in ("_mean", "_variance")}
        # Copies: the arguments of a batch norm must not change before its backward pass.
        layer._parameters |= {name: statistic.clone() for name, statistic in saved.items()}
        y = original(x)
        followed = [layer._parameters[name] for name in saved]
        seen = x.detach()
        of_batch = seen.mean(axes), seen.var(axes, unbiased=False)
        for statistic, before, value in zip(saved.values(), followed, of_batch, strict=True):
            statistic.set_value(before * layer._momentum + value * (1 - layer._momentum))
        layer._parameters |= saved
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
    """Return `x` itself, to the bit, with its gradient scaled."""
    return x + (by - 1) * (x - x.detach())


def _change_steps(
    network: PaddleNetwork, changed: Callable[[SGD], SGD], before_step: Callable[[str, Tensor, SGD], None]
) -> None:
    """Change the optimiser's settings, and every parameter before each step."""
    original = network._make_optimizer

    def make_optimizer(parameters: Mapping[str, Tensor], sgd: SGD) -> paddle.optimizer.Momentum:
        optimizer = original(parameters, changed(sgd))
        original_step = optimizer.step

        def step() -> None:
            with paddle.no_grad():
                for name, parameter in parameters.items():
                    before_step(name, parameter, sgd)
            original_step()

        optimizer.step = step
        return optimizer

    network._make_optimizer = make_optimizer
