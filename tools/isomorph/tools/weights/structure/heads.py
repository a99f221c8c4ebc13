"""A head of one's own: the dense layers that a file has behind a known trunk, as units of the specification."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import isqrt

from isomorph.spec import Architecture, BadInput, Block, plan
from isomorph.tools.weights.structure.layers import Kernel

MOST = 4
"""The dense layers that a head may have; VGG's three and one more."""


def is_chain(head: Sequence[Kernel]) -> bool:
    """Whether each layer of a head reads the one before it."""
    return all(after.shape.depth_seen == before.shape.depth for before, after in pairwise(head))


def resized(network: Architecture, head: Sequence[Kernel]) -> Architecture | None:
    """Return a network whose own dense layers read a map of another size, as one that was trained on other images.

    A pool to the old size before them becomes one to the new. None where the head has other layers than the network.
    """
    *hidden, classifier = head
    dense = [block for block in network.blocks if block.unit == "dense"]
    depths = [depth for block in dense for depth, _ in block.args]
    if not dense or depths != [layer.shape.depth for layer in hidden]:
        return None
    (_, old), *_ = dense[0].args
    convolutional = tuple(block for block in network.blocks if block.unit not in ("dense", "adaptive_pool"))
    new = _cells(hidden[0], plan(replace(network, blocks=convolutional).with_options(num_classes=None)).depth)
    if new is None:
        return None
    changed = {("dense", old): new, ("adaptive_pool", old): new}
    blocks = (
        replace(block, args=tuple((*args[:-1], changed.get((block.unit, args[-1]), args[-1])) for args in block.args))
        for block in network.blocks
    )
    return replace(network, blocks=tuple(blocks)).with_options(num_classes=classifier.shape.depth)


def with_head(trunk: Architecture, head: Sequence[Kernel]) -> Architecture:
    """Return the trunk, a network without classes, with a head of one's own behind it.

    The first layer reads the mean over space or, where it sees more values than the trunk has channels, a square map
    of as many; between two layers stands the trunk's activation, which no file tells.

    Raises BadInput where the first layer reads neither.
    """
    if not head:
        return trunk
    depth = plan(trunk).depth
    cells = _cells(head[0], depth)
    if cells is None:
        raise BadInput(
            f"{head[0]} reads {head[0].shape.depth_seen:,} values; behind {trunk.name} that is neither the mean of its"
            f" {depth:,} channels nor a square map of them."
        )
    *hidden, classifier = head
    blocks: list[Block] = []
    if cells > 1 or hidden:
        blocks.append(Block("pool", "adaptive_pool", ((cells,),)))
    for number, layer in enumerate(hidden, start=1):
        blocks.append(Block(f"hidden{number}", "dense", ((layer.shape.depth, cells if number == 1 else 1),)))
    if cells > 1 and not hidden:
        raise BadInput(
            f"{classifier} is a classifier that reads a map of {cells}x{cells}; here classifiers read means."
        )
    return replace(trunk, blocks=trunk.blocks + tuple(blocks)).with_options(num_classes=classifier.shape.depth)


def _cells(layer: Kernel, depth: int) -> int | None:
    """Return the side of the square map of so many channels that a layer reads, 1 for their mean; None if none."""
    seen = layer.shape.depth_seen
    side = isqrt(seen // depth)
    return side if side and side**2 * depth == seen else None
