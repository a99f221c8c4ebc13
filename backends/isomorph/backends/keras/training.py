"""The loss and the optimiser in Keras, as its users write them."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from isomorph.backends.training import SGD

Tensor = Any
"""A tensor of the engine."""


def loss_of(answers: Tensor | list[Tensor], labels: Tensor, auxiliary_weight: Tensor) -> Tensor:
    """Return the mean cross-entropy of logits [N, classes] for labels [N], plus that of auxiliary heads, weighted."""
    logits, *auxiliary = answers if isinstance(answers, list | tuple) else [answers]
    loss = _cross_entropy(logits, labels)
    for answer in auxiliary:
        loss = loss + auxiliary_weight * _cross_entropy(answer, labels)
    return loss


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return ops.mean(keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True))


class SGDWithL2(keras.optimizers.SGD):
    """SGD with the L2 term in the gradient; Keras's own `weight_decay` is decoupled from momentum.

    l2: the factor of each variable, in the order in which it is built with them.
    """

    def __init__(self, sgd: SGD, l2: Sequence[float]) -> None:
        super().__init__(sgd.learning_rate, sgd.momentum)
        self.l2 = tuple(l2)

    def apply(self, grads: list[Tensor], trainable_variables: list[Any] | None = None) -> None:
        """As Keras's, for the variables that it is built with."""
        pairs = zip(grads, self._trainable_variables, self.l2, strict=True)
        super().apply([gradient + l2 * variable for gradient, variable, l2 in pairs], trainable_variables)


def make_optimizer(learned: Mapping[str, Any], sgd: SGD) -> keras.optimizers.SGD:
    """Return `sgd` over variables by canonical name."""
    optimizer = SGDWithL2(sgd, [sgd.l2_of(name) for name in learned])
    optimizer.build(list(learned.values()))
    return optimizer
