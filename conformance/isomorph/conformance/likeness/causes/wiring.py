"""What a node reads that its counterpart does not: operations left out or added on the way, or another source."""

from dataclasses import dataclass, field

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Node, Read
from isomorph.conformance.likeness.causes.words import short
from isomorph.conformance.likeness.noise import distance
from isomorph.spec.operations import Input, Pair, Product, Sum

SAME = 1e-9
"""How far two values may be apart and still be told as one: they are copies, or what one operation gave of copies."""


@dataclass
class Trail:
    """What lies between a node and those before it that have counterparts.

    nodes: without a counterpart, the last first.
    sources: with one, the numbers of the first graph.
    """

    nodes: list[Node] = field(default_factory=list)
    sources: list[int] = field(default_factory=list)


def trail(graph: Graph, read: Read, known: dict[int, int]) -> Trail:
    """Follow what is read back to nodes that have counterparts.

    known: number of a node of this graph -> number in the first graph.
    """
    found = Trail()
    waiting = [read.source]
    while waiting:
        number = waiting.pop(0)
        node = graph.nodes[number]
        if number in known or node.kind is Input:
            source = known.get(number, number)
            if source not in found.sources:
                found.sources.append(source)
        elif node not in found.nodes:
            found.nodes.append(node)
            waiting += [each.source for each in node.reads]
    return found


def aligned(node: Node, inputs: list[Array], theirs: list[Array]) -> list[Array] | None:
    """Return the counterpart's inputs with the axes and in the order of the node's; None where they do not fit."""
    if len(inputs) != len(theirs):
        return None
    remaining = list(theirs)
    if isinstance(node.operation, Sum | Product):
        ordered = []
        for x in inputs:
            place = next((place for place, each in enumerate(remaining) if is_same(x, each)), None)
            ordered.append(None if place is None else remaining.pop(place))
        theirs = [remaining.pop(0) if each is None else each for each in ordered]
    fitting = [their.reshape(x.shape) for x, their in zip(inputs, theirs, strict=True) if x.size == their.size]
    return fitting if len(fitting) == len(inputs) else None


def is_same(first: Array, second: Array) -> bool:
    """Return whether two values are one, whatever their axes."""
    return first.size == second.size and distance(first.reshape(-1), second.reshape(-1)) <= SAME


def reordered(x: Array, theirs: Array) -> str | None:
    """Return how a value is another one's elements in another order; None where it has others.

    >>> reordered(np.array([[1.0, 2.0, 3.0]]), np.array([[3.0, 2.0, 1.0]]))
    'with its last axis reversed'
    """
    if x.size != theirs.size or distance(np.sort(theirs, axis=None), np.sort(x, axis=None)) > SAME:
        return None
    if x.shape == theirs.shape:
        if is_same(x[..., ::-1], theirs):
            return "with its last axis reversed"
        if x.ndim == 4 and is_same(x.swapaxes(1, 2).reshape(x.shape), theirs):
            return "with rows and columns exchanged"
        for axis in range(1, x.ndim):
            if is_same(np.flip(x, axis), theirs):
                return f"with its axis {axis} reversed"
    return "in another order"


def missing(node: Node) -> tuple[str, str]:
    """Return the cause and the sentence of an operation that is left out."""
    return f"missing {short(node.operation)}", f"has no {short(node.operation)}"


def extra(node: Node, before: Node | None) -> tuple[str, str]:
    """Return the cause and the sentence of an operation that is added, behind another or else in front of a layer."""
    where = f"behind its {short(before.operation)}" if before else "in front of it"
    return f"extra {short(node.operation)}", f"has {_more(node)} too many {where}"


def _more(node: Node) -> str:
    words = short(node.operation)
    return f"{'an' if words[0] in 'aeiouE' else 'a'} {words}"


def subsampling(graph: Graph, read: Read) -> Pair | None:
    """Return the rows and columns from one cell of a map that is read to the next; None of what is no map."""
    value = graph.nodes[read.source].value
    layout = read.layout
    if layout.index is not None or len(layout.shape) != 4 or value is None or value.ndim != 4:
        return None
    _, _, width, depth = value.shape
    rows, columns = layout.strides[1] / (width * depth), layout.strides[2] / depth
    return (int(rows), int(columns)) if rows == int(rows) and columns == int(columns) else None
