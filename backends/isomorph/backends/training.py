"""What training is in every backend: a loss, its gradients, and the step of an optimiser.

The loss is the mean over the batch of the softmax cross-entropy of the answers, and of those of the auxiliary heads,
which count `auxiliary_weight` times each. Batch norms use the batch's own statistics, unless the network was built with
frozen ones. What dropout drops is drawn by every framework's own generator: all else is compared without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.spec import BadInput, Plan, infer
from isomorph.spec.layers import BatchNorm, Convolution
from isomorph.spec.tensors import WEIGHTS, split

Array = npt.NDArray[Any]

AUXILIARY_WEIGHT = 0.3
"""Szegedy et al. (2015), section 5."""

IMAGES = "images"
"""What the gradient with respect to the images is called among those with respect to tensors."""


@dataclass(frozen=True)
class Gradients:
    """Of a loss at one batch.

    loss: in nats.
    tensors: canonical name -> gradient with respect to every tensor that is learned, in network order, of its shape.
    images: [N, H, W, C], with respect to the images.
    """

    loss: float
    tensors: Mapping[str, Array] = field(repr=False)
    images: Array = field(repr=False)


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum and an L2 term, as PyTorch writes it:

        velocity <- momentum * velocity + gradient + l2 * tensor
        tensor   <- tensor - learning_rate * velocity

    Keras and Paddle keep these numbers in float32: binary fractions, as the defaults are, mean the same in all.

    decayed: the kinds of tensors that have the L2 term: kernels alone, as in slim; biases, gammas and betas have none.

    Raises BadInput for a learning rate that is not above 0, a momentum that is not between 0 and 1, as frameworks keep
    no velocity without one, and an l2 below 0.
    """

    learning_rate: float = 2.0**-4
    momentum: float = 0.875
    l2: float = 2.0**-10
    decayed: tuple[str, ...] = (WEIGHTS,)

    def __post_init__(self) -> None:
        for what, found, expected, right in (
            ("learning rate", self.learning_rate, "a number above 0", 0 < self.learning_rate < float("inf")),
            ("momentum", self.momentum, "a number above 0 and below 1", 0 < self.momentum < 1),
            ("l2", self.l2, "a number that is not below 0", 0 <= self.l2 < float("inf")),
        ):
            if not right:
                raise BadInput(f"The {what} of SGD is {found}; expected {expected}.")

    def l2_of(self, name: str) -> float:
        """That of the canonical tensor `name`."""
        return self.l2 if split(name)[1] in self.decayed else 0.0


def check_labels(plan: Plan, images: Array, labels: Array) -> None:
    """Raise BadInput for labels that are none of the network's classes.

    images: [N, H, W, C], which have been checked. labels: [N] integers.
    """
    name = plan.architecture.name
    if plan.logits is None or not plan.global_pool:
        raise BadInput(f"{name} has no classes to learn: it needs num_classes and a pool in front of them.")
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
        raise BadInput(f"The labels are {labels.dtype} of shape {labels.shape}; expected {len(images)} integers.")
    outside = labels[(labels < 0) | (labels >= plan.logits.depth)]
    if outside.size:
        raise BadInput(f"There is a label {outside[0]}; {name} has classes 0 to {plan.logits.depth - 1}.")


def check_statistics(plan: Plan, images: Array) -> None:
    """Raise BadInput where a batch norm has but one value in each channel of a batch.

    images: [N, H, W, C], which have been checked.
    """
    shapes = infer(plan.architecture, *images.shape[1:3]).shapes(len(images))
    for layer in plan.parametrised:
        alone = int(np.prod([extent or 1 for extent in shapes[layer.scope][:3]])) == 1
        if alone and (isinstance(layer, BatchNorm) or (isinstance(layer, Convolution) and layer.batch_norm)):
            raise BadInput(
                f"{layer.scope} of {plan.architecture.name} has one value in each channel of this batch, which has no"
                " variance; larger images or batches are needed."
            )


def check_pixels(plan: Plan, images: Array) -> None:
    """Raise BadInput for images that hold NaN or infinity."""
    if not np.isfinite(images).all():
        raise BadInput(f"The images for {plan.architecture.name} hold NaN or infinity; expected numbers.")


def check_velocity(learned: Mapping[str, tuple[int, ...]], velocity: Mapping[str, Array]) -> None:
    """Raise BadInput for the velocity of what is not learned, or of another shape.

    learned: canonical name -> shape of the tensors that are.
    """
    for name, value in velocity.items():
        if name not in learned:
            raise BadInput(f"There is a velocity of {name}, which is no tensor that is learned here.")
        if value.shape != learned[name]:
            raise BadInput(f"The velocity of {name} is of shape {value.shape}; expected {learned[name]}.")


def check_finite(loss: float, found: Mapping[str, Array]) -> None:
    """Raise BadInput for a loss that is NaN or infinite, or if anything found by its gradients is.

    Paddle's ReLU makes zero of NaN, and hides it from the loss.
    """
    hint = "a smaller learning rate or other weights are needed."
    if not np.isfinite(loss):
        raise BadInput(f"The loss is {loss}; {hint}")
    if bad := next((name for name, value in found.items() if not np.isfinite(value).all()), None):
        raise BadInput(f"The loss is {loss:.4g}, but its gradient of {bad} holds NaN or infinity; {hint}")
