"""What "the same dropout" means: of what a layer reads, the right share is dropped, and what is left is scaled right.

Which values are dropped is drawn by every framework's own generator, and not compared. A gradient shows it: of one
image, that of a dense layer's kernel is

    d loss / d kernel[i, k]  =  x[i] * dropped_or_scale[i] * d loss / d bias[k]

where x is what the layer reads. So its rows, divided by x and by the gradient of the bias, are zero where a value was
dropped and the scale where it was kept, in all columns alike: 1 / (1 - share), or one where it is inference that scales
("downscale_in_infer"). In front of the layer nothing may depend on what others drop: the kernels of earlier layers with
dropout are zero, and their biases positive.

Seen are the scale, the share, whether values or connections are dropped, and masks that are the same every time. Not
seen are values that are dropped together, as whole channels are, and shares so small that hardly any value is: of
VALUES, a share of a thousandth drops none more often than not. Nor is inference: end points are compared elsewhere.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from math import ceil, exp, lgamma, log
from typing import Protocol

import numpy as np

from isomorph.backends.oracle.operations import Precision
from isomorph.backends.oracle.training import TrainingPass
from isomorph.backends.training import Gradients, check_labels
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.training.verdict import TrainingVerdict
from isomorph.conformance.verdict import FLOORS, UNIT_ROUNDOFF, Array, by
from isomorph.spec import Architecture, plan
from isomorph.spec.graph import graph
from isomorph.spec.layers import Convolution, Dropout
from isomorph.spec.tensors import BIASES, WEIGHTS, tensor_name

VALUES = 512
"""How many values, at least, are looked at for each layer, over several batches."""

PATIENCE = 4
"""How many times as many batches are drawn, at most, as are looked at."""

FALSE_ALARM = 2.0**-40
"""How probable it may be, for each layer, that what is right is taken for wrong."""

LIMIT = FLOORS * UNIT_ROUNDOFF["float32"]
"""What a row may be off, of its size: Paddle computes the scale in float32 whatever the dtype."""

READABLE = 2.0**-10
"""Of the largest value that a layer reads: smaller ones, a ReLU's zeros among them, tell nothing."""

DTYPE = "float64"
"""That in which networks are to be built: scales are compared, and no rounding."""


class Learns(Protocol):
    """A network that can be trained, here or in another process."""

    def load(self, tensors: Mapping[str, Array]) -> object:
        """Take over tensors."""

    def gradients(self, images: Array, labels: Array) -> Gradients:
        """Of the loss of a batch."""


class DropoutCase:
    """A network with dropout, and one image and tensors by which every layer's is seen.

    Networks are to be built of `architecture` in DTYPE, with training=True and freeze_batch_norm=True: one image is
    then enough of a batch.

    Attributes:
        layers: those that drop what they read, by scope, in network order.
    """

    def __init__(self, architecture: Architecture, height: int, width: int, seed: int = 0) -> None:
        self.architecture = architecture
        self.images = draw_images(architecture, 1, height, width, seed)
        self.labels = np.zeros(1, np.int64)
        planned = plan(architecture)
        check_labels(planned, self.images, self.labels)
        self.layers = {layer.scope: layer for layer in planned.convolutions if layer.dropout}
        self._reads = {node.name: node.reads[0] for node in graph(planned)}
        self._tensors = draw_tensors(architecture, self.images, seed) if self.layers else {}

    def verdicts(self, network: Learns) -> Iterator[TrainingVerdict]:
        """On every layer's dropout, in network order; "unavailable" where a gradient is the sum of several windows'."""
        for layer in self.layers.values():
            tensors = self._shown(layer)
            read = self._read(layer, tensors)
            if read.shape[:2] != (layer.kernel, layer.kernel):
                said = f"{layer.scope} reads a map of {by(read.shape[:2])}; its dropout shows where it reads one window"
                yield replace(_passing(layer), verdict="unavailable", message=said)
                continue
            network.load(tensors)
            yield judge(layer, read, self._gradients(network, layer, read))

    def _gradients(self, network: Learns, layer: Convolution, read: Array) -> list[tuple[Array, Array]]:
        """Those of the layer's kernel, [k, k, depth_in, depth], and bias, one pair for each batch that tells anything.

        Where all that a mask leaves lies below the bends of a ReLU behind the layer, nothing flows back through it.
        """
        shown = max(1, int(np.count_nonzero(readable(read))))
        batches = max(2, ceil(VALUES / shown))
        found = (network.gradients(self.images, self.labels).tensors for _ in range(PATIENCE * batches))
        pairs = ((each[tensor_name(layer, WEIGHTS)], each[tensor_name(layer, BIASES)]) for each in found)
        return list(islice((pair for pair in pairs if pair[1].any()), batches))

    def _shown(self, layer: Convolution) -> dict[str, Array]:
        """Tensors under which nothing that `layer` reads depends on what others drop."""
        shown = dict(self._tensors)
        for earlier in self.layers.values():
            if earlier is layer:
                return shown
            weights, biases = tensor_name(earlier, WEIGHTS), tensor_name(earlier, BIASES)
            shown[weights] = np.zeros_like(shown[weights])
            shown[biases] = np.abs(shown[biases]) + np.float32(0.25)
        return shown

    def _read(self, layer: Convolution, tensors: Mapping[str, Array]) -> Array:
        """What the layer reads where nothing is dropped, [h, w, depth_in], in float64."""
        exact = {name: value.astype(np.float64) for name, value in tensors.items()}
        still = plan(self.architecture.without_dropout())
        forward = TrainingPass(still, exact, self.images.astype(np.float64), Precision("float64"), frozen=True)
        read: Array = forward.values[self._reads[layer.scope]][0]
        return read


