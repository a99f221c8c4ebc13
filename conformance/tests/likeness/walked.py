"""Two sketches, one walked through on the other's values: nodes of the same name are counterparts."""

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Node
from isomorph.conformance.likeness.anchors import Pairs
from isomorph.conformance.likeness.comparison import Comparison
from isomorph.conformance.likeness.operands import Operand, aligned
from isomorph.spec.operations import Dense

from .sketched import Sketch

SHAPE, DEPTH = (2, 3, 4, 6), 6


def tokens(x: Array) -> Array:
    """Return the cells of a map column by column."""
    return x.swapaxes(1, 2).reshape(len(x), -1, x.shape[-1])


def walked(one: Graph, other: Graph, **names: str) -> Comparison:
    """Compare two graphs in which nodes of the same name are counterparts.

    names: of a node of the first graph -> of its counterpart, where that has another one; "" where it has none.
    """
    theirs = {node.name: number for number, node in other.nodes.items()}
    of = {number: theirs.get(names.get(node.name, node.name)) for number, node in one.nodes.items()}
    comparison = Comparison(one, other, Pairs({number: each for number, each in of.items() if each is not None}))
    comparison.run()
    return comparison


def named(graph: Graph, name: str) -> Node:
    return next(node for node in graph.nodes.values() if node.name == name)


def operands(comparison: Comparison, name: str) -> list[Operand]:
    """Return what the counterpart of a node reads."""
    node = named(comparison.one, name)
    partner = comparison.other.nodes[comparison.pairs.of[node.number]]
    found = aligned(comparison, node, partner, comparison.inputs(node, partner))
    assert found is not None
    return found


def value(graph: Graph, name: str) -> Array:
    found = named(graph, name).value
    assert found is not None
    return found


def dense(net: Sketch, key: str, named: str, outputs: int = DEPTH) -> str:
    return net.add(Dense(), key, named=named, weights=net.drawn(DEPTH, outputs))
