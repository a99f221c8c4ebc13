"""A loss and its gradients on each of Keras's engines, which leave them to themselves, and how they are repeated."""

from collections.abc import Callable
from itertools import count
from typing import Any

import keras

Tensor = Any
Loss = Callable[..., Tensor]
"""Answers of a model, and whatever else it needs -> the loss, a scalar."""

Differentiate = Callable[..., tuple[Tensor, list[Tensor], Tensor]]
"""A map x, and what the loss needs -> the loss in training mode, its gradients with respect to the model's
`trainable_variables`, and to x. The running statistics follow."""


EAGER = 4
"""How often TensorFlow computes eagerly before it is taken to go on, as in a loop of training."""


def make_differentiate(model: Any, loss: Loss, compiled: bool) -> Differentiate:
    """compiled: by XLA, on TensorFlow; once for each size."""
    return _ENGINES[keras.backend.backend()](model, loss, compiled)


def _on_tensorflow(model: Any, loss: Loss, compiled: bool) -> Differentiate:
    import tensorflow as tf

    def differentiate(x: Tensor, *rest: Tensor) -> tuple[Tensor, list[Tensor], Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(model(x, training=True), *rest)
        found, to_x = tape.gradient(value, [[variable.value for variable in model.trainable_variables], x])
        return value, found, to_x

    return tf.function(differentiate, jit_compile=True) if compiled else repeated(differentiate)


def repeated(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, on TensorFlow as a graph, as `fit` runs it, behind the first EAGER calls.

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

    def run(learned: list[Tensor], x: Tensor, fixed: list[Tensor], *rest: Tensor) -> tuple[Tensor, list[Tensor]]:
        answers, followed = model.stateless_call(learned, fixed, x, training=True)
        return loss(answers, *rest), followed

    def differentiate(x: Tensor, *rest: Tensor) -> tuple[Tensor, list[Tensor], Tensor]:
        learned, fixed = ([v.value for v in vs] for vs in (model.trainable_variables, model.non_trainable_variables))
        (value, followed), (found, to_x) = gradients(learned, x, fixed, *rest)
        for variable, after in zip(model.non_trainable_variables, followed, strict=True):
            variable.assign(after)
        return value, found, to_x

    gradients = jax.value_and_grad(run, argnums=(0, 1), has_aux=True)
    return differentiate


def _on_torch(model: Any, loss: Loss, compiled: bool) -> Differentiate:
    import torch

    def differentiate(x: Tensor, *rest: Tensor) -> tuple[Tensor, list[Tensor], Tensor]:
        x = x.requires_grad_()
        value = loss(model(x, training=True), *rest)
        *found, to_x = torch.autograd.grad(value, [*(variable.value for variable in model.trainable_variables), x])
        return value, found, to_x

    return differentiate


_ENGINES = {"tensorflow": _on_tensorflow, "jax": _on_jax, "torch": _on_torch}
