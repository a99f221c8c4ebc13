"""Functions of each value that are written as several operations, named by what they give.

GELU is five operations in one framework and one in another. Operations on each element alone that all begin in one
value are one function of it, and the values that it gave say which.
"""

from itertools import chain

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Node, Read
from isomorph.backends.graphs.layout import Layout
from isomorph.backends.oracle.evaluation import apply
from isomorph.conformance.likeness.noise import ROUNDING
from isomorph.spec.operations import Pointwise, Product, Quotient, Sum

KNOWN = (
    Pointwise("identity"),
    Pointwise("clip", (0.0, np.inf)),
    Pointwise("clip", (0.0, 6.0)),
    Pointwise("sigmoid"),
    Pointwise("silu"),
    Pointwise("silu", (1.702,)),
    Pointwise("tanh"),
    Pointwise("gelu"),
    Pointwise("gelu_tanh"),
    Pointwise("hard_sigmoid", (1 / 6, 0.5)),
    Pointwise("hard_sigmoid", (0.2, 0.5)),
    Pointwise("hard_swish", (1 / 6, 0.5)),
    Pointwise("hard_swish", (0.2, 0.5)),
    Pointwise("softplus"),
    Pointwise("mish"),
    Pointwise("elu", (1.0,)),
)
"""Functions that people write out."""

ROUNDED = ("gelu", "gelu_tanh", "hard_sigmoid", "hard_swish")
"""Those with constants that some frameworks write in float32, whatever they compute in."""

SAMPLES = 4000
"""How many values a function is told from."""


def name_functions(graph: Graph) -> None:
    """Write operations on each element that begin in one value as one function of it, if it is a known one."""
    begins: dict[int, Read] = {}
    for node in graph.nodes.values():
        if isinstance(node.operation, Pointwise | Sum | Product | Quotient) and node.value is not None:
            sources = [_begin(graph, read, begins) for read in node.reads]
            if all(_same(each, sources[0]) for each in sources) and sources[0].layout.size == node.value.size:
                begins[node.number] = sources[0]
    readers = graph.readers
    outputs = {read.source for read in graph.outputs.values()}
    for number, begin in begins.items():
        goes_on = [reader in begins and _same(begins[reader], begin) for reader, _ in readers[number]]
        if number in outputs or not goes_on or not all(goes_on):
            _name(graph, graph.nodes[number], begin)


def _name(graph: Graph, node: Node, begin: Read) -> None:
    """Write a node as a function of the value where it begins, or of the last one before it that all goes through."""
    assert node.value is not None
    if isinstance(node.operation, Pointwise) and _same(node.reads[0], begin):
        return
    function = _function(graph.take(begin), node.value)
    if function is not None:
        node.operation, node.reads = function, (begin,)
        return
    inside = sorted(_inside(graph, node, begin))
    passed = [place for place in range(len(inside)) if _goes_through(graph, node, inside, place)]
    known = (place for place in passed if _tail(graph, node, inside[place]) is not None)
    place = next(known, passed[-1] if passed else None)
    if place is None:
        return
    before = graph.nodes[inside[place]]
    tail = _tail(graph, node, before.number)
    assert before.value is not None
    _name(graph, before, begin)
    read = Read(before.number, Layout.whole(before.value.shape))
    if tail is not None:
        node.operation, node.reads = tail, (read,)
    else:
        _name(graph, node, read)


def _goes_through(graph: Graph, node: Node, inside: list[int], place: int) -> bool:
    """Return whether all that a node is computed of goes through one of the nodes before it."""
    behind = [graph.nodes[number] for number in (*inside[place + 1 :], node.number)]
    return all(read.source >= inside[place] for each in behind for read in each.reads)


def _tail(graph: Graph, node: Node, before: int) -> Pointwise | None:
    """Return the known function that a node is of one before it; None of another one, and of a single operation."""
    value = graph.nodes[before].value
    if isinstance(node.operation, Pointwise) and node.reads[0].source == before:
        return None
    return None if value is None or node.value is None else _function(value, node.value)


def _inside(graph: Graph, node: Node, begin: Read) -> set[int]:
    """Return the numbers of the nodes between a node and the value in which it begins."""
    inside: set[int] = set()
    waiting = list(node.reads)
    while waiting:
        read = waiting.pop()
        if read.source != begin.source and read.source not in inside:
            inside.add(read.source)
            waiting += graph.nodes[read.source].reads
    return inside


def _begin(graph: Graph, read: Read, begins: dict[int, Read]) -> Read:
    """Return the value of which what is read is a function, or else what is read."""
    value = graph.nodes[read.source].value
    lies = value is not None and read.layout.is_whole and value.shape == read.shape
    return begins[read.source] if lies and read.source in begins else read


def _same(first: Read, second: Read) -> bool:
    """Return whether two read the same elements in the same order."""
    if first.source != second.source or first.shape != second.shape:
        return False
    if first.layout.index is None and second.layout.index is None:
        return first.layout.strides == second.layout.strides and first.layout.offset == second.layout.offset
    return np.array_equal(first.layout.numbers(), second.layout.numbers())


def _powers(x: Array, y: Array) -> list[Pointwise]:
    """Return the power that positive samples may be: a root that is inverted, for one."""
    if not x.size or min(x.min(), y.min()) <= 0:
        return []
    at = int(np.abs(np.log(x)).argmax())
    if x[at] == 1:
        return []
    return [Pointwise("power", (round(float(np.log(y[at]) / np.log(x[at])), 6),))]


def _function(x: Array, y: Array) -> Pointwise | None:
    """Return the known function of which these are samples; None of another one."""
    x, y = x.reshape(-1), y.reshape(-1)
    if x.size > SAMPLES:
        at = np.linspace(0, x.size - 1, SAMPLES).astype(np.int64)
        x, y = x[at], y[at]
    largest = max(1.0, float(np.abs(y).max(initial=0)))
    tolerance = 16 * np.finfo(y.dtype).eps * largest  # one rounding of each of a handful of operations
    negative = x < 0
    slopes = y[negative] / x[negative] if negative.any() else np.array([])
    candidates = [*KNOWN, *_powers(x, y)]
    if slopes.size:
        slope = float(np.median(slopes))
        candidates += [Pointwise("leaky_relu", (slope,)), Pointwise("linear", (slope, 0.0))]
    apart = [(float(np.abs(apply(each, x) - y).max(initial=0)), each) for each in candidates]
    exact = (each for error, each in apart if error <= tolerance)
    rounded = (each for error, each in apart if each.function in ROUNDED and error <= ROUNDING * largest)
    return next(chain(exact, rounded), None)
