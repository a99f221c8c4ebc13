"""Pair what is no anchor: operations of one family that stand between the same anchors."""

from collections import defaultdict
from collections.abc import Hashable

from isomorph.backends.graphs.graph import Node
from isomorph.conformance.likeness.anchors import ANCHORS, Pairs, Seen, Sight
from isomorph.spec.operations import (
    AdaptivePool,
    Affine,
    AveragePool,
    BatchNorm,
    GroupNorm,
    Input,
    LayerNorm,
    MaxPool,
    Mean,
    Pointwise,
    Product,
    Quotient,
    Sum,
)

_FAMILIES = (
    (BatchNorm, LayerNorm, GroupNorm),
    (AdaptivePool, AveragePool, MaxPool, Mean),
    (Sum, Product, Quotient),
)


def family(node: Node) -> Hashable:
    """Return what a node has in common with those that may stand in its place."""
    if node.kind in (Affine, Pointwise) and getattr(node.operation, "function", "linear") == "linear":
        return "affine"
    return next((number for number, kinds in enumerate(_FAMILIES) if node.kind in kinds), node.kind)


def pair_others(pairs: Pairs, one: Sight, other: Sight) -> None:
    """Pair the operations of a family between the same anchors, where both graphs have as many, in their order."""
    known = pairs.of | {one.graph.input.number: other.graph.input.number}
    pairs.add(one.graph.input.number, other.graph.input.number)
    ours: dict[Hashable, list[int]] = defaultdict(list)
    theirs: dict[Hashable, list[int]] = defaultdict(list)
    for sight, found, names in ((one, ours, known), (other, theirs, {n: n for n in other.graph.nodes})):
        for number, node in sight.graph.nodes.items():
            if node.kind not in (*ANCHORS, Input):
                sides = (_named(sight.before, number, names), _named(sight.behind, number, names))
                found[family(node), *sides].append(number)
    for key, numbers in ours.items():
        partners = theirs.get(key, [])
        if len(numbers) == len(partners):
            for number, partner in zip(numbers, partners, strict=True):
                pairs.add(number, partner, is_sure=len(numbers) == 1)


def _named(seen: Seen, number: int, names: dict[int, int]) -> frozenset[tuple[int | None, tuple[int, ...]]]:
    """Return the anchors that a node sees, as the second graph numbers them."""
    return frozenset((names.get(anchor), tags) for anchor, tags in seen[number])


LIKELY = 1.2
"""How much of what stands before and behind two nodes has to be the same, of 2, for one to be the other."""


def nearest(node: Node, pairs: Pairs, one: Sight, other: Sight) -> int | None:
    """Return the node of the second graph that is likely to be one of the first: it stands where that one does."""
    known = pairs.of | {one.graph.input.number: other.graph.input.number}
    taken = set(pairs.of.values())
    best, most = None, LIKELY
    before, behind = (_anchors(seen, node.number, known) for seen in (one.before, one.behind))
    for number, each in other.graph.nodes.items():
        if number in taken or family(each) != family(node):
            continue
        names = {anchor: anchor for anchor in other.graph.nodes}
        share = _share(before, _anchors(other.before, number, names)) + _share(
            behind, _anchors(other.behind, number, names)
        )
        if share > most:
            best, most = number, share
    return best


def _anchors(seen: Seen, number: int, names: dict[int, int]) -> set[int | None]:
    return {names.get(anchor) for anchor, _ in seen[number]}


def _share(first: set[int | None], second: set[int | None]) -> float:
    """Return the share of two sets that both have; 1 where both are empty."""
    return len(first & second) / len(first | second) if first | second else 1.0
