"""Explain the differences of a comparison: what each node reads, what is written at it, and how it multiplies."""

from dataclasses import dataclass, field

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Node, Tensor
from isomorph.backends.oracle.evaluation import UnknownOperationError, evaluate
from isomorph.conformance.likeness.causes import wiring
from isomorph.conformance.likeness.causes.attributes import Variation, applied, variations
from isomorph.conformance.likeness.causes.modes import precision
from isomorph.conformance.likeness.causes.words import called
from isomorph.conformance.likeness.comparison import Comparison, Difference
from isomorph.conformance.likeness.finding import Finding
from isomorph.conformance.likeness.noise import agree, distance
from isomorph.spec.operations import Affine, Input, Operation, Pointwise


@dataclass
class Repair:
    """A node of the first graph with its causes applied.

    rewired: whether it reads what its counterpart reads.
    """

    operation: Operation
    tensors: dict[str, Tensor]
    rewired: bool


@dataclass
class Explanation:
    """The findings of a comparison, and what proves them.

    findings: by the number of the node of the first graph.
    repairs: number of a node of the first graph -> the node with its causes applied.
    missing, extra: nodes of the first graph, and of the second, that findings have named.
    """

    comparison: Comparison
    findings: list[tuple[int, Finding]] = field(default_factory=list)
    repairs: dict[int, Repair] = field(default_factory=dict)
    missing: set[int] = field(default_factory=set)
    extra: set[int] = field(default_factory=set)

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

    def _say(self, node: Node, cause: str, says: str, theirs: Node | None = None, **more: object) -> None:
        name = theirs.name if theirs is not None else ""
        self.findings.append((node.number, Finding(cause, node.name, says, name, **more)))  # type: ignore[arg-type]

    def _explain(self, difference: Difference) -> None:
        """Explain one difference: first by what is read, then by the node itself."""
        node, partner = difference.node, difference.partner
        graph = self.comparison.other
        theirs = [graph.take(read) for read in partner.reads]
        inputs = wiring.aligned(node, difference.inputs, theirs)
        before = len(self.findings)
        rewired = inputs is None or not all(map(wiring.is_same, difference.inputs, inputs))
        if rewired:
            self._explain_reads(difference, theirs)
        usable = difference.inputs if inputs is None else inputs
        self._explain_node(difference, usable, rewired)
        if len(self.findings) == before:
            apart = np.inf if difference.found is None else distance(difference.found, difference.expected)
            says = f"differs by {apart:.2g}, and nothing that was tried explains it"
            self._say(node, "unexplained", says, partner)

    # What is read.

    def _explain_reads(self, difference: Difference, theirs: list[Array]) -> None:
        """Name what lies between a node and its sources in one graph alone, and sources that differ."""
        comparison, node, partner = self.comparison, difference.node, difference.partner
        ours = {number: number for number in comparison.pairs.of}
        back = comparison.pairs.back
        mine = [wiring.trail(comparison.one, read, ours) for read in node.reads]
        other = [wiring.trail(comparison.other, read, back) for read in partner.reads]
        my_sources = {source for trail in mine for source in trail.sources}
        their_sources = {source for trail in other for source in trail.sources}
        missing = [each for trail in mine for each in trail.nodes if each.number not in self.missing]
        extra = [each for trail in other for each in trail.nodes if each.number not in self.extra]
        if self._explain_images(difference, extra):
            extra = [each for each in extra if each.number not in self.extra]
        for each in missing:
            if self._changes(each):
                self._say(each, *wiring.missing(each))
            self.missing.add(each.number)
        for each in extra:
            self.extra.add(each.number)
            source = comparison.one.nodes[next(iter(their_sources))] if their_sources else None
            self._say(self._place_of(source, node), *wiring.extra(each, source, node), theirs=each)
        if missing or extra:
            return
        if my_sources != their_sources:
            self._explain_source(difference, my_sources - their_sources, their_sources - my_sources)
            return
        for x, their in zip(difference.inputs, theirs, strict=False):
            how = wiring.reordered(x, their)
            if how and not wiring.is_same(x, their):
                self._say(node, "reads reordered", f"reads its input {how}", partner)

    def _place_of(self, source: Node | None, node: Node) -> Node:
        """Return the node at whose place something is added: the one behind which it stands."""
        return node if source is None or source.kind is Input else source

    def _changes(self, node: Node) -> bool:
        """Return whether a node without a counterpart changes what flows."""
        values = self.comparison.values
        return not any(
            read.layout.is_whole and wiring.is_same(values[read.source], values[node.number]) for read in node.reads
        )

    def _explain_source(self, difference: Difference, mine: set[int], theirs: set[int]) -> None:
        """Name what a node reads in another's place."""
        nodes = self.comparison.one.nodes
        node = difference.node
        if mine and theirs:
            says = f"reads the {called(nodes[min(theirs)])} instead of the {called(nodes[min(mine)])}"
        elif mine:
            says = f"does not read the {called(nodes[min(mine)])}"
        elif theirs:
            says = f"also reads the {called(nodes[min(theirs)])}"
        else:
            return
        self._say(node, "reads another", says, difference.partner)

    def _explain_images(self, difference: Difference, extra: list[Node]) -> bool:
        """Name how the images are changed before the first layer, if nothing but factors and summands does."""
        graph, partner = self.comparison.other, difference.partner
        images = graph.images
        if len(partner.reads) != 1 or not all(each.kind in (Affine, Pointwise) for each in extra):
            return False
        trail = wiring.trail(graph, partner.reads[0], self.comparison.pairs.back)
        if trail.sources != [self.comparison.one.input.number]:
            return False
        x = graph.take(partner.reads[0])
        if x.shape != images.shape:
            return False
        told = _fitted(images, x)
        expected = _fitted(images, difference.inputs[0]) if difference.inputs[0].shape == images.shape else None
        if told is None or told == expected:
            return False
        self.extra |= {each.number for each in extra}
        instead = "" if expected is None or expected == _AS_THEY_ARE else f", expected {_told(expected)}"
        self._say(difference.node, "images", f"reads the images {_told(told)}{instead}", partner)
        return True

    # What is written at the node.

    def _explain_node(self, difference: Difference, inputs: list[Array], rewired: bool) -> None:
        node, partner, expected = difference.node, difference.partner, difference.expected
        if rewired and self._gives(node.operation, node.tensors, inputs, expected, node):
            self.repairs[node.number] = Repair(node.operation, node.tensors, rewired)
            self._state(node, partner)
            return
        found = list(variations(node, partner, inputs[0], self._others))
        operation, tensors = applied(node, partner, found)
        apart = self._apart(operation, tensors, inputs, expected)
        if self._rounds(node, partner, expected, operation, tensors, inputs):
            return
        kept = [each for each in found if each.is_stated or self._matters(each, found, difference, inputs)]
        for each in kept or found:
            says = f"{node.name}{each.says}" if each.says.startswith("/") else each.says
            self._say(node, each.cause, says, partner, field=each.field, value=each.value, proof=apart)
        self.repairs[node.number] = Repair(*applied(node, partner, kept or found), rewired)

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
        except (UnknownOperationError, ValueError):
            return False

    def _apart(
        self, operation: Operation, tensors: dict[str, Tensor], inputs: list[Array], expected: Array
    ) -> float | None:
        """Return how far a node with its causes applied is from what its counterpart gave."""
        try:
            found = evaluate(operation, inputs, {leaf: tensor.value for leaf, tensor in tensors.items()})
        except (UnknownOperationError, ValueError):
            return None
        return distance(found.reshape(expected.shape), expected) if found.size == expected.size else None

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
        except (UnknownOperationError, ValueError):
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
        x = self.comparison.inputs(node)[0]
        for each in variations(node, partner, x, {}):
            if each.is_stated:
                self._say(node, each.cause, each.says, partner, proof=0.0)

    # What is on one side alone.

    def _explain_rest(self) -> None:
        """Name what has no counterpart and no finding yet."""
        one, other = self.comparison.one, self.comparison.other
        for number in self.comparison.unpaired:
            node = one.nodes[number]
            if number in self.missing or not self._changes(node):
                continue
            readers = one.readers[number]
            if readers and all(reader in self.comparison.pairs.of for reader, _ in readers):
                continue  # its readers read the same without it
            self._say(node, *wiring.missing(node))
        back = self.comparison.pairs.back
        for number, their in other.nodes.items():
            if number in back or number in self.extra or their.kind is Input:
                continue
            trail = wiring.trail(other, their.reads[0], back)
            source = one.nodes[trail.sources[0]] if trail.sources else one.input
            if _is_same_as_read(other, their):
                continue
            self._say(source, *wiring.extra(their, source, source), theirs=their)


