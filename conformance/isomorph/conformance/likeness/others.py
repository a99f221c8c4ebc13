"""Pair what is no anchor: operations of one family that stand between the same anchors."""

from collections import defaultdict
from collections.abc import Callable, Hashable

import numpy as np

from isomorph.backends.graphs.graph import Node
from isomorph.conformance.likeness.anchors import ANCHORS, Pairs, Seen, Sight
from isomorph.spec.operations import (
    AdaptivePool,
    Affine,
    AveragePool,
    BatchNorm,
    Constant,
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

SAME_KIND = 0.01
"""What the same kind counts where several have as much in common: less than any anchor that both see."""


def family(node: Node) -> Hashable:
    """Return what a node has in common with those that may stand in its place."""
    if node.kind in (Affine, Pointwise) and getattr(node.operation, "function", "linear") == "linear":
        return "affine"
    return next((number for number, kinds in enumerate(_FAMILIES) if node.kind in kinds), node.kind)


def pair_others(pairs: Pairs, one: Sight, other: Sight) -> None:
    """Pair the operations of a family between the same anchors, where both graphs have as many, in their order.

    Before that, those of the same tensors behind the same anchors; and then, those of the same tensors anywhere.
    Anchors without a counterpart do not count.
    """
    known = pairs.of | {one.graph.input.number: other.graph.input.number}
    pairs.add(one.graph.input.number, other.graph.input.number)
    names = {number: number for number in known.values()}

    def behind_the_same(first: int, second: int) -> bool:
        return _named(one.before, first, known) == _named(other.before, second, names)

    _pair_by_tensors(pairs, one, other, behind_the_same)
    ours, theirs = _by_place(one, known), _by_place(other, names)
    taken = set(pairs.of.values())
    for place, found in ours.items():
        numbers = [number for number in found if number not in pairs.of]
        partners = [number for number in theirs.get(place, []) if number not in taken]
        if len(numbers) == len(partners):
            for number, partner in zip(numbers, partners, strict=True):
                pairs.add(number, partner, is_sure=len(numbers) == 1)
    _pair_by_tensors(pairs, one, other, lambda _first, _second: True)


def _pair_by_tensors(pairs: Pairs, one: Sight, other: Sight, fit: Callable[[int, int], bool]) -> None:
    """Pair what has the same tensors, and tensors that nothing else of its graph has, where the two fit."""
    ours, theirs = _by_tensors(one), _by_tensors(other)
    taken = set(pairs.of.values())
    for tensors, numbers in ours.items():
        partners = theirs.get(tensors, [])
        if len(numbers) != 1 or len(partners) != 1 or numbers[0] in pairs.of or partners[0] in taken:
            continue
        if fit(numbers[0], partners[0]):
            pairs.add(numbers[0], partners[0])


def _by_tensors(sight: Sight) -> dict[Hashable, list[int]]:
    found: dict[Hashable, list[int]] = defaultdict(list)
    for number, node in sight.graph.nodes.items():
        arrays = [(leaf, x) for leaf, x in sorted(node.arrays.items()) if x.size > 1]
        if node.kind not in ANCHORS and arrays and not any(np.isnan(x.flat[0]) for _, x in arrays):
            found[family(node), *((leaf, x.astype(np.float32).tobytes()) for leaf, x in arrays)].append(number)
    return found


def _by_place(sight: Sight, names: dict[int, int]) -> dict[Hashable, list[int]]:
    """Return the operations that are no anchors by their family, and the anchors before and behind them."""
    places: dict[Hashable, list[int]] = defaultdict(list)
    for number, node in sight.graph.nodes.items():
        before = _named(sight.before, number, names)
        if before and node.kind not in (*ANCHORS, Input):
            places[family(node), before, _named(sight.behind, number, names)].append(number)
    return places


def _named(seen: Seen, number: int, names: dict[int, int]) -> frozenset[tuple[int, tuple[int, ...]]]:
    """Return the anchors that a node sees, as the second graph numbers them."""
    return frozenset((names[anchor], tags) for anchor, tags in seen[number] if anchor in names)


def nearest(node: Node, pairs: Pairs, one: Sight, other: Sight) -> int | None:
    """Return the node of the second graph that is likely to be one of the first: it stands where that one does.

    All that the one with fewer anchors before it sees there, the other has to see, too, and so behind it: a shortcut
    that is left out takes some away. Of several it is the one that has most in common, and of the same kind. Nodes see
    through anchors without a counterpart. What has tensors has to stand behind the very same ones.
    """
    known, names = _known(pairs, one, other)
    taken = set(pairs.of.values())
    ours = [_through(seen, node.number, known) for seen in (one.before, one.behind)]
    best, most = None, 0.0
    for number, each in other.graph.nodes.items():
        if number in taken or family(each) != family(node):
            continue
        theirs = [_through(seen, number, names) for seen in (other.before, other.behind)]
        fits = all(a <= b or b <= a for a, b in zip(ours, theirs, strict=True))
        joins = len(node.reads) > 1 and each.kind is node.kind  # what it joins may be other values, before the same
        fits = fits or (joins and bool(ours[1]) and ours[1] == theirs[1])
        is_behind = bool(ours[0] and theirs[0]) or node.kind is Constant  # which stands behind nothing
        if fits and is_behind and not (node.tensors and ours[0] != theirs[0]):
            share = sum(len(a & b) / max(len(a | b), 1) for a, b in zip(ours, theirs, strict=True))
            share += SAME_KIND * (each.kind is node.kind)
            if share > most and not leads_elsewhere(node.number, number, pairs, one, other):
                best, most = number, share
    return best


def leads_elsewhere(node: int, other: int, pairs: Pairs, one: Sight, two: Sight) -> bool:
    """Return whether all anchors right behind a node are without a counterpart, and others stand behind another one.

    It is then in a unit that is left out, and the other in the next one. Behind a layer that is left out alone, both
    see the same.
    """
    known, names = _known(pairs, one, two)
    if not one.behind[node] or _named(one.behind, node, known) or not _named(two.behind, other, names):
        return False
    return _through(one.behind, node, known) != _through(two.behind, other, names)


def _known(pairs: Pairs, one: Sight, other: Sight) -> tuple[dict[int, int], dict[int, int]]:
    """Return the numbers in the second graph of all anchors that have counterparts, of the first and of the second."""
    known = pairs.of | {one.graph.input.number: other.graph.input.number}
    return known, {number: number for number in known.values()}


def _through(seen: Seen, number: int, names: dict[int, int]) -> set[int]:
    """Return the anchors that a node sees, as the second graph numbers them, through those that have no number."""
    found: set[int] = set()
    waiting, done = [number], {number}
    while waiting:
        for anchor, _ in seen[waiting.pop()]:
            if anchor in names:
                found.add(names[anchor])
            elif anchor not in done:
                done.add(anchor)
                waiting.append(anchor)
    return found
