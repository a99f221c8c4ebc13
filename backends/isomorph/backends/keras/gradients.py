"""A loss and its gradients on each of Keras's engines, which leave them to themselves."""

from collections.abc import Callable
from typing import Any

import keras

Tensor = Any
Loss = Callable[[Any], Tensor]
"""Answers of a model -> the loss, a scalar."""


def differentiate(model: Any, x: Tensor, loss: Loss, compiled: bool) -> tuple[Tensor, list[Tensor], Tensor]:
    """The loss of a model in training mode, its gradients with respect to `trainable_variables`, and to `x`.

    The running statistics follow. compiled: by XLA, on TensorFlow.
    """
    return _ENGINES[keras.backend.backend()](model, x, loss, compiled)


def _on_tensorflow(model: Any, x: Tensor, loss: Loss, compiled: bool) -> tuple[Tensor, list[Tensor], Tensor]:
    import tensorflow as tf

    def run(x: Tensor) -> tuple[Tensor, list[Tensor], Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(model(x, training=True))
        found, to_x = tape.gradient(value, [[variable.value for variable in model.trainable_variables], x])
        return value, found, to_x

    return tf.function(run, jit_compile=True)(x) if compiled else run(x)


def _on_jax(model: Any, x: Tensor, loss: Loss, compiled: bool) -> tuple[Tensor, list[Tensor], Tensor]:
    import jax

    def run(learned: list[Tensor], x: Tensor) -> tuple[Tensor, list[Tensor]]:
        answers, followed = model.stateless_call(learned, fixed, x, training=True)
        return loss(answers), followed

    learned, fixed = ([variable.value for variable in v] for v in (model.trainable_variables, _fixed(model)))
    (value, followed), (found, to_x) = jax.value_and_grad(run, argnums=(0, 1), has_aux=True)(learned, x)
    for variable, after in zip(_fixed(model), followed, strict=True):
        variable.assign(after)
    return value, found, to_x


def _on_torch(model: Any, x: Tensor, loss: Loss, compiled: bool) -> tuple[Tensor, list[Tensor], Tensor]:
    import torch

    x = x.requires_grad_()
    value = loss(model(x, training=True))
    *found, to_x = torch.autograd.grad(value, [*(variable.value for variable in model.trainable_variables), x])
    return value, found, to_x


def _fixed(model: Any) -> list[Any]:
    return list(model.non_trainable_variables)


_ENGINES = {"tensorflow": _on_tensorflow, "jax": _on_jax, "torch": _on_torch}
