"""The orders in which a file's kernels may follow each other in the network: its own first, then what letters hid.

A file whose names are sorted has its stem and its classifier somewhere among the units, or depthwise kernels apart.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from isomorph.spec import BadInput
from isomorph.tools.weights.structure.heads import MOST, is_chain
from isomorph.tools.weights.structure.layers import Kernel, Layers


class Order(NamedTuple):
    """A network's convolutions in an order, and the layers of its head behind them."""

    convolutions: Sequence[Kernel]
    head: Sequence[Kernel]


def orders(layers: Layers) -> Iterator[Order]:
    """Yield the orders that a file's kernels may have, the likeliest first.

    Raises BadInput for a file without convolutions, and where dense layers stand among them that are no head.
    """
    convolutions, head = _split(layers)
    yield Order(convolutions, head)
    stem = min(convolutions, key=lambda kernel: (kernel.shape.side == 1, kernel.shape.depth_seen == 1, kernel.shape[1]))
    others = [kernel for kernel in convolutions if kernel is not stem]
    if stem is not convolutions[0]:
        yield Order([stem, *others], head)
    numbered = sorted(others, key=lambda kernel: [int(number) for number in re.findall(r"\d+", kernel.scope)])
    if numbered != others:
        yield Order([stem, *numbered], head)


def _split(layers: Layers) -> Order:
    """Return the convolutions, and the dense layers behind them; a classifier may be a 1x1 convolution, with a bias."""
    convolutions = [kernel for kernel in layers.kernels if not kernel.is_dense]
    dense = [kernel for kernel in layers.kernels if kernel.is_dense]
    if not convolutions:
        raise BadInput("There is no convolution among the tensors.")
    last = convolutions[-1]
    if dense:
        if dense[0].place < last.place and not (len(dense) <= MOST and is_chain(dense)):
            raise BadInput(
                f"{dense[0]} is a dense layer before the last convolution, {last}: squeeze-and-excitation or a second"
                " head, of which no unit kind here has any."
            )
        return Order(convolutions, dense)
    bare = [kernel for kernel in convolutions if kernel.shape.side == 1 and kernel.bias and not kernel.norm]
    if len(convolutions) > 1 and bare and (bare[-1] is last or len(bare) == 1):
        return Order([kernel for kernel in convolutions if kernel is not bare[-1]], [bare[-1]])
    return Order(convolutions, [])
