"""What a node reads that its counterpart does not: operations left out or added on the way, or another source."""

import re
from dataclasses import dataclass, field
from itertools import chain, combinations, takewhile

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Node, Read
from isomorph.backends.graphs.layout import Layout
from isomorph.conformance.likeness.anchors import ANCHORS
from isomorph.conformance.likeness.causes.words import short, word
from isomorph.conformance.likeness.noise import close, distance
from isomorph.spec.operations import Convolution, Input, Pair, Pointwise
from isomorph.spec.tensors import WEIGHTS


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


def is_same(first: Array, second: Array) -> bool:
    """Return whether two values are one, whatever their axes."""
    return first.size == second.size and distance(first.reshape(-1), second.reshape(-1)) <= close(second.dtype)


def reordered(x: Array, theirs: Array) -> str | None:
    """Return how a value is another one's elements in another order; None where it has others.

    >>> reordered(np.array([[[1.0, 2.0, 3.0]]]), np.array([[3.0, 2.0, 1.0]]))
    'with its last axis reversed'
    """
    if x.size != theirs.size or distance(np.sort(theirs, axis=None), np.sort(x, axis=None)) > close(x.dtype):
        return None
    lengths = [[length for length in each.shape if length > 1] for each in (x, theirs)]
    if lengths[0] == lengths[1]:
        theirs = theirs.reshape(x.shape)
    if x.ndim == 4 and x.swapaxes(1, 2).shape == theirs.shape and is_same(x.swapaxes(1, 2), theirs):
        return "with rows and columns exchanged"
    if x.shape == theirs.shape:
        if is_same(x[..., ::-1], theirs):
            return "with its last axis reversed"
        if x.ndim > 1 and x.shape[-1] == x.shape[-2] and is_same(x.swapaxes(-1, -2), theirs):
            return "with its last two axes exchanged"
        for axis in range(1, x.ndim):
            if is_same(np.flip(x, axis), theirs):
                return f"with its axis {axis} reversed"
    for first, second in combinations(range(1, x.ndim), 2):
        turned = x.swapaxes(first, second)
        if turned.shape == theirs.shape and is_same(turned, theirs):
            return f"with its axes {first} and {second} exchanged"
    return "in another order"


def by_layer(nodes: list[Node]) -> list[list[Node]]:
    """Return nodes in groups: a convolution or a dense layer, and all around it that has its name.

    What belongs to no such layer is a group of its own.
    """
    layers: dict[str, list[Node]] = {}
    alone = []
    anchored = {node.name for node in nodes if node.kind in ANCHORS}
    for node in nodes:
        if node.name in anchored:
            layers.setdefault(node.name, []).append(node)
        else:
            alone.append([node])
    return [*layers.values(), *alone]


def by_branch(nodes: list[Node]) -> list[list[Node]]:
    """Return nodes in groups: where several layers hang together all of them, and else each as `by_layer` does."""
    groups = by_layer(nodes)
    place = {node.number: place for place, group in enumerate(groups) for node in group}
    joined = list(range(len(groups)))
    for node in nodes:
        for read in node.reads:
            if read.source in place:
                first, second = joined[place[node.number]], joined[place[read.source]]
                joined = [first if each == second else each for each in joined]
    branches: list[list[Node]] = []
    for branch in dict.fromkeys(joined):
        within = [group for group, each in zip(groups, joined, strict=True) if each == branch]
        anchors = sum(node.kind in ANCHORS for group in within for node in group)
        branches += [list(chain(*within))] if anchors > 1 else within
    return branches


def whole_units(graph: Graph, nodes: list[Node]) -> dict[str, list[Node]]:
    """Return the units, of several layers each, of which all layers are among the nodes: scope -> its nodes."""
    units: dict[str, list[Node]] = {}
    for node in nodes:
        unit = node.name.rpartition("/")[0] or node.name
        if unit not in units:
            inside = [each for each in graph.nodes.values() if f"{each.name}/".startswith(f"{unit}/")]
            anchors = [each for each in inside if each.kind in ANCHORS]
            if len(anchors) > 1 and all(each in nodes for each in anchors):
                units[unit] = [each for each in nodes if each in inside]
    # the widest of units that lie in one another
    return {unit: inside for unit, inside in units.items() if not any(unit.startswith(f"{each}/") for each in units)}


