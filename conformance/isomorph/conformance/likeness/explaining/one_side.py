"""What one graph alone has: layers that are missing, and layers too many."""

from collections.abc import Mapping
from math import prod

from isomorph.backends.graphs.graph import Graph, Node
from isomorph.conformance.likeness.anchors import ANCHORS, Sight
from isomorph.conformance.likeness.causes import wiring
from isomorph.conformance.likeness.comparison import Difference
from isomorph.conformance.likeness.explaining.explanation import Explanation
from isomorph.conformance.likeness.finding import Finding
from isomorph.spec.operations import Cast, Dropout, Input, Pad, Pointwise, Resize


def trails(explanation: Explanation, difference: Difference) -> tuple[list[wiring.Trail], list[wiring.Trail]]:
    """Return the ways back from a node and its counterpart to those that are known in both."""
    comparison = explanation.comparison
    ours, back = {number: number for number in comparison.pairs.of}, comparison.pairs.back
    mine = [wiring.trail(comparison.one, read, ours) for read in difference.node.reads]
    return mine, [wiring.trail(comparison.other, read, back) for read in difference.partner.reads]


def say_missing(explanation: Explanation, nodes: list[Node]) -> None:
    """Name the units, the layers and the operations that the first graph alone has."""
    comparison = explanation.comparison
    units = wiring.whole_units(comparison.one, nodes)
    inside = {node.number for unit in units.values() for node in unit}
    for name, unit in units.items():
        explanation.findings.append((unit[0].number, Finding("missing unit", name, "is missing")))
    for layer in wiring.by_branch([each for each in nodes if each.number not in inside]):
        if _repeated_instead(layer, comparison.first, comparison.other, comparison.pairs.of):
            cause, says = "nearest for bilinear", "repeats the nearest cells, where a bilinear resize is expected"
        else:
            cause, says = wiring.missing(layer)
        explanation.findings.append((layer[-1].number, Finding(cause, wiring.place_of(layer), says)))


def say_extra(explanation: Explanation, extra: list[Node], way: wiring.Trail, reader: Node | None) -> None:
    """Name a layer that the second graph alone has, at the place where people would look for it.

    reader: what reads it, of the first graph; None where it is the last.
    """
    comparison = explanation.comparison
    source = comparison.one.nodes[way.sources[0]] if way.sources else None
    of_reader = len(extra) == 1 and isinstance(extra[0].operation, Dropout | Cast | Pad)
    linear = isinstance(extra[0].operation, Pointwise) and extra[0].operation.function == "linear"
    linear = linear and len(comparison.second.readers[extra[0].number]) == 1
    before = source is None or source.kind is Input or of_reader or linear
    place = (reader if before else source) or source or comparison.one.input
    if _repeated_instead(extra, comparison.second, comparison.one, comparison.pairs.back):
        words = "bilinear for nearest", "resizes bilinearly, where the nearest cells are expected"
    else:
        words = wiring.extra(extra, None if place is reader else source)
    explanation.say(place, *words, theirs=extra[-1])


def _repeated_instead(layer: list[Node], here: Sight, there: Graph, counterparts: Mapping[int, int]) -> bool:
    """Return whether a layer is a resize, in whose place the other graph repeats cells, which is no operation.

    here, there: its own graph and the other one. counterparts: number here -> number there.
    """
    if len(layer) != 1 or layer[0].kind is not Resize:
        return False
    source = counterparts.get(layer[0].reads[0].source)
    readers = (counterparts.get(number, -1) for number, _ in here.readers[layer[0].number])
    return any(_repeats(there, number, source) for number in readers)


def _repeats(graph: Graph, reader: int, source: int | None) -> bool:
    """Return whether a node reads more cells of a map than it has."""
    reads = graph.nodes[reader].reads if reader in graph.nodes else ()
    return any(read.source == source and len(read.shape) == 4 and prod(read.shape) > read.layout.size for read in reads)


def changes(explanation: Explanation, node: Node) -> bool:
    """Return whether a node without a counterpart changes what flows."""
    values = explanation.comparison.values
    return not any(
        read.layout.is_whole and wiring.is_same(values[read.source], values[node.number]) for read in node.reads
    )


def explain_rest(explanation: Explanation) -> None:
    """Name what has no counterpart and no finding yet."""
    one, other = explanation.comparison.one, explanation.comparison.other
    missing = [one.nodes[number] for number in explanation.comparison.unpaired if number not in explanation.missing]
    say_missing(explanation, [each for each in missing if _is_missed(explanation, each)])
    back = explanation.comparison.pairs.back
    extra = [
        node
        for number, node in other.nodes.items()
        if number not in back and number not in explanation.extra and not _is_same_as_read(other, node)
    ]
    extra = [node for node in extra if _is_added(explanation, node)]
    for layer in wiring.by_branch(extra):
        first = next((node.reads[0] for node in layer if node.reads), None)
        way = wiring.trail(other, first, back) if first else wiring.Trail()
        last = {layer[-1].number, layer[0].number}
        readers = [
            back[reader]
            for number in last
            for reader, _ in explanation.comparison.second.readers[number]
            if reader in back
        ]
        say_extra(explanation, layer, way, one.nodes[readers[0]] if readers else None)


def _is_missed(explanation: Explanation, node: Node) -> bool:
    """Return whether a node without a counterpart changes what others read.

    Nothing is missed behind the end of a model that could not be run to its own.
    """
    if explanation.comparison.other.ends_before and not explanation.comparison.leads_to_pairs(node):
        return False
    if node.kind in ANCHORS:
        return True
    readers = explanation.comparison.first.readers[node.number]
    read_otherwise = bool(readers) and all(reader in explanation.comparison.pairs.of for reader, _ in readers)
    return changes(explanation, node) and not read_otherwise


def _is_added(explanation: Explanation, node: Node) -> bool:
    """Return whether a node of the second graph alone changes what is read: not where all that it leads to agrees.

    What it is part of is then the same function in other operations: a pool that is written as means, for one.
    """
    comparison = explanation.comparison
    back = comparison.pairs.back
    differing = {difference.partner.number for difference in comparison.differences}
    outputs = {read.source for read in comparison.other.outputs.values()}
    ways, seen = [node.number], {node.number}
    while ways:
        number = ways.pop()
        if number in back:
            if number in differing:
                return True
            continue
        readers = {reader for reader, _ in comparison.second.readers[number]}
        if number in outputs or not readers:
            return True
        ways += readers - seen
        seen |= readers
    return False


def _is_same_as_read(graph: Graph, node: Node) -> bool:
    """Return whether a node gives what it reads."""
    return node.value is not None and any(wiring.is_same(graph.take(read), node.value) for read in node.reads)