def _is_same_as_read(graph: Graph, node: Node) -> bool:
    """Return whether a node gives what it reads."""
    return node.value is not None and any(wiring.is_same(graph.take(read), node.value) for read in node.reads)


Fit = tuple[tuple[int, ...], tuple[float, ...], tuple[float, ...]]
"""Which channel each channel is, and by what factor and summand."""

_AS_THEY_ARE: Fit = ((0, 1, 2), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


def _fitted(images: Array, x: Array) -> Fit | None:
    """Return the channels of the images, and their factors and summands, that make `x`; None where none do."""
    fits: list[tuple[int, float, float]] = []
    for channel in np.moveaxis(x, -1, 0):
        numbers = sorted(range(images.shape[-1]), key=lambda number: number != len(fits))
        each = (_line(images[..., number], channel) for number in numbers)
        fit = next(((number, *line) for number, line in zip(numbers, each, strict=True) if line), None)
        if fit is None:
            return None
        fits.append(fit)
    channels, factors, summands = zip(*fits, strict=True)
    return channels, factors, summands


def _line(image: Array, channel: Array) -> tuple[float, float] | None:
    """Return factor and summand that make a channel of an image's; None where none do."""
    centred = image - image.mean()
    factor = float((centred * (channel - channel.mean())).sum() / (centred * centred).sum())
    summand = float(channel.mean() - factor * image.mean())
    if distance(image * factor + summand, channel) > wiring.SAME:
        return None
    return round(factor, 9), round(summand, 9) + 0.0


def _told(fit: Fit) -> str:
    """Return in words how images are changed."""
    channels, factors, summands = fit
    parts = []
    if channels != tuple(range(len(channels))):
        parts.append("as BGR" if channels == (2, 1, 0) else f"with channels {channels}")
    if set(factors) != {1.0}:
        parts.append(f"times {_numbers(factors)}")
    if set(summands) != {0.0}:
        parts.append(f"plus {_numbers(summands)}")
    return " ".join(parts) or "as they are"


def _numbers(values: tuple[float, ...]) -> str:
    return f"{values[0]:.6g}" if len(set(values)) == 1 else f"({', '.join(f'{value:.6g}' for value in values)})"
