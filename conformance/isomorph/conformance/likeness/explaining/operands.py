"""What a node reads otherwise than its counterpart: operations on the way, another source, another order."""

from collections.abc import Iterator
from itertools import zip_longest

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Node
from isomorph.conformance.likeness.causes import wiring
from isomorph.conformance.likeness.causes.images import fit_images
from isomorph.conformance.likeness.causes.modes import rounding_of
from isomorph.conformance.likeness.causes.words import called, padding, short
from isomorph.conformance.likeness.comparison import Difference
from isomorph.conformance.likeness.explaining.explanation import Explanation
from isomorph.conformance.likeness.explaining.one_side import changes, say_extra, say_missing, trails
from isomorph.spec.operations import Affine, Pad, Pair, Pointwise, Product, Sum


def explain_reads(explanation: Explanation, difference: Difference, theirs: list[Array]) -> bool:
    """Name what lies between a node and its sources in one graph alone, and sources that differ.

    Return whether there is anything of it, though another node may have named it already.
    """
    node = difference.node
    if _explain_exchange(explanation, difference) or _explain_images(explanation, difference):
        return True
    mine, other = trails(explanation, difference)
    extra = [each for trail in other for each in trail.nodes]
    if _notes_padding(explanation, difference, extra):
        return True
    if _explain_precision(explanation, difference, theirs, extra):
        return True
    if any(trail.nodes for trail in mine + other):
        for way, their_way in _differing(explanation, difference, theirs, mine, other):
            _explain_ways(explanation, way, their_way, node)
        return True
    my_sources = {source for trail in mine for source in trail.sources}
    their_sources = {source for trail in other for source in trail.sources}
    if my_sources != their_sources:
        _explain_source(explanation, difference, my_sources - their_sources, their_sources - my_sources)
        return True
    return _explain_order(explanation, difference, mine, other) or _explain_layouts(explanation, difference, theirs)


def _explain_images(explanation: Explanation, difference: Difference) -> bool:
    """Name how the images are changed before the first layer, if nothing but factors and summands does."""
    graph, partner = explanation.comparison.other, difference.partner
    mine, other = trails(explanation, difference)
    missing, extra = ([each for trail in trails for each in trail.nodes] for trails in (mine, other))
    if len(partner.reads) != 1 or other[0].sources != [explanation.comparison.one.input.number]:
        return False
    if mine[0].sources != other[0].sources or not all(each.kind in (Affine, Pointwise) for each in missing + extra):
        return False
    x, expected = graph.take(partner.reads[0]), difference.inputs[0]
    if x.shape != graph.images.shape or expected.shape != x.shape:
        return False
    told, right = fit_images(graph.images, x), fit_images(graph.images, expected)
    if told is None or right is None or told == right:
        return False
    explanation.extra |= {each.number for each in extra}
    explanation.missing |= {each.number for each in missing}
    instead = "" if right.is_plain else f", expected {right}"
    explanation.say(missing[0] if missing else difference.node, "images", f"reads the images {told}{instead}", partner)
    return True


def _explain_precision(
    explanation: Explanation, difference: Difference, theirs: list[Array], extra: list[Node]
) -> bool:
    """Name operands that are rounded by operations that the model writes out."""
    if len(theirs) != 1 or not extra or difference.inputs[0].shape != theirs[0].shape:
        return False
    told = rounding_of(difference.inputs[0], theirs[0])
    if told is None:
        return False
    explanation.extra |= {each.number for each in extra}
    explanation.rounding.add(difference.node.number)
    explanation.say(difference.node, "precision", f"reads numbers that are rounded to {told}", difference.partner)
    return True


def _notes_padding(explanation: Explanation, difference: Difference, extra: list[Node]) -> bool:
    """Note padding in front of a window that is padded otherwise itself: the two are one mistake."""
    node, partner = difference.node, difference.partner
    pads = [each.operation for each in extra if isinstance(each.operation, Pad)]
    mine, theirs = (getattr(each.operation, "pads", None) for each in (node, partner))
    if len(pads) != 1 or len(extra) != 1 or node.kind is not partner.kind or mine == theirs:
        return False
    (pad,) = pads
    explanation.extra.add(extra[0].number)
    explanation.padded[node.number] = f" behind {padding(pad)}"
    return True


def _explain_exchange(explanation: Explanation, difference: Difference) -> bool:
    """Name two operations whose order is exchanged: a ReLU before its batch norm, for one."""
    node = difference.node
    mine, other = trails(explanation, difference)
    sources = [{source for trail in trails for source in trail.sources} for trails in (mine, other)]
    ours, theirs = sources[0] - sources[1], sources[1] - sources[0]
    if len(ours) != 1 or len(theirs) != 1:
        return False
    (before,), (instead,) = ours, theirs
    nodes = explanation.comparison.one.nodes
    if {before, instead} in explanation.exchanged or {node.number, before} in explanation.exchanged:
        return True
    if any(read.source == node.number for read in nodes[instead].reads):
        explanation.exchanged.append({node.number, instead})
        first, second = short(nodes[instead].operation), short(node.operation)
        cause = f"{first} before {second}"
        explanation.say(node, cause, f"has its {first} before its {second}", difference.partner)
        return True
    return False


