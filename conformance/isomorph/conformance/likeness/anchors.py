"""Pair the layers of two graphs by structure alone: what each sees before it and behind it, and no name.

Convolutions and dense layers are anchors. Each gets a colour of its shape, and again and again one of the colours of
those before it, and of those behind it (Weisfeiler and Leman, 1968). A colour that one anchor has in each graph pairs
the two. From far to near: a fault changes the colours of all that see it, and leaves those of a smaller radius.
"""

from collections import defaultdict
from collections.abc import Container, Hashable, Mapping
from dataclasses import dataclass, field

import numpy as np

from isomorph.backends.graphs.graph import Graph, Node
from isomorph.spec.operations import (
    Concatenation,
    Convolution,
    Dense,
    Input,
    MatrixProduct,
    Quotient,
    TransposedConvolution,
)
from isomorph.spec.tensors import WEIGHTS

ANCHORS = (Convolution, Dense, TransposedConvolution)

RADII = (16, 8, 4, 2, 1)
"""How far a colour sees, after the whole graph."""

Seen = dict[int, list[tuple[int, tuple[int, ...]]]]
"""Node -> the anchors that come first before it (or behind it), each with the places of concatenations between them."""


@dataclass
class Pairs:
    """Which node of the second graph is which of the first, by number.

    sure: those of the first graph that nothing else could be; the others were paired in their order.
    """

    of: dict[int, int] = field(default_factory=dict)
    sure: set[int] = field(default_factory=set)

    @property
    def back(self) -> dict[int, int]:
        """Node of the second graph -> node of the first."""
        return {other: one for one, other in self.of.items()}

    def add(self, one: int, other: int, is_sure: bool = True) -> None:
        """Pair two nodes."""
        self.of[one] = other
        if is_sure:
            self.sure.add(one)


def label(node: Node) -> tuple[int, int]:
    """Return how many numbers each output of an anchor sees, and how many outputs it has.

    A dense layer over a flattened map has the label of a convolution over all of it.
    """
    *seen, outputs = node.arrays[WEIGHTS].shape
    return int(np.prod(seen)), outputs


ORDERED = (Concatenation, MatrixProduct, Quotient)
"""Operations whose operands are not to be exchanged: queries times keys, for one."""


