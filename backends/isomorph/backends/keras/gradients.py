"""A loss and its gradients on each of Keras's engines, as Keras has no function for them."""

from collections.abc import Callable
from itertools import count
from typing import Any

import keras

Tensor = Any
"""A tensor of the engine."""

Loss = Callable[..., Tensor]
"""The answers of a model, and the loss's other arguments -> the loss, a scalar."""

Differentiate = Callable[..., tuple[Tensor, list[Tensor], Tensor]]
"""Images x, and the loss's other arguments -> the loss in training mode, its gradients with respect to the model's
`trainable_variables`, and to x. The running statistics are updated."""


EAGER = 4
"""The number of eager calls on TensorFlow before more are expected, as in a loop of training."""


def make_differentiate(model: Any, loss: Loss, compiled: bool) -> Differentiate:
    """Return the function that differentiates a model's loss.

    compiled: whether TensorFlow compiles it by XLA, once for each size.
    """
    return _ENGINES[keras.backend.backend()](model, loss, compiled)


def _on_tensorflow(model: Any, loss: Loss, compiled: bool) -> Differentiate:
    import tensorflow as tf

    def differentiate(x: Tensor, *arguments: Tensor) -> tuple[Tensor, list[Tensor], Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(model(x, training=True), *arguments)
        variables = [variable.value for variable in model.trainable_variables]
        to_variables, to_x = tape.gradient(value, [variables, x])
        return value, to_variables, to_x

    return tf.function(differentiate, jit_compile=True) if compiled else repeated(differentiate)


def repeated(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function; on TensorFlow it runs as a graph, as in `fit`, after the first EAGER calls.

    Making the graph takes as long as some eight eager calls, and each call of it a tenth of one.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    graph = tf.function(function)
    calls = count()

    def run(*arguments: Any) -> Any:
        return function(*arguments) if next(calls) < EAGER else graph(*arguments)

    return run


def _on_jax(model: Any, loss: Loss, compiled: bool) -> Differentiate:
    import jax

    def run(learned: list[Tensor], x: Tensor, fixed: list[Tensor], *arguments: Tensor) -> tuple[Tensor, list[Tensor]]:
        answers, followed = model.stateless_call(learned, fixed, x, training=True)
        return loss(answers, *arguments), followed

    def differentiate(x: Tensor, *arguments: Tensor) -> tuple[Tensor, list[Tensor], Tensor]:
        learned, fixed = ([v.value for v in vs] for vs in (model.trainable_variables, model.non_trainable_variables))
        (value, followed), (to_variables, to_x) = gradients(learned, x, fixed, *arguments)
        for variable, after in zip(model.non_trainable_variables, followed, strict=True):
            variable.assign(after)
        return value, to_variables, to_x

    gradients = jax.value_and_grad(run, argnums=(0, 1), has_aux=True)
    return differentiate


def _on_torch(model: Any, loss: Loss, compiled: bool) -> Differentiate:
    import torch

    def differentiate(x: Tensor, *arguments: Tensor) -> tuple[Tensor, list[Tensor], Tensor]:
        x = x.requires_grad_()
        value = loss(model(x, training=True), *arguments)
        variables = [variable.value for variable in model.trainable_variables]
        *to_variables, to_x = torch.autograd.grad(value, [*variables, x])
        return value, to_variables, to_x

    return differentiate


_ENGINES = {"tensorflow": _on_tensorflow, "jax": _on_jax, "torch": _on_torch}