def _explain_source(explanation: Explanation, difference: Difference, mine: set[int], theirs: set[int]) -> None:
    """Name what a node reads in another's place."""
    nodes = explanation.comparison.one.nodes
    if mine and theirs:
        says = f"reads the {called(nodes[min(theirs)])} instead of the {called(nodes[min(mine)])}"
    elif mine:
        says = f"does not read the {called(nodes[min(mine)])}"
    else:
        says = f"also reads the {called(nodes[min(theirs)])}"
    explanation.sources[difference.node.number] = mine, theirs
    explanation.say(difference.node, "reads another", says, difference.partner)


def _explain_order(
    explanation: Explanation, difference: Difference, mine: list[wiring.Trail], other: list[wiring.Trail]
) -> bool:
    """Name operands that are exchanged; return whether they are."""
    ours, theirs = ([way.sources for way in ways] for ways in (mine, other))
    if isinstance(difference.node.operation, Sum | Product) or ours == theirs or sorted(ours) != sorted(theirs):
        return False
    names = [called(explanation.comparison.one.nodes[sources[0]]) for sources in theirs]
    explanation.say(
        difference.node, "operands exchanged", f"reads the {' before the '.join(names)}", difference.partner
    )
    return True


def _explain_layouts(explanation: Explanation, difference: Difference, theirs: list[Array]) -> bool:
    """Name how elements of the same source are chosen otherwise; return whether they are."""
    node, partner, before = difference.node, difference.partner, len(explanation.findings)
    for read, their_read, x, their in zip(node.reads, partner.reads, difference.inputs, theirs, strict=False):
        value = explanation.comparison.other.nodes[their_read.source].value
        assert value is not None
        expected = wiring.subsampling(explanation.comparison.values[read.source].shape, read.layout)
        found = wiring.subsampling(value.shape, their_read.layout)
        begin = wiring.begin(value.shape, their_read.layout)
        if begin and begin != wiring.begin(explanation.comparison.values[read.source].shape, read.layout):
            says = f"reads its input from row {begin[0]} and column {begin[1]} on"
            explanation.say(node, "crop", says, partner, value=begin)
        elif expected and found and expected != found:
            says = f"takes every {_nth(found)} cell, expected every {_nth(expected)}"
            explanation.say(node, "stride", says, partner, value=found)
        elif (how := wiring.reordered(x, their)) and not wiring.is_same(x, their):
            explanation.say(node, "reads reordered", f"reads its input {how}", partner)
    return len(explanation.findings) > before


def _explain_ways(explanation: Explanation, way: wiring.Trail, theirs: wiring.Trail, reader: Node) -> None:
    """Name what lies on the way to an operand in one graph alone."""
    missing = [each for each in way.nodes if each.number not in explanation.missing and changes(explanation, each)]
    extra = [each for each in theirs.nodes if each.number not in explanation.extra]
    explanation.missing |= {each.number for each in way.nodes}
    explanation.extra |= {each.number for each in theirs.nodes}
    if missing and extra and set(way.sources) == set(theirs.sources):
        found, expected = (wiring.listed(nodes) for nodes in (extra, missing))
        if found == expected:
            found, expected = (wiring.detailed(nodes) for nodes in (extra, missing))
        says = f"has {found} where {expected} is expected"
        explanation.say(missing[0], f"{found} for {expected}", says, extra[0])
        return
    say_missing(explanation, missing)
    for layer in wiring.by_branch(extra):
        say_extra(explanation, layer, theirs, reader)


def _differing(
    explanation: Explanation,
    difference: Difference,
    theirs: list[Array],
    mine: list[wiring.Trail],
    other: list[wiring.Trail],
) -> Iterator[tuple[wiring.Trail, wiring.Trail]]:
    """Yield the ways to those operands that differ, each of the node with one of its counterpart."""
    inputs = difference.inputs
    ours = [way for way, x in zip(mine, inputs, strict=True) if not any(wiring.is_same(x, y) for y in theirs)]
    others = [way for way, y in zip(other, theirs, strict=True) if not any(wiring.is_same(x, y) for x in inputs)]
    yield from zip_longest(ours, others, fillvalue=wiring.Trail())


def _nth(stride: Pair) -> str:
    rows, _ = stride
    return {1: "single", 2: "second", 3: "third"}.get(rows, f"{rows}th")
