"""Training, as every backend defines it: a loss, its gradients, and the step of an optimiser.

The loss is the mean over the batch of the softmax cross-entropy of the answers, plus that of each auxiliary head times
`auxiliary_weight`. Batch norms use the batch's own statistics, unless the network was built with frozen ones. Every
framework's own generator draws the masks of dropout: all else is compared without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from isomorph.backends.array_forms import Images, Labels, Tensors
from isomorph.spec import BadInput, Plan, infer
from isomorph.spec.layers import BatchNorm, Convolution
from isomorph.spec.tensors import WEIGHTS, split

AUXILIARY_WEIGHT = 0.3
"""The weight of an auxiliary head's loss: Szegedy et al. (2015), section 5."""

IMAGES = "images"
"""The name of the gradient with respect to the images, among those with respect to tensors."""


@dataclass(frozen=True)
class Gradients:
    """The loss of one batch and its gradients.

    loss: in nats.
    tensors: canonical name -> gradient with respect to every tensor that is learned, in network order, of its shape.
    images: [N, H, W, C], the gradient with respect to the images.
    """

    loss: float
    tensors: Tensors = field(repr=False)
    images: Images = field(repr=False)


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum and an L2 term, as PyTorch writes it:

        velocity <- momentum * velocity + gradient + l2 * tensor
        tensor   <- tensor - learning_rate * velocity

    Keras and Paddle keep these numbers in float32: binary fractions, as the defaults are, mean the same in all.

    decayed: the kinds of tensors that have the L2 term: kernels alone, as in slim; biases, gammas and betas have none.

    Raises BadInput for a learning rate that is not above 0, a momentum that is not between 0 and 1, as frameworks keep
    no velocity without one, and an l2 below 0.

    >>> SGD(learning_rate=0.5).l2_of("conv1/weights"), SGD().l2_of("conv1/BatchNorm/gamma")
    (0.0009765625, 0.0)
    >>> SGD(momentum=0.0)
    Traceback (most recent call last):
        ...
    isomorph.spec.errors.BadInput: The momentum of SGD is 0.0; expected a number above 0 and below 1.
    """

    learning_rate: float = 2.0**-4
    momentum: float = 0.875
    l2: float = 2.0**-10
    decayed: tuple[str, ...] = (WEIGHTS,)

    def __post_init__(self) -> None:
        for name, value, expected, is_right in (
            ("learning rate", self.learning_rate, "a number above 0", 0 < self.learning_rate < float("inf")),
            ("momentum", self.momentum, "a number above 0 and below 1", 0 < self.momentum < 1),
            ("l2", self.l2, "a number that is not below 0", 0 <= self.l2 < float("inf")),
        ):
            if not is_right:
                raise BadInput(f"The {name} of SGD is {value}; expected {expected}.")

    def l2_of(self, name: str) -> float:
        """Return the factor of the L2 term of the canonical tensor `name`; 0 if it has none."""
        return self.l2 if split(name)[1] in self.decayed else 0.0


def check_labels(plan: Plan, images: Images, labels: Labels) -> None:
    """Raise BadInput unless there is a label for each of the checked images, and each is one of the network's classes.

    >>> from isomorph.spec import architecture, plan
    >>> check_labels(plan(architecture("cifar/resnet20")), np.zeros((2, 32, 32, 3)), np.array([3, 10]))
    Traceback (most recent call last):
        ...
    isomorph.spec.errors.BadInput: There is a label 10; cifar/resnet20 has classes 0 to 9.
    """
    name = plan.architecture.name
    if plan.logits is None or not plan.global_pool:
        raise BadInput(f"{name} has no classes to learn: it needs num_classes and a pool in front of them.")
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
        raise BadInput(f"The labels are {labels.dtype} of shape {labels.shape}; expected {len(images)} integers.")
    outside = labels[(labels < 0) | (labels >= plan.logits.depth)]
    if outside.size:
        raise BadInput(f"There is a label {outside[0]}; {name} has classes 0 to {plan.logits.depth - 1}.")


def check_statistics(plan: Plan, images: Images) -> None:
    """Raise BadInput where a batch norm sees a single value in each channel of a batch of checked images."""
    shapes = infer(plan.architecture, *images.shape[1:3]).shapes(len(images))
    for layer in plan.parametrised:
        is_single = int(np.prod([extent or 1 for extent in shapes[layer.scope][:3]])) == 1
        if is_single and (isinstance(layer, BatchNorm) or (isinstance(layer, Convolution) and layer.batch_norm)):
            raise BadInput(
                f"{layer.scope} of {plan.architecture.name} has one value in each channel of this batch, which has no"
                " variance; larger images or batches are needed."
            )


def check_pixels(plan: Plan, images: Images) -> None:
    """Raise BadInput for images that hold NaN or infinity."""
    if not np.isfinite(images).all():
        raise BadInput(f"The images for {plan.architecture.name} hold NaN or infinity; expected numbers.")


def check_velocity(learned: Mapping[str, tuple[int, ...]], velocity: Tensors) -> None:
    """Raise BadInput for the velocity of a tensor that is not learned, or of another shape.

    learned: canonical name -> shape of the tensors that are learned.
    """
    for name, value in velocity.items():
        if name not in learned:
            raise BadInput(f"There is a velocity of {name}, which is no tensor that is learned here.")
        if value.shape != learned[name]:
            raise BadInput(f"The velocity of {name} is of shape {value.shape}; expected {learned[name]}.")


def check_finite(loss: float, tensors: Tensors) -> None:
    """Raise BadInput for a loss that is NaN or infinite, or for such values in its gradients or their velocities.

    Paddle's ReLU makes zero of NaN, and hides it from the loss.
    """
    hint = "a smaller learning rate or other weights are needed."
    if not np.isfinite(loss):
        raise BadInput(f"The loss is {loss}; {hint}")
    if bad := next((name for name, value in tensors.items() if not np.isfinite(value).all()), None):
        raise BadInput(f"The loss is {loss:.4g}, but its gradient of {bad} holds NaN or infinity; {hint}")
