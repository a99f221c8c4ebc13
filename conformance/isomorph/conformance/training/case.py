"""What networks are trained on for a comparison: images, labels and tensors, drawn by a documented rule.

Images and tensors are those of `isomorph.conformance.cases`, the tensors moved out of the way of bends by `clear`; each
label is the class that a number of the stream "labels" falls on. The network is compared without dropout. The same seed
gives the same bits on every machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from isomorph.backends.training import check_labels, check_statistics
from isomorph.conformance.cases import Array, draw_images, draw_tensors, uniform
from isomorph.conformance.training.clear import ClearPass
from isomorph.spec import Architecture, plan

Batch = tuple[Array, Array]
"""Images [N, H, W, C] in float32, and labels [N] in int64."""


@dataclass(frozen=True)
class TrainingCase:
    """A network without dropout, its tensors, and the first of the batches that it is trained on.

    tensors: canonical, in float32 where they were drawn.
    close: the results that stand so close to a bend, in spite of all, that float32 may take its other side.
    freeze_batch_norm: whether it is trained with frozen batch norms.
    """

    architecture: Architecture
    images: Array = field(repr=False)
    labels: Array = field(repr=False)
    tensors: Mapping[str, Array] = field(repr=False)
    close: tuple[str, ...]
    seed: int
    freeze_batch_norm: bool

    def batch(self, number: int) -> Batch:
        """One of as many batches as one likes, of the size of the first, which is number 0."""
        if number == 0:
            return self.images, self.labels
        batch, height, width, _ = self.images.shape
        return _draw_batch(self.architecture, batch, height, width, self.seed, number)


def draw_training(
    architecture: Architecture,
    batch: int,
    height: int,
    width: int,
    seed: int = 0,
    freeze_batch_norm: bool = False,
    given: Mapping[str, Array] | None = None,
) -> TrainingCase:
    """Draw `batch` images of `height` x `width`, their labels, and tensors, unless those are `given`.

    What is given stays as it is, however close to bends: drawn values keep away from them.
    Raises BadInput for a network without classes, and where a batch norm that is not frozen would have but one value in
    each channel.
    """
    network = architecture.without_dropout()
    planned = plan(network)
    images, labels = _draw_batch(network, batch, height, width, seed)
    check_labels(planned, images, labels)
    if not freeze_batch_norm:
        check_statistics(planned, images)
    start = draw_tensors(network, images, seed) if given is None else given
    exact = {name: value.astype(np.float64) for name, value in start.items()}
    forward = ClearPass(planned, exact, images.astype(np.float64), freeze_batch_norm, moving=given is None)
    tensors = given or {name: value.astype(np.float32) for name, value in forward.cleared.items()}
    return TrainingCase(network, images, labels, tensors, tuple(forward.close), seed, freeze_batch_norm)


def _draw_batch(network: Architecture, batch: int, height: int, width: int, seed: int, number: int = 0) -> Batch:
    """The batches behind the first are those of other seeds, which are far from any that a user would choose."""
    key = (seed + (number << 32)) % 2**64
    classes = network.head.num_classes or 0
    labels = np.floor((uniform(key, "labels", (batch,)) + 1) / 2 * classes).astype(np.int64)
    return draw_images(network, batch, height, width, key), labels
