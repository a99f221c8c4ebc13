"""Which of a model's own tensors is which canonical one, and how its elements lie."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.layout import Layout, Shape
from isomorph.conformance.likeness.causes.attributes import fitted
from isomorph.conformance.likeness.comparison import Comparison

How = Literal["sure", "by order"]
"""Whether structure alone says which tensor it is, or it was paired in the order of computation with others like it."""


@dataclass(frozen=True)
class Mapped:
    """One canonical tensor and the model's own that it is.

    canonical, theirs: their names. theirs is None of a tensor that the model computes from others.
    shape: the axes of the model's own.
    layout: which element of the model's own each element of the canonical one is.
    """

    canonical: str
    theirs: str | None
    shape: Shape
    layout: Layout
    how: How


def map_tensors(comparison: Comparison) -> Iterator[Mapped]:
    """Yield the canonical tensors that have counterparts, in order."""
    pairs = comparison.pairs
    for number, node in comparison.one.nodes.items():
        partner = comparison.other.nodes.get(pairs.of.get(number, -1))
        if partner is None:
            continue
        for leaf, tensor in node.tensors.items():
            if leaf in partner.tensors and tensor.name is not None:
                theirs = fitted(node, partner, leaf)
                how: How = "sure" if number in pairs.sure else "by order"
                yield Mapped(tensor.name, theirs.name, theirs.stored.shape, theirs.layout, how)


def put(mapped: list[Mapped], tensors: Mapping[str, Array], own: Mapping[str, Array]) -> dict[str, Array]:
    """Return a model's own tensors with canonical ones in them.

    own: all that the model stores; only those into which something is put are returned, as copies.
    """
    changed: dict[str, Array] = {}
    for each in mapped:
        if each.theirs is None or each.canonical not in tensors:
            continue
        stored = changed.setdefault(each.theirs, np.array(own[each.theirs]))
        stored.reshape(-1)[each.layout.numbers().reshape(-1)] = tensors[each.canonical].reshape(-1)
    return changed
