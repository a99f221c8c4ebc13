"""Surgery on training in Keras: a layer's `call` is replaced, on the instance that the functional model holds."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
from keras import layers, ops

from isomorph.backends.keras.backend import KerasNetwork
from isomorph.backends.keras.layers import Tensor, layer_name
from isomorph.backends.training import SGD

Call = Callable[..., Tensor]


def leave_in_inference(network: KerasNetwork) -> None:
    """Run all batch norms in inference mode in training, too."""
    for layer in _batch_norms(network):
        _replace(layer, lambda call, x, _training: call(x, training=False))


def follow_at_inference(network: KerasNetwork) -> None:
    """Move running statistics at inference, too, by the biased rule; answers stay right."""
    for layer in _batch_norms(network):
        _follow_once_more(layer, mode=False)


def follow_in_training(network: KerasNetwork) -> None:
    """Move running statistics once more by every batch, by the biased rule: twice, or once though they are frozen."""
    for layer in _batch_norms(network):
        _follow_once_more(layer, mode=True)


def hold_statistics(network: KerasNetwork) -> None:
    """Make gradients treat a batch's mean and variance as constants."""
    for layer in _batch_norms(network):
        _hold(layer)


def set_slope_at(network: KerasNetwork, bend: float, slope: float) -> None:
    """Change the gradient of activations exactly at a kink, `bend`."""

    def rectify(call: Call, x: Tensor, _training: bool) -> Tensor:
        return call(x) + slope * ops.cast(ops.equal(x, bend), x.dtype) * (x - ops.stop_gradient(x))

    for layer in network._end_point_model.layers:
        if isinstance(layer, layers.ReLU):
            _replace(layer, rectify)


def scale_gradient(network: KerasNetwork, scope: str, by: float) -> None:
    """Multiply the gradient that a layer passes back to its input by `by`; 0 stops it."""
    known = {layer.name: layer for layer in network._end_point_model.layers}
    name = layer_name(scope)
    layer = known.get(f"{name}_pad", known[name])
    _replace(layer, lambda call, x, _training: call(x + (by - 1) * (x - ops.stop_gradient(x))))


def scale_dropout(network: KerasNetwork, by: float) -> None:
    """Multiply what dropout leaves in training by `by`; inference stays right."""

    def drop(call: Call, x: Tensor, training: bool) -> Tensor:
        y = call(x, training=training)
        return y * by if training else y

    for layer in network._end_point_model.layers:
        if isinstance(layer, layers.Dropout):
            _replace(layer, drop)


def sum_loss(network: KerasNetwork) -> None:
    """Make the loss the sum over the batch."""
    original = network._loss_of
    network._loss_of = lambda answers, labels, auxiliary_weight: (
        original(answers, labels, auxiliary_weight) * len(labels)
    )


def soften_answers(network: KerasNetwork) -> None:
    """Apply a softmax to the answers before the loss."""
    original = network._loss_of

    def loss_of(answers: Tensor | list[Tensor], labels: Tensor, auxiliary_weight: Tensor) -> Tensor:
        each = answers if isinstance(answers, list | tuple) else [answers]
        # Not `ops.softmax`: Keras knows what it made of logits, and gives the loss those.
        return original([ops.exp(ops.log_softmax(answer, axis=1)) for answer in each], labels, auxiliary_weight)

    network._loss_of = loss_of


def use_nesterov(network: KerasNetwork) -> None:
    """Use Nesterov's momentum."""
    original = network._make_optimizer

    def make_optimizer(learned: Mapping[str, Any], sgd: SGD) -> keras.optimizers.SGD:
        optimizer = original(learned, sgd)
        optimizer.nesterov = True
        return optimizer

    network._make_optimizer = make_optimizer


def dampen(network: KerasNetwork) -> None:
    """Multiply the gradient, with its L2 term, by 1 - momentum before it enters the velocity."""
    original = network._make_optimizer

    def make_optimizer(learned: Mapping[str, Any], sgd: SGD) -> keras.optimizers.SGD:
        optimizer = original(learned, sgd)
        optimizer.l2 = tuple(l2 * (1 - sgd.momentum) for l2 in optimizer.l2)
        original_apply = optimizer.apply
        optimizer.apply = lambda gradients: original_apply([each * (1 - sgd.momentum) for each in gradients])
        return optimizer

    network._make_optimizer = make_optimizer


def decouple_decay(network: KerasNetwork) -> None:
    """Let decay shrink the tensors directly and not by the velocity: Keras's own `weight_decay`."""

    def make_optimizer(learned: Mapping[str, Any], sgd: SGD) -> keras.optimizers.SGD:
        optimizer = keras.optimizers.SGD(sgd.learning_rate, sgd.momentum, weight_decay=sgd.l2)
        optimizer.exclude_from_weight_decay([variable for name, variable in learned.items() if not sgd.l2_of(name)])
        optimizer.build(list(learned.values()))
        return optimizer

    network._make_optimizer = make_optimizer


def _batch_norms(network: KerasNetwork) -> Iterator[Any]:
    return (layer for layer in network._end_point_model.layers if isinstance(layer, layers.BatchNormalization))


def _over_channels(layer: Any) -> tuple[list[int], list[int]]:
    """Return the axes of a batch norm's means, and the shape of a value for each channel that broadcasts."""
    axes = [each for each in range(4) if each != layer.axis % 4]
    return axes, [1 if each in axes else -1 for each in range(4)]


def _follow_once_more(layer: Any, mode: bool) -> None:
    axes, _ = _over_channels(layer)

    def normalise(call: Call, x: Tensor, training: bool) -> Tensor:
        y = call(x, training=training)
        if training is mode:
            mean, variance = ops.moments(x, axes)
            for statistic, value in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
                statistic.assign(statistic * layer.momentum + ops.stop_gradient(value) * (1 - layer.momentum))
        return y

    _replace(layer, normalise)


def _hold(layer: Any) -> None:
    axes, shape = _over_channels(layer)

    def normalise(call: Call, x: Tensor, training: bool) -> Tensor:
        y = call(x, training=training)
        if not training:
            return y
        mean, variance = ops.moments(ops.stop_gradient(x), axes, keepdims=True)
        normal = (x - mean) * ops.rsqrt(variance + layer.epsilon)
        return normal * ops.reshape(layer.gamma, shape) + ops.reshape(layer.beta, shape)

    _replace(layer, normalise)


def _replace(layer: Any, function: Callable[[Call, Tensor, bool], Tensor]) -> None:
    """Replace the layer's computation by `function` of the former computation, the input and the mode."""
    call = layer.call
    layer.call = lambda x, training=False, **_rest: function(call, x, bool(training))
