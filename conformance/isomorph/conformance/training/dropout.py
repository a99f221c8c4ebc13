"""What "the same dropout" means: the right share of a layer's input is dropped, and the rest is scaled right.

Every framework's own generator draws which values are dropped; that is not compared. A gradient shows it: for one
image, the gradient of a dense layer's kernel is

    d loss / d kernel[i, k]  =  x[i] * dropped_or_scale[i] * d loss / d bias[k]

where x is the layer's input. So its rows, divided by x and by the gradient of the bias, are zero where a value was
dropped and the scale where it was not, the same in all columns: 1 / (1 - share), or one where inference scales
("downscale_in_infer"). The layer's input must not depend on what others drop: the kernels of earlier layers with
dropout are zero, and their biases positive.

This shows the scale, the share, whether values or connections are dropped, and masks that are the same every time. It
does not show values that are dropped together, such as whole channels, and shares so small that hardly any value is
dropped: a share of a thousandth usually drops none of VALUES. Nor does it show inference: end points are compared
elsewhere.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from math import ceil, exp, lgamma, log
from typing import Protocol

import numpy as np

from isomorph.backends.oracle.operations import Precision
from isomorph.backends.oracle.training import TrainingPass
from isomorph.backends.protocol import Array, Images, Labels, Tensors
from isomorph.backends.training import Gradients, check_labels
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.training.verdict import TrainingVerdict
from isomorph.conformance.verdict import FLOORS, UNIT_ROUNDOFF, by
from isomorph.spec import Architecture, plan
from isomorph.spec.graph import graph
from isomorph.spec.layers import Convolution, Dropout
from isomorph.spec.tensors import BIASES, WEIGHTS, tensor_name

VALUES = 512
"""The least number of values to look at for each layer, over several batches."""

PATIENCE = 4
"""The most batches to draw for each one that is looked at."""

FALSE_ALARM = 2.0**-40
"""The accepted probability, for each layer, that a right one is judged wrong."""

LIMIT = FLOORS * UNIT_ROUNDOFF["float32"]
"""The largest relative error of a row: Paddle computes the scale in float32 whatever the dtype."""

READABLE = 2.0**-10
"""The share of the largest input value below which values, such as a ReLU's zeros, show nothing."""

DTYPE = "float64"
"""The dtype of the networks: scales are compared, and no rounding."""


class Learns(Protocol):
    """A network that can be trained, here or in another process."""

    def load(self, tensors: Mapping[str, Array]) -> object:
        """Load tensors."""

    def gradients(self, images: Images, labels: Labels) -> Gradients:
        """Return the gradients of a batch's loss."""


class DropoutCase:
    """A network with dropout, and one image and tensors that show every layer's dropout.

    Networks are built from `architecture` in DTYPE, with training=True and freeze_batch_norm=True: one image is then
    enough for a batch.

    Attributes:
        layers: the layers with dropout, by scope, in network order.
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
        """Judge every layer's dropout, in network order; "unavailable" where a gradient sums over several windows."""
        for layer in self.layers.values():
            tensors = self._tensors_for(layer)
            x = self._input_of(layer, tensors)
            if x.shape[:2] != (layer.kernel, layer.kernel):
                why = f"{layer.scope} reads a map of {by(x.shape[:2])}; its dropout shows where it reads one window"
                yield replace(_passing(layer), verdict="unavailable", message=why)
                continue
            network.load(tensors)
            yield judge(layer, x, self._gradients(network, layer, x))

    def _gradients(self, network: Learns, layer: Convolution, x: Array) -> list[tuple[Array, Array]]:
        """Return the gradients of the layer's kernel, [k, k, depth_in, depth], and bias, for each batch that has any.

        Where all that a mask leaves lies below the kink of a ReLU behind the layer, nothing flows back through it.
        """
        shown = max(1, int(np.count_nonzero(readable(x))))
        batches = max(2, ceil(VALUES / shown))
        gradients = (network.gradients(self.images, self.labels).tensors for _ in range(PATIENCE * batches))
        pairs = ((each[tensor_name(layer, WEIGHTS)], each[tensor_name(layer, BIASES)]) for each in gradients)
        return list(islice((pair for pair in pairs if pair[1].any()), batches))

    def _tensors_for(self, layer: Convolution) -> dict[str, Array]:
        """Return tensors with which the input of `layer` does not depend on what others drop."""
        tensors = dict(self._tensors)
        for earlier in self.layers.values():
            if earlier is layer:
                return tensors
            weights, biases = tensor_name(earlier, WEIGHTS), tensor_name(earlier, BIASES)
            tensors[weights] = np.zeros_like(tensors[weights])
            tensors[biases] = np.abs(tensors[biases]) + np.float32(0.25)
        return tensors

    def _input_of(self, layer: Convolution, tensors: Tensors) -> Array:
        """Return the layer's input without dropout, [h, w, depth_in], in float64."""
        exact = {name: value.astype(np.float64) for name, value in tensors.items()}
        without = plan(self.architecture.without_dropout())
        forward = TrainingPass(without, exact, self.images.astype(np.float64), Precision("float64"), frozen=True)
        x: Array = forward.values[self._reads[layer.scope]][0]
        return x


