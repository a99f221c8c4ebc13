"""What a node's counterpart reads, arranged as the node itself would read it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Node, Read
from isomorph.backends.graphs.layout import Layout
from isomorph.conformance.likeness.arranging import have_the_same_elements
from isomorph.spec.operations import Dense, LayerNorm, MatrixProduct, Pointwise, Product, Sum

if TYPE_CHECKING:
    from isomorph.conformance.likeness.comparison import Comparison


BY_ROW = (Dense, LayerNorm, Pointwise)
"""Operations on each row of features by itself."""


@dataclass(frozen=True, eq=False)
class Operand:
    """What a node's counterpart reads, as the node itself would read it.

    value: with the axes that the node reads.
    read: of the first graph, where another node there gives it.
    place, layout: else, its place among what the counterpart reads, and how it is read of that.
    """

    value: Array
    read: Read | None
    place: int
    layout: Layout


def aligned(comparison: "Comparison", node: Node, partner: Node, inputs: list[Array]) -> list[Operand] | None:
    """Return the counterpart's operands as a node reads its own; None where it has another number of them.

    inputs: what the node reads, of the second one's values.
    """
    if len(inputs) != len(partner.reads):
        return None
    theirs = [comparison.other.take(read) for read in partner.reads]
    places = list(range(len(theirs)))
    if isinstance(node.operation, Sum | Product):
        remaining = list(places)
        first = []
        for x in inputs:
            place = next((place for place in remaining if _are_one(x, theirs[place])), None)
            first.append(place)
            if place is not None:
                remaining.remove(place)
        places = [remaining.pop(0) if place is None else place for place in first]
    return [
        _operand(comparison, node, own, partner.reads[place], place, x, theirs[place])
        for own, place, x in zip(node.reads, places, inputs, strict=True)
    ]


def taken(read: Read, value: Array) -> Array:
    """Return what is read of a value, which may have other rows and columns than the graph was planned for."""
    value = np.ascontiguousarray(value)
    if read.layout.size == value.size:
        return read.layout.take(value)
    if len(read.shape) == 3 and value.ndim == 4:
        return value.reshape(len(value), -1, value.shape[-1])
    return value


def their_read(comparison: "Comparison", read: Read, partner: Node | None, place: int) -> Read | None:
    """Return what a node's counterpart reads of the same value, with the node's axes as far as they are known.

    None where it reads none of it. Values lie as those of the same axes did before.
    """
    if partner is None:
        return None
    source = comparison.pairs.of.get(read.source)
    reads = sorted(enumerate(partner.reads), key=lambda pair: pair[0] != place)  # sums have their operands in any order
    their = next((each for _, each in reads if each.source == source), None)
    if their is None:
        return None
    known = comparison.arranger.known_of(read.shape, their.shape)
    return their if known is None or partner.kind is MatrixProduct else their.then(known)


def common_rows(x: Array, theirs: Array) -> Array:
    """Return the number of the row of features in another value that each row of `x` is; -1 where it is none.

    >>> common_rows(np.array([[[1.0, 2.0]], [[3.0, 4.0]]]), np.array([[3.0, 4.0], [5.0, 6.0]]))
    array([-1,  0])
    """
    ours, other = (np.ascontiguousarray(y).reshape(-1, y.shape[-1]) for y in (x, theirs))
    places: dict[bytes, list[int]] = defaultdict(list)
    for place, row in enumerate(other):
        places[row.tobytes()].append(place)
    found = (places.get(row.tobytes(), [-1]) for row in ours)
    return np.array([each.pop(0) if len(each) > 1 else each[0] for each in found])  # the same rows in their order


def rows_of(rows: Array, value: Array) -> Layout:
    """Return the layout of some rows of features of a value.

    >>> rows_of(np.array([1]), np.zeros((2, 3))).numbers()
    array([[3, 4, 5]])
    """
    features = value.shape[-1]
    return Layout.of(rows[:, None] * features + np.arange(features), value.size)


def as_they_lie(graph: Graph, node: Node) -> list[Operand]:
    """Return the operands of a node of the second graph with its own axes."""
    values = [graph.take(read) for read in node.reads]
    return [Operand(x, None, place, Layout.whole(x.shape)) for place, x in enumerate(values)]


def _operand(
    comparison: "Comparison", node: Node, own: Read, read: Read, place: int, x: Array, their: Array
) -> Operand:
    """Return what the counterpart reads at a place as the node reads its own operand, which is `x`."""
    values = comparison.values
    source = comparison.pairs.back.get(read.source)
    is_other = source is not None and source != own.source and source in values
    if is_other and source is not None:
        for instead in _in_place_of(comparison, own, source):
            value = taken(instead, values[source])
            if _are_one(value, their):
                return Operand(value, instead, place, Layout.whole(their.shape))
    if (
        node.kind in BY_ROW
        and x.size < their.size
        and x.shape[-1] == their.shape[-1]
        and (rows := common_rows(x, their)).min() >= 0
    ):
        chosen = rows_of(rows, their).moved(lambda y: y.reshape(x.shape))
        return Operand(x, None, place, chosen)
    like = x if _are_one(x, their) else _carried(comparison, own, read, their)
    layout = comparison.arranger.layout(x if like is None or not _are_one(like, their) else like, their)
    layout = layout or Layout.whole(their.shape)
    return Operand(layout.take(np.ascontiguousarray(their)), None, place, layout)


def _in_place_of(comparison: "Comparison", own: Read, source: int) -> Iterator[Read]:
    """Yield how a node may read another value of the first graph in the place of its own operand.

    It has the same axes, or is read with these: a norm leaves them as they are.
    """
    nodes, values, shape = comparison.one.nodes, comparison.values, comparison.values[own.source].shape
    if values[source].shape == shape:
        yield Read(source, own.layout)
    readers = (nodes[number] for number, _ in comparison.first.readers[source])
    for read in chain(*(reader.reads for reader in readers)):
        fits = read.layout.size == values[source].size and own.layout.size == prod(read.shape)
        if read.source == source and read.shape == shape and fits:
            yield read.then(own.layout)
    for read in nodes[source].reads:
        layout = read.layout
        if read.source == own.source and layout.reads_all_once and read.shape == values[source].shape:
            back = Layout.of(np.argsort(layout.numbers(), axis=None).reshape(shape), layout.size)
            yield Read(source, back.then(own.layout))


def _carried(comparison: "Comparison", own: Read, read: Read, their: Array) -> Array | None:
    """Return what the counterpart reads with the axes of that in whose place a node reads it.

    In the second model the two lie alike, and how the one lies in the first is known.
    """
    nodes, layout = comparison.other.nodes, comparison.layouts.get(own.source)
    partner = nodes.get(comparison.pairs.of.get(own.source, -1))
    if layout is None or partner is None or partner.value is None:
        return None
    for value in (nodes[read.source].value, their):
        if value is not None and value.shape == partner.value.shape:
            return taken(own, layout.take(np.ascontiguousarray(value)))
    return None


def _are_one(first: Array, second: Array) -> bool:
    return first.size == second.size and have_the_same_elements(first, second)
