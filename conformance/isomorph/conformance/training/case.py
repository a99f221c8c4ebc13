"""Cases of training for a comparison: images, labels and tensors, drawn by a documented rule.

Images and tensors are those of `isomorph.conformance.cases`, the tensors moved away from kinks by `kinks`; a number of
the stream "labels" selects the class of each label. The network is compared without dropout. The same seed gives the
same bits on every machine.
"""

from dataclasses import dataclass, field

import numpy as np

from isomorph.backends.protocol import Images, Labels, Tensors
from isomorph.backends.training import check_labels, check_statistics
from isomorph.conformance.cases import draw_images, draw_tensors, uniform
from isomorph.conformance.training.kinks import KinkFreePass
from isomorph.spec import Architecture, plan

Batch = tuple[Images, Labels]
"""Images [N, H, W, C] in float32, and labels [N] in int64."""


@dataclass(frozen=True)
class TrainingCase:
    """A network without dropout, its tensors, and the first of the batches that it is trained on.

    tensors: canonical, in float32 where they were drawn.
    near_kinks: the results that are still so close to a kink that float32 may take its other side.
    freeze_batch_norm: whether it is trained with frozen batch norms.
    """

    architecture: Architecture
    images: Images = field(repr=False)
    labels: Labels = field(repr=False)
    tensors: Tensors = field(repr=False)
    near_kinks: tuple[str, ...]
    seed: int
    freeze_batch_norm: bool

    def batch(self, number: int) -> Batch:
        """Return a batch of the size of the first, which is number 0; there are any number of them."""
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
    tensors: Tensors | None = None,
) -> TrainingCase:
    """Draw `batch` images of `height` x `width`, their labels, and tensors, unless those are passed.

    tensors: stay as they are, however close to kinks; drawn tensors keep away from kinks.
    Raises BadInput for a network without classes, and where a batch norm that is not frozen would have a single value
    in each channel.
    """
    network = architecture.without_dropout()
    planned = plan(network)
    images, labels = _draw_batch(network, batch, height, width, seed)
    check_labels(planned, images, labels)
    if not freeze_batch_norm:
        check_statistics(planned, images)
    start = draw_tensors(network, images, seed) if tensors is None else tensors
    exact = {name: value.astype(np.float64) for name, value in start.items()}
    forward = KinkFreePass(planned, exact, images.astype(np.float64), freeze_batch_norm, moving=tensors is None)
    tensors = tensors or {name: value.astype(np.float32) for name, value in forward.moved_tensors.items()}
    return TrainingCase(network, images, labels, tensors, tuple(forward.near_kinks), seed, freeze_batch_norm)


def _draw_batch(network: Architecture, batch: int, height: int, width: int, seed: int, number: int = 0) -> Batch:
    """Draw a batch; those after the first have other seeds, far from any that a user would choose."""
    key = (seed + (number << 32)) % 2**64
    classes = network.head.num_classes or 0
    labels = np.floor((uniform(key, "labels", (batch,)) + 1) / 2 * classes).astype(np.int64)
    return draw_images(network, batch, height, width, key), labels