def judge(layer: Convolution, x: Array, gradients: list[tuple[Array, Array]]) -> TrainingVerdict:
    """Judge one layer's dropout by the gradients of its kernel and of its bias in several batches.

    x: [k, k, depth_in], its input. gradients: [k, k, depth_in, depth] and [depth] each.
    """
    dropout = layer.dropout or Dropout(0.0)
    scale = 1.0 if dropout.downscaled else 1 / (1 - dropout.share)
    verdict = _passing(layer)

    def fail(message: str) -> TrainingVerdict:
        return replace(verdict, verdict="fail", message=message, first_divergence=layer.scope)

    shown = readable(x)
    if not shown.any() or not gradients:
        return replace(verdict, verdict="unavailable", message=f"nothing passes through {layer.scope}")
    masks = []
    for kernel, bias in gradients:
        scales = row_scales(kernel[shown], x[shown], bias)
        passed, dropped = (np.abs(scales - right).max(axis=1) <= LIMIT * scale for right in (scale, 0.0))
        if wrong_rows := np.flatnonzero(~(passed | dropped)).tolist():
            row = scales[wrong_rows[0]]
            factor = f"{row.mean():.6g}" if np.ptp(row) <= LIMIT * scale else f"{row.min():.6g} to {row.max():.6g}"
            return fail(f"a value is multiplied by {factor}; expected 0 or {scale:.6g}")
        masks.append(passed)
    values, passed_values = len(masks) * len(masks[0]), int(np.sum(masks))
    dropped_values = values - passed_values
    if chance(dropped_values, values, dropout.share) < FALSE_ALARM:
        return fail(f"{dropped_values} of {values} values are dropped; expected a share of {dropout.share:g}")
    same_by_chance = (dropout.share**2 + (1 - dropout.share) ** 2) ** (values - len(masks[0]))
    if same_by_chance < FALSE_ALARM and all(np.array_equal(mask, masks[0]) for mask in masks):
        return fail(f"the same values are dropped in each of {len(masks)} batches")
    return verdict


def _passing(layer: Convolution) -> TrainingVerdict:
    return TrainingVerdict(f"dropout before {layer.scope}", DTYPE, "pass")


def readable(x: Array) -> Array:
    """Return which values of `x` are large enough to show whether they are dropped: bool, of the same shape."""
    size = np.abs(x)
    return np.asarray(size > READABLE * size.max())


def row_scales(kernel: Array, x: Array, bias: Array) -> Array:
    """Return the factor of each value, as each column that has a gradient shows it: [values, columns].

    kernel: [values, depth], the gradient's rows. x: [values]. bias: [depth], its gradient; small columns, behind which
    most is dropped or nearly right, show nothing.
    """
    columns = readable(bias)
    return np.asarray(kernel[:, columns] / (x[:, None] * bias[columns]))


def chance(dropped: int, values: int, share: float) -> float:
    """Return the probability that so many or, below the mean, so few values are dropped: a binomial tail.

    >>> chance(dropped=10, values=10, share=0.5)
    0.0009765625
    """
    below = dropped < share * values
    tail = range(dropped + 1) if below else range(dropped, values + 1)
    return min(1.0, sum(_probability(number, values, share) for number in tail))


def _probability(dropped: int, values: int, share: float) -> float:
    """Return the probability that exactly so many are dropped, by lgamma, as binomials are too large for a float."""
    ways = lgamma(values + 1) - lgamma(dropped + 1) - lgamma(values - dropped + 1)
    return exp(ways + dropped * log(share) + (values - dropped) * log(1 - share))
