"""The loss and the optimiser in Keras, as people write them."""

from typing import Any

import keras
from keras import ops

from isomorph.backends.training import SGD

Tensor = Any


def loss_of(answers: Tensor | list[Tensor], labels: Tensor, auxiliary_weight: Tensor) -> Tensor:
    """Mean cross-entropy of logits [N, classes] for labels [N]; that of auxiliary heads, behind them, counts less."""
    logits, *auxiliary = answers if isinstance(answers, list | tuple) else [answers]
    loss = _cross_entropy(logits, labels)
    for answer in auxiliary:
        loss = loss + auxiliary_weight * _cross_entropy(answer, labels)
    return loss


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return ops.mean(keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True))


def make_optimizer(variables: list[Any], sgd: SGD) -> keras.optimizers.SGD:
    """`sgd` but for its L2 term: Keras's `weight_decay` is decoupled from momentum, and no L2 term."""
    optimizer = keras.optimizers.SGD(sgd.learning_rate, sgd.momentum)
    optimizer.build(variables)
    return optimizer
