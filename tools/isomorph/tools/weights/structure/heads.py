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


def with_head(trunk: Architecture, head: Sequence[Kernel]) -> Architecture:
    """Return the trunk, a network without classes, with a head of one's own behind it.

    The first layer reads the mean over space or, where it sees more values than the trunk has channels, a square map
    of as many; between two layers stands the trunk's activation, which no file tells.

    Raises BadInput where the first layer reads neither.
    """
    if not head:
        return trunk
    depth, seen = plan(trunk).depth, head[0].shape.depth_seen
    cells = isqrt(seen // depth) if seen % depth == 0 else 0
    if cells**2 * depth != seen:
        raise BadInput(
            f"{head[0]} reads {seen:,} values; behind {trunk.name} that is neither the mean of its {depth:,} channels"
            " nor a square map of them."
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