def place_of(layer: list[Node]) -> str:
    """Return where nodes stand that are named together: the module around all of them, or their first layer."""
    modules = [re.split(r"(?=[./])", node.name) for node in layer]
    around = [names[0] for names in takewhile(lambda names: len(set(names)) == 1, zip(*modules, strict=False))]
    anchor = next((node for node in sorted(layer, key=lambda node: node.number) if node.kind in ANCHORS), layer[-1])
    return "".join(around) or anchor.name


def missing(layer: list[Node]) -> tuple[str, str]:
    """Return the cause and the sentence of a layer, or of a branch of layers, that is left out."""
    words = listed(layer)
    if sum(node.kind in ANCHORS for node in layer) > 1:
        return "missing branch", f"is missing with all of its branch: {words}"
    if len(layer) > 1:
        return "missing layer", f"is missing: {words}"
    if _is_factor(layer[0]):
        return "missing factor", f"does not have {word(layer[0].operation)}"
    return f"missing {words}", f"has no {words}"


def _is_factor(node: Node) -> bool:
    """Return whether a node only multiplies, by one number."""
    operation = node.operation
    return isinstance(operation, Pointwise) and operation.function == "linear" and not operation.constants[1]


def extra(layer: list[Node], before: Node | None) -> tuple[str, str]:
    """Return the cause and the sentence of a layer that is added, behind another or else in front of one."""
    where = f"behind its {short(before.operation)}" if before else "in front of it"
    words = listed(layer)
    if sum(node.kind in ANCHORS for node in layer) > 1:
        return "extra branch", f"has a branch too many {where}: {words}"
    if len(layer) > 1:
        return "extra layer", f"has {_a(words)} too many {where}"
    if _is_factor(layer[0]):
        return "extra factor", f"has {word(layer[0].operation)} too many {where}"
    return f"extra {words}", f"has {_a(words)} too many {where}"


def listed(nodes: list[Node]) -> str:
    """Return the kinds of some nodes in a sentence: "convolution, batch norm and ReLU"."""
    words = list(dict.fromkeys(short(node.operation) for node in sorted(nodes, key=lambda node: node.number)))
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def detailed(nodes: list[Node]) -> str:
    """Return the nodes of a trail one by one: "3x3 convolution in 8 groups and 1x1 convolution"."""
    words = [_detailed(node) for node in reversed(nodes)]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _detailed(node: Node) -> str:
    if not isinstance(node.operation, Convolution):
        return short(node.operation)
    rows, columns = node.arrays[WEIGHTS].shape[:2]
    groups = f" in {node.operation.groups} groups" if node.operation.groups > 1 else ""
    return f"{rows}x{columns} convolution{groups}"


def _a(words: str) -> str:
    return f"{'an' if words[0] in 'aeiouE' else 'a'} {words}"


def begin(shape: tuple[int, ...], layout: Layout) -> Pair | None:
    """Return the first row and column of a map that is read; None of what is no map.

    shape: of the value that is read.
    """
    if subsampling(shape, layout) is None:
        return None
    row, column = divmod(layout.offset // shape[3] % (shape[1] * shape[2]), shape[2])
    return row, column


def subsampling(shape: tuple[int, ...], layout: Layout) -> Pair | None:
    """Return how many rows and columns further each cell of a map is that is read; None where it is
    no map, or is turned.

    shape: of the value that is read.
    """
    if layout.index is not None or len(layout.shape) != 4 or len(shape) != 4:
        return None
    rows, columns = layout.strides[1] / (shape[2] * shape[3]), layout.strides[2] / shape[3]
    return (int(rows), int(columns)) if rows == int(rows) > 0 and columns == int(columns) > 0 else None