def judge(layer: Convolution, read: Array, gradients: list[tuple[Array, Array]]) -> TrainingVerdict:
    """On one layer's dropout, from the gradients of its kernel and of its bias in several batches.

    read: [k, k, depth_in], what it reads. gradients: [k, k, depth_in, depth] and [depth] each.
    """
    asked = layer.dropout or Dropout(0.0)
    scale = 1.0 if asked.downscaled else 1 / (1 - asked.share)
    verdict = _passing(layer)

    def fail(message: str) -> TrainingVerdict:
        return replace(verdict, verdict="fail", message=message, first_divergence=layer.scope)

    shown = readable(read)
    if not shown.any() or not gradients:
        return replace(verdict, verdict="unavailable", message=f"nothing passes through {layer.scope}")
    masks = []
    for kernel, bias in gradients:
        scales = row_scales(kernel[shown], read[shown], bias)
        kept, dropped = (np.abs(scales - right).max(axis=1) <= LIMIT * scale for right in (scale, 0.0))
        if stray := np.flatnonzero(~(kept | dropped)).tolist():
            off = scales[stray[0]]
            said = f"{off.mean():.6g}" if np.ptp(off) <= LIMIT * scale else f"{off.min():.6g} to {off.max():.6g}"
            return fail(f"a value is multiplied by {said}; expected 0 or {scale:.6g}")
        masks.append(kept)
    values, kept_values = len(masks) * len(masks[0]), int(np.sum(masks))
    dropped_values = values - kept_values
    if chance(dropped_values, values, asked.share) < FALSE_ALARM:
        return fail(f"{dropped_values} of {values} values are dropped; expected a share of {asked.share:g}")
    same_by_chance = (asked.share**2 + (1 - asked.share) ** 2) ** (values - len(masks[0]))
    if same_by_chance < FALSE_ALARM and all(np.array_equal(mask, masks[0]) for mask in masks):
        return fail(f"the same values are dropped in each of {len(masks)} batches")
    return verdict


def _passing(layer: Convolution) -> TrainingVerdict:
    return TrainingVerdict(f"dropout before {layer.scope}", DTYPE, "pass")


def readable(read: Array) -> Array:
    """Which values are large enough to see what becomes of them: bool, of the shape of `read`."""
    size = np.abs(read)
    return np.asarray(size > READABLE * size.max())


def row_scales(kernel: Array, read: Array, bias: Array) -> Array:
    """What each value was multiplied by, as seen in each column that is learned at all: [values, columns].

    kernel: [values, depth], the gradient's rows. read: [values]. bias: [depth], its gradient; small columns, behind
    which most is dropped or nearly right, tell nothing.
    """
    columns = readable(bias)
    return np.asarray(kernel[:, columns] / (read[:, None] * bias[columns]))


def chance(dropped: int, values: int, share: float) -> float:
    """How probable it is that so many or, on the other side of the mean, so few are dropped: a binomial tail."""
    below = dropped < share * values
    tail = range(dropped + 1) if below else range(dropped, values + 1)
    return min(1.0, sum(_probability(number, values, share) for number in tail))


def _probability(dropped: int, values: int, share: float) -> float:
    """That exactly so many of `values` are dropped; lgamma, as the binomials are too large for a float."""
    ways = lgamma(values + 1) - lgamma(dropped + 1) - lgamma(values - dropped + 1)
    return exp(ways + dropped * log(share) + (values - dropped) * log(1 - share))
