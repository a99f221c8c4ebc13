"""Explain the differences of a comparison: what each node reads, what is written at it, and how it multiplies."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Node, Tensor
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.conformance.likeness.anchors import ANCHORS
from isomorph.conformance.likeness.arranging import have_the_same_elements
from isomorph.conformance.likeness.causes import wiring
from isomorph.conformance.likeness.causes.attributes import Variation, applied, variations
from isomorph.conformance.likeness.causes.images import fit_images
from isomorph.conformance.likeness.causes.modes import precision, rounding_of
from isomorph.conformance.likeness.causes.words import called, padding, short
from isomorph.conformance.likeness.comparison import NOT_EVALUATED, Comparison, Difference, taken
from isomorph.conformance.likeness.finding import Finding
from isomorph.conformance.likeness.noise import agree, distance, rounding
from isomorph.spec.operations import (
    Affine,
    Cast,
    Dropout,
    Input,
    LayerNorm,
    Mean,
    Operation,
    Pad,
    Pair,
    Pointwise,
    Product,
    Softmax,
    Sum,
)

ALONG = {Mean: -2, Softmax: -1, LayerNorm: -1}
"""Operations that join numbers of one axis -> which that is."""


@dataclass
class Repair:
    """A node of the first graph with its causes applied.

    reads: what its counterpart reads, as the node reads it, where that is something else; None where it is not.
    is_theirs: whether it reads and gives the axes of its counterpart.
    """

    operation: Operation
    tensors: dict[str, Tensor]
    reads: list[wiring.Operand] | None
    is_theirs: bool = False


@dataclass
class Explanation:
    """The findings of a comparison, and what proves them.

    findings: by the number of the node of the first graph.
    repairs: number of a node of the first graph -> the node with its causes applied.
    missing, extra: nodes of the first graph, and of the second, that findings have named.
    exchanged: pairs of nodes of the first graph whose order is exchanged.
    rounding: nodes of the first graph whose operands are rounded.
    padded: node of the first graph -> words for padding that the second model has in front of it.
    sources: node of the first graph -> what it alone reads, and what its counterpart alone reads, by the numbers of the
        first graph.
    """

    comparison: Comparison
    findings: list[tuple[int, Finding]] = field(default_factory=list)
    repairs: dict[int, Repair] = field(default_factory=dict)
    missing: set[int] = field(default_factory=set)
    extra: set[int] = field(default_factory=set)
    exchanged: list[set[int]] = field(default_factory=list)
    rounding: set[int] = field(default_factory=set)
    padded: dict[int, str] = field(default_factory=dict)
    sources: dict[int, tuple[set[int], set[int]]] = field(default_factory=dict)

    def run(self) -> None:
        """Explain all differences, and what is on one side alone."""
        self._others = {
            tensor.name: tensor.value
            for node in self.comparison.one.nodes.values()
            for tensor in node.tensors.values()
            if tensor.name is not None
        }
        differing = {difference.node.number for difference in self.comparison.differences}
        for difference in self.comparison.differences:
            self._explain(difference)
        for number, partner in self.comparison.pairs.of.items():
            if number not in differing:
                self._state(self.comparison.one.nodes[number], self.comparison.other.nodes[partner])
        self._explain_rest()
        self._explain_output()

    def _say(self, node: Node, cause: str, says: str, theirs: Node | None = None, **more: object) -> None:
        name = theirs.name if theirs is not None else ""
        self.findings.append((node.number, Finding(cause, node.name, says, name, **more)))  # type: ignore[arg-type]

    def _explain(self, difference: Difference) -> None:
        """Explain one difference: first by what is read, then by the node itself."""
        node, partner = difference.node, difference.partner
        graph = self.comparison.other
        theirs = [graph.take(read) for read in partner.reads]
        if self._explain_axis(difference, theirs[0]):
            return
        operands = wiring.aligned(self.comparison, difference, theirs)
        before = len(self.findings)
        rewired = operands is None or not all(
            wiring.is_same(x, operand.value) for x, operand in zip(difference.inputs, operands, strict=True)
        )
        if rewired and self._explain_reads(difference, theirs):
            before = -1
        self._explain_node(difference, operands, rewired)
        if len(self.findings) == before:
            self._explain_axes(difference, theirs)
        # nothing is told of what becomes of NaN, nor of a value that has other axes by what is before it
        is_followed = all(np.isfinite(x).all() for x in difference.inputs) and not self._has_other_axes(node)
        if len(self.findings) == before and is_followed and not self._is_exchanged(node):
            apart = np.inf if difference.found is None else distance(difference.found, difference.expected)
            says = f"differs by {apart:.2g}, and nothing that was tried explains it"
            self._say(node, "unexplained", says, partner)

    def _explain_axis(self, difference: Difference, their: Array) -> bool:
        """Name a mean, a softmax or a norm over other axes of the same value; return whether it is that."""
        node, partner, x = difference.node, difference.partner, difference.inputs[0]
        axis = ALONG.get(node.kind)
        if axis is None or node.kind is not partner.kind or x.size != their.size or x.shape[axis] == their.shape[axis]:
            return False
        if not have_the_same_elements(x, their):
            return False
        words, found = short(node.operation), their.shape[axis]
        says = f"has its {words} over {found} numbers, expected over {x.shape[axis]}"
        self._say(node, f"{words} over", says, partner, value=found, proof=0.0)
        reads = wiring.as_they_lie(self.comparison.other, partner)
        self.repairs[node.number] = Repair(node.operation, node.tensors, reads, is_theirs=True)
        return True

    def _explain_axes(self, difference: Difference, theirs: list[Array]) -> None:
        """Name operands with the right elements, and other axes in the place of those that the node works along."""
        node, partner = difference.node, difference.partner
        for x, their in zip(difference.inputs, theirs, strict=False):
            if not wiring.is_same(x, their) and (how := wiring.reordered(x, their)):
                self._say(node, "reads reordered", f"reads its input {how}", partner)
                reads = wiring.as_they_lie(self.comparison.other, partner)
                self.repairs[node.number] = Repair(node.operation, node.tensors, reads, is_theirs=True)

    def _has_other_axes(self, node: Node) -> bool:
        """Return whether a node reads another number of elements than in its own model, and cannot take them."""
        values = self.comparison.values
        return any(read.layout.size != values[read.source].size for read in node.reads)

    def _is_exchanged(self, node: Node) -> bool:
        """Return whether a node, or what it reads, has its order exchanged with another's."""
        numbers = {node.number, *(read.source for read in node.reads)}
        return any(numbers & pair for pair in self.exchanged)

    # What is read.

    def _explain_reads(self, difference: Difference, theirs: list[Array]) -> bool:
        """Name what lies between a node and its sources in one graph alone, and sources that differ.

        Return whether there is anything of it, though another node may have named it already.
        """
        node = difference.node
        if self._explain_exchange(difference) or self._explain_images(difference):
            return True
        mine, other = self._trails(difference)
        extra = [each for trail in other for each in trail.nodes]
        if self._notes_padding(difference, extra):
            return True
        if self._explain_precision(difference, theirs, extra):
            return True
        if any(trail.nodes for trail in mine + other):
            for way, their_way in self._differing(difference, theirs, mine, other):
                self._explain_ways(way, their_way, node)
            return True
        my_sources = {source for trail in mine for source in trail.sources}
        their_sources = {source for trail in other for source in trail.sources}
        if my_sources != their_sources:
            self._explain_source(difference, my_sources - their_sources, their_sources - my_sources)
            return True
        return self._explain_order(difference, mine, other) or self._explain_layouts(difference, theirs)

    def _differing(
        self, difference: Difference, theirs: list[Array], mine: list[wiring.Trail], other: list[wiring.Trail]
    ) -> Iterator[tuple[wiring.Trail, wiring.Trail]]:
        """Yield the ways to those operands that differ, each of the node with one of its counterpart."""
        inputs = difference.inputs
        ours = [way for way, x in zip(mine, inputs, strict=True) if not any(wiring.is_same(x, y) for y in theirs)]
        others = [way for way, y in zip(other, theirs, strict=True) if not any(wiring.is_same(x, y) for x in inputs)]
        yield from zip_longest(ours, others, fillvalue=wiring.Trail())

    def _explain_ways(self, way: wiring.Trail, theirs: wiring.Trail, reader: Node) -> None:
        """Name what lies on the way to an operand in one graph alone."""
        missing = [each for each in way.nodes if each.number not in self.missing and self._changes(each)]
        extra = [each for each in theirs.nodes if each.number not in self.extra]
        self.missing |= {each.number for each in way.nodes}
        self.extra |= {each.number for each in theirs.nodes}
        if missing and extra and set(way.sources) == set(theirs.sources):
            found, expected = (wiring.listed(nodes) for nodes in (extra, missing))
            if found == expected:
                found, expected = (wiring.detailed(nodes) for nodes in (extra, missing))
            says = f"has {found} where {expected} is expected"
            self._say(missing[0], f"{found} for {expected}", says, extra[0])
            return
        self._say_missing(missing)
        for layer in wiring.by_branch(extra):
            self._say_extra(layer, theirs, reader)

    def _trails(self, difference: Difference) -> tuple[list[wiring.Trail], list[wiring.Trail]]:
        """Return the ways back from a node and its counterpart to those that are known in both."""
        comparison = self.comparison
        ours, back = {number: number for number in comparison.pairs.of}, comparison.pairs.back
        mine = [wiring.trail(comparison.one, read, ours) for read in difference.node.reads]
        return mine, [wiring.trail(comparison.other, read, back) for read in difference.partner.reads]

    def _say_missing(self, nodes: list[Node]) -> None:
        """Name the units, the layers and the operations that the first graph alone has."""
        units = wiring.whole_units(self.comparison.one, nodes)
        inside = {node.number for unit in units.values() for node in unit}
        for name, unit in units.items():
            self.findings.append((unit[0].number, Finding("missing unit", name, "is missing")))
        for layer in wiring.by_branch([each for each in nodes if each.number not in inside]):
            cause, says = wiring.missing(layer)
            self.findings.append((layer[-1].number, Finding(cause, wiring.place_of(layer), says)))

    def _say_extra(self, extra: list[Node], way: wiring.Trail, reader: Node) -> None:
        """Name a layer that the second graph alone has, at the place where people would look for it."""
        source = self.comparison.one.nodes[way.sources[0]] if way.sources else None
        of_reader = len(extra) == 1 and isinstance(extra[0].operation, Dropout | Cast | Pad)
        linear = isinstance(extra[0].operation, Pointwise) and extra[0].operation.function == "linear"
        linear = linear and len(self.comparison.second.readers[extra[0].number]) == 1
        place = reader if source is None or source.kind is Input or of_reader or linear else source
        self._say(place, *wiring.extra(extra, None if place is reader else source), theirs=extra[-1])

    def _changes(self, node: Node) -> bool:
        """Return whether a node without a counterpart changes what flows."""
        values = self.comparison.values
        return not any(
            read.layout.is_whole and wiring.is_same(values[read.source], values[node.number]) for read in node.reads
        )

    def _explain_exchange(self, difference: Difference) -> bool:
        """Name two operations whose order is exchanged: a ReLU before its batch norm, for one."""
        node = difference.node
        mine, other = self._trails(difference)
        sources = [{source for trail in trails for source in trail.sources} for trails in (mine, other)]
        ours, theirs = sources[0] - sources[1], sources[1] - sources[0]
        if len(ours) != 1 or len(theirs) != 1:
            return False
        (before,), (instead,) = ours, theirs
        nodes = self.comparison.one.nodes
        if {before, instead} in self.exchanged or {node.number, before} in self.exchanged:
            return True
        if any(read.source == node.number for read in nodes[instead].reads):
            self.exchanged.append({node.number, instead})
            first, second = short(nodes[instead].operation), short(node.operation)
            cause = f"{first} before {second}"
            self._say(node, cause, f"has its {first} before its {second}", difference.partner)
            return True
        return False

    def _explain_source(self, difference: Difference, mine: set[int], theirs: set[int]) -> None:
        """Name what a node reads in another's place."""
        nodes = self.comparison.one.nodes
        if mine and theirs:
            says = f"reads the {called(nodes[min(theirs)])} instead of the {called(nodes[min(mine)])}"
        elif mine:
            says = f"does not read the {called(nodes[min(mine)])}"
        else:
            says = f"also reads the {called(nodes[min(theirs)])}"
        self.sources[difference.node.number] = mine, theirs
        self._say(difference.node, "reads another", says, difference.partner)

    def _explain_order(self, difference: Difference, mine: list[wiring.Trail], other: list[wiring.Trail]) -> bool:
        """Name operands that are exchanged; return whether they are."""
        ours, theirs = ([way.sources for way in ways] for ways in (mine, other))
        if isinstance(difference.node.operation, Sum | Product) or ours == theirs or sorted(ours) != sorted(theirs):
            return False
        names = [called(self.comparison.one.nodes[sources[0]]) for sources in theirs]
        self._say(difference.node, "operands exchanged", f"reads the {' before the '.join(names)}", difference.partner)
        return True

    def _explain_layouts(self, difference: Difference, theirs: list[Array]) -> bool:
        """Name how elements of the same source are chosen otherwise; return whether they are."""
        node, partner, before = difference.node, difference.partner, len(self.findings)
        for read, their_read, x, their in zip(node.reads, partner.reads, difference.inputs, theirs, strict=False):
            value = self.comparison.other.nodes[their_read.source].value
            assert value is not None
            expected = wiring.subsampling(self.comparison.values[read.source].shape, read.layout)
            found = wiring.subsampling(value.shape, their_read.layout)
            begin = wiring.begin(value.shape, their_read.layout)
            if begin and begin != wiring.begin(self.comparison.values[read.source].shape, read.layout):
                says = f"reads its input from row {begin[0]} and column {begin[1]} on"
                self._say(node, "crop", says, partner, value=begin)
            elif expected and found and expected != found:
                says = f"takes every {_nth(found)} cell, expected every {_nth(expected)}"
                self._say(node, "stride", says, partner, value=found)
            elif (how := wiring.reordered(x, their)) and not wiring.is_same(x, their):
                self._say(node, "reads reordered", f"reads its input {how}", partner)
        return len(self.findings) > before

    def _explain_precision(self, difference: Difference, theirs: list[Array], extra: list[Node]) -> bool:
        """Name operands that are rounded by operations that the model writes out."""
        if len(theirs) != 1 or not extra or difference.inputs[0].shape != theirs[0].shape:
            return False
        told = rounding_of(difference.inputs[0], theirs[0])
        if told is None:
            return False
        self.extra |= {each.number for each in extra}
        self.rounding.add(difference.node.number)
        self._say(difference.node, "precision", f"reads numbers that are rounded to {told}", difference.partner)
        return True

    def _notes_padding(self, difference: Difference, extra: list[Node]) -> bool:
        """Note padding in front of a window that is padded otherwise itself: the two are one mistake."""
        node, partner = difference.node, difference.partner
        pads = [each.operation for each in extra if isinstance(each.operation, Pad)]
        mine, theirs = (getattr(each.operation, "pads", None) for each in (node, partner))
        if len(pads) != 1 or len(extra) != 1 or node.kind is not partner.kind or mine == theirs:
            return False
        (pad,) = pads
        self.extra.add(extra[0].number)
        self.padded[node.number] = f" behind {padding(pad)}"
        return True

    def _explain_images(self, difference: Difference) -> bool:
        """Name how the images are changed before the first layer, if nothing but factors and summands does."""
        graph, partner = self.comparison.other, difference.partner
        mine, other = self._trails(difference)
        missing, extra = ([each for trail in trails for each in trail.nodes] for trails in (mine, other))
        if len(partner.reads) != 1 or other[0].sources != [self.comparison.one.input.number]:
            return False
        if mine[0].sources != other[0].sources or not all(each.kind in (Affine, Pointwise) for each in missing + extra):
            return False
        x, expected = graph.take(partner.reads[0]), difference.inputs[0]
        if x.shape != graph.images.shape or expected.shape != x.shape:
            return False
        told, right = fit_images(graph.images, x), fit_images(graph.images, expected)
        if told is None or right is None or told == right:
            return False
        self.extra |= {each.number for each in extra}
        self.missing |= {each.number for each in missing}
        instead = "" if right.is_plain else f", expected {right}"
        self._say(missing[0] if missing else difference.node, "images", f"reads the images {told}{instead}", partner)
        return True

    # What is written at the node.

    def _explain_node(self, difference: Difference, operands: list[wiring.Operand] | None, rewired: bool) -> None:
        node, partner, expected = difference.node, difference.partner, difference.expected
        inputs = difference.inputs if operands is None else [operand.value for operand in operands]
        reads = operands if rewired else None
        if rewired and self._gives(node.operation, node.tensors, inputs, expected, node):
            self.repairs[node.number] = Repair(node.operation, node.tensors, reads)
            self._state(node, partner)
            return
        found = variations(node, partner, inputs[0], self._others)
        operation, tensors = applied(node, partner, found)
        is_theirs = any(each.is_theirs for each in found)
        if is_theirs:
            reads = wiring.as_they_lie(self.comparison.other, partner)
            inputs, expected = [operand.value for operand in reads], self.comparison.value(partner)
        if not self._notes_rounding(partner, difference, operation, tensors, inputs, expected) and self._rounds(
            node, partner, expected, operation, tensors, inputs
        ):
            return
        apart = self._apart(operation, tensors, inputs, expected)
        kept = found
        if not is_theirs:
            kept = [each for each in found if each.is_stated or self._matters(each, found, difference, inputs)] or found
        for each in kept:
            if node.number in self.rounding and each.cause == "cast":
                continue  # its kernel is rounded alike
            says = f"{node.name}{each.says}" if each.says.startswith("/") else each.says
            if "pads" in each.attributes:
                says += self.padded.get(node.number, "")
            self._say(node, each.cause, says, partner, field=each.field, value=each.value, proof=apart)
        self.repairs[node.number] = Repair(*applied(node, partner, kept), reads, is_theirs)

    def _matters(
        self, variation: Variation, found: list[Variation], difference: Difference, inputs: list[Array]
    ) -> bool:
        """Return whether a node without this variation, but with all others, gives another value."""
        others = [each for each in found if each is not variation]
        operation, tensors = applied(difference.node, difference.partner, others)
        return not self._gives(operation, tensors, inputs, difference.expected, difference.node)

    def _gives(
        self, operation: Operation, tensors: dict[str, Tensor], inputs: list[Array], expected: Array, node: Node
    ) -> bool:
        try:
            found = evaluate(operation, inputs, {leaf: tensor.value for leaf, tensor in tensors.items()})
            changed = Node(node.number, operation, node.reads, tensors)
            return found.size == expected.size and agree(found.reshape(expected.shape), expected, changed, inputs)
        except NOT_EVALUATED:
            return False

    def _apart(
        self, operation: Operation, tensors: dict[str, Tensor], inputs: list[Array], expected: Array
    ) -> float | None:
        """Return how far a node with its causes applied is from what its counterpart gave."""
        try:
            found = evaluate(operation, inputs, {leaf: tensor.value for leaf, tensor in tensors.items()})
        except NOT_EVALUATED:
            return None
        return distance(found.reshape(expected.shape), expected) if found.size == expected.size else None

    def _notes_rounding(
        self,
        partner: Node,
        difference: Difference,
        operation: Operation,
        tensors: dict[str, Tensor],
        inputs: list[Array],
        expected: Array,
    ) -> bool:
        """Note what the framework rounds at a node with its causes applied; return whether that is all that is left."""
        allowed = rounding(self.comparison.other, partner)
        if not allowed:
            return False
        try:
            found = evaluate(operation, inputs, {leaf: tensor.value for leaf, tensor in tensors.items()})
        except NOT_EVALUATED:
            return False
        if found.shape != expected.shape or distance(found, expected) > 2 * allowed:
            return False
        self.comparison.deviations[difference.node.number] = expected - found
        return True

    def _rounds(
        self,
        node: Node,
        partner: Node,
        expected: Array,
        operation: Operation,
        tensors: dict[str, Tensor],
        inputs: list[Array],
    ) -> bool:
        """Name the precision of a node that does not even give what its own operation gives."""
        if self._gives(operation, tensors, inputs, expected, node):
            return False
        try:
            told = precision(self.comparison.other, partner)
        except NOT_EVALUATED:
            return False
        if told is None:
            return False
        name, apart = told
        self._say(node, "precision", f"multiplies operands that are rounded to {name}", partner, proof=apart)
        return True

    def _state(self, node: Node, partner: Node) -> None:
        """Name what is written otherwise though it changes no value here: a bias of zeros, for one."""
        if node.kind is Input or partner.value is None:
            return
        x = self.comparison.inputs(node, partner)[0]
        for each in variations(node, partner, x, {}):
            if each.is_stated:
                self._say(node, each.cause, each.says, partner, proof=0.0)

    def _explain_output(self) -> None:
        """Name how what the second model returns is another order of what the first one does."""
        one, other, pairs = self.comparison.one, self.comparison.other, self.comparison.pairs
        for name, read in one.outputs.items():
            partner = pairs.of.get(read.source)
            found = [each for each in other.outputs.values() if each.source == partner]
            if len(found) != 1:
                continue
            x, theirs = taken(read, self.comparison.values[read.source]), other.take(found[0])
            layout = self.comparison.arranger.layout(x, theirs)
            how = None if wiring.is_same(x, theirs) else wiring.reordered(x, theirs)
            if how and (
                layout is None
                or not wiring.is_same(x, layout.take(np.ascontiguousarray(theirs)))
                or x.shape == theirs.shape
            ):
                node = one.nodes[read.source]
                self._say(
                    node, "outputs reordered", f"returns {name or 'its result'} {how}", other.nodes[found[0].source]
                )

    # What is on one side alone.

    def _explain_rest(self) -> None:
        """Name what has no counterpart and no finding yet."""
        one, other = self.comparison.one, self.comparison.other
        missing = [one.nodes[number] for number in self.comparison.unpaired if number not in self.missing]
        self._say_missing([each for each in missing if self._is_missed(each)])
        back = self.comparison.pairs.back
        extra = [
            node
            for number, node in other.nodes.items()
            if number not in back and number not in self.extra and not _is_same_as_read(other, node)
        ]
        extra = [node for node in extra if self._is_added(node)]
        for layer in wiring.by_branch(extra):
            way = wiring.trail(other, layer[0].reads[0], back)
            self._say_extra(layer, way, one.nodes[way.sources[0]] if way.sources else one.input)

    def _is_missed(self, node: Node) -> bool:
        """Return whether a node without a counterpart changes what others read."""
        if node.kind in ANCHORS:
            return True
        readers = self.comparison.first.readers[node.number]
        read_otherwise = bool(readers) and all(reader in self.comparison.pairs.of for reader, _ in readers)
        return self._changes(node) and not read_otherwise

    def _is_added(self, node: Node) -> bool:
        """Return whether a node of the second graph alone changes what is read: not where all that it leads to agrees.

        What it is part of is then the same function in other operations: a pool that is written as means, for one.
        """
        comparison = self.comparison
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


def _nth(stride: Pair) -> str:
    rows, _ = stride
    return {1: "single", 2: "second", 3: "third"}.get(rows, f"{rows}th")