class Sight:
    """The anchors of a graph, and which of them each node sees first."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.readers = graph.readers
        self.anchors = [number for number, node in graph.nodes.items() if node.kind in ANCHORS]
        self.before = self._seen(backward=True)
        self.behind = self._seen(backward=False)

    def _seen(self, backward: bool) -> Seen:
        nodes = self.graph.nodes
        seen: Seen = {}
        for number in nodes if backward else reversed(nodes):
            found: dict[tuple[int, tuple[int, ...]], None] = {}
            for other, tag in self._neighbours(number, backward):
                if nodes[other].kind in (*ANCHORS, Input):
                    found[other, tag] = None
                else:
                    found |= {(anchor, tag + tags): None for anchor, tags in seen[other]}
            seen[number] = list(found)
        return seen

    def _neighbours(self, number: int, backward: bool) -> list[tuple[int, tuple[int, ...]]]:
        """Return the nodes right before or behind one, each with its place where their order matters."""
        nodes = self.graph.nodes
        if backward:
            ordered = nodes[number].kind in ORDERED
            return [(read.source, (place,) if ordered else ()) for place, read in enumerate(nodes[number].reads)]
        return [(reader, (place,) if nodes[reader].kind in ORDERED else ()) for reader, place in self.readers[number]]

    def colours(self, radius: int | None) -> tuple[dict[int, int], dict[int, int]]:
        """Return the colours of the anchors by all that they see before them, and behind them, up to a radius.

        Without one they see the whole graph.
        """
        labels = {number: hash(label(self.graph.nodes[number])) for number in self.anchors}
        if radius is None:
            return self._whole(labels, self.anchors, self.before), self._whole(labels, self.anchors[::-1], self.behind)
        backward, forward = dict(labels), dict(labels)
        for _ in range(radius):
            backward = self._spread(backward, self.before)
            forward = self._spread(forward, self.behind)
        return backward, forward

    def _whole(self, labels: dict[int, int], order: list[int], seen: Seen) -> dict[int, int]:
        """Return the colours of the anchors by all that they see, in an order in which each comes behind that."""
        colours: dict[int, int] = {}
        for number in order:
            neighbours = sorted((colours.get(other, 0), tags) for other, tags in seen[number])
            colours[number] = hash((labels[number], tuple(neighbours)))
        return colours

    def _spread(self, colours: dict[int, int], seen: Seen) -> dict[int, int]:
        return {
            number: hash((colour, tuple(sorted((colours.get(other, 0), tags) for other, tags in seen[number]))))
            for number, colour in colours.items()
        }


def pair_anchors(one: Sight, other: Sight) -> Pairs:
    """Return which anchor of the second graph is which of the first, as far as structure tells."""
    pairs = Pairs()
    _pair_by_colour(pairs, one, other)
    _pair_in_order(pairs, one, other)
    _pair_by_place(pairs, one, other)
    return pairs


def count_alike(one: Sight, other: Sight, pairs: Pairs) -> int:
    """Return how many anchors have a counterpart of their own label."""
    ours, theirs = one.graph.nodes, other.graph.nodes
    return sum(label(ours[each]) == label(theirs[pairs.of[each]]) for each in one.anchors if each in pairs.of)


def _pair_by_colour(pairs: Pairs, one: Sight, other: Sight) -> None:
    """Pair by colours, from far to near. The kernels' values only tell those apart that see the same.

    Before a fault and behind it, layers see the same on one side alone; of two there that are alike, as where one is
    done twice, the one with the same values comes first.
    """
    digests, their_digests = _digests(one), _digests(other)
    for radius in (None, *RADII):
        (before, behind), (their_before, their_behind) = one.colours(radius), other.colours(radius)
        both, their_both = _together(before, behind), _together(their_before, their_behind)
        _pair_unique(pairs, both, their_both)
        ways = ((both, their_both), (before, their_before), (behind, their_behind))
        for ours, theirs in ways:
            _pair_unique(pairs, _together(ours, digests), _together(theirs, their_digests))
        for ours, theirs in ways:
            _pair_unique(pairs, ours, theirs)
        if len(pairs.of) == len(one.anchors):
            return
    _pair_unique(pairs, digests, their_digests)


def _together(first: Mapping[int, Hashable], second: Mapping[int, Hashable]) -> dict[int, Hashable]:
    """Return two keys as one, of the anchors that have both."""
    return {number: (first[number], second[number]) for number in first if number in second}


def _pair_unique(pairs: Pairs, ours: Mapping[int, Hashable], theirs: Mapping[int, Hashable]) -> None:
    """Pair the anchors whose key no other one of its own graph has, of those that are not paired yet."""
    by_key, by_their_key = _by_key(ours, pairs.of), _by_key(theirs, set(pairs.of.values()))
    for key, numbers in by_key.items():
        if len(numbers) == 1 == len(by_their_key.get(key, ())):
            pairs.add(numbers[0], by_their_key[key][0])


def _by_key(keys: Mapping[int, Hashable], without: Container[int]) -> dict[Hashable, list[int]]:
    numbers: dict[Hashable, list[int]] = defaultdict(list)
    for number, key in keys.items():
        if number not in without:
            numbers[key].append(number)
    return numbers


def _digests(sight: Sight) -> dict[int, int]:
    """Return a number of the values of each anchor's kernel, however they lie; of unknown values none."""
    digests = {}
    for number in sight.anchors:
        weights = sight.graph.nodes[number].arrays[WEIGHTS]
        if not np.isnan(weights.flat[0]):
            digests[number] = hash(np.sort(weights.astype(np.float32), axis=None).tobytes())
    return digests


def _pair_in_order(pairs: Pairs, one: Sight, other: Sight) -> None:
    """Pair what is left in the order in which it is computed: the longest sequence of labels that both have."""
    taken = set(pairs.of.values())
    ours = [number for number in one.anchors if number not in pairs.of]
    theirs = [number for number in other.anchors if number not in taken]
    first = [label(one.graph.nodes[number]) for number in ours]
    second = [label(other.graph.nodes[number]) for number in theirs]
    lengths = np.zeros((len(first) + 1, len(second) + 1), np.int64)
    for i in reversed(range(len(first))):
        for j in reversed(range(len(second))):
            same = lengths[i + 1, j + 1] + 1 if first[i] == second[j] else 0
            lengths[i, j] = max(same, lengths[i + 1, j], lengths[i, j + 1])
    i = j = 0
    while i < len(first) and j < len(second):
        if first[i] == second[j] and lengths[i, j] == lengths[i + 1, j + 1] + 1:
            pairs.add(ours[i], theirs[j], is_sure=False)
            i, j = i + 1, j + 1
        elif lengths[i + 1, j] >= lengths[i, j + 1]:
            i += 1
        else:
            j += 1


def _pair_by_place(pairs: Pairs, one: Sight, other: Sight) -> None:
    """Pair what has another shape, and stands alone between the same anchors."""
    known = pairs.of | {one.graph.input.number: other.graph.input.number}
    taken = set(pairs.of.values())
    for number in one.anchors:
        if number in pairs.of:
            continue
        before = {known.get(anchor) for anchor, _ in one.before[number]}
        behind = {known.get(anchor) for anchor, _ in one.behind[number]}
        found = [
            each
            for each in other.anchors
            if each not in taken
            and (
                {anchor for anchor, _ in other.before[each]} == before
                or (behind and {anchor for anchor, _ in other.behind[each]} == behind)
            )
        ]
        if len(found) == 1:
            pairs.add(number, found[0], is_sure=False)
            taken.add(found[0])
            known[number] = found[0]
