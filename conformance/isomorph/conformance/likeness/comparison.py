"""Walk through the first graph on the second one's own values, and find the nodes that do not give what theirs gave.

Every node is judged on what its counterpart read, so that no fault is inherited, and all are found in one pass.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Node, Read, Tensor
from isomorph.backends.graphs.layout import Layout
from isomorph.backends.oracle.evaluation import UnknownOperationError, evaluate
from isomorph.conformance.likeness.anchors import ANCHORS, Pairs, Sight
from isomorph.conformance.likeness.arranging import Arranger, have_the_same_elements, rows_with_the_same_elements
from isomorph.conformance.likeness.causes.attributes import fitted
from isomorph.conformance.likeness.causes.words import short
from isomorph.conformance.likeness.noise import CONSTANT, agree, close, distance, rounding
from isomorph.conformance.likeness.operands import BY_ROW, aligned, common_rows, rows_of, taken, their_read
from isomorph.conformance.likeness.others import leads_elsewhere, nearest
from isomorph.spec.operations import Input, Operation, Unknown, attributes
from isomorph.spec.tensors import WEIGHTS

NOT_EVALUATED = (UnknownOperationError, ValueError, IndexError, KeyError)
"""What is raised where an operation is not known, takes other shapes, or a tensor that is not there."""


@dataclass
class Difference:
    """A node that gives something else than its counterpart.

    node, partner: of the first and the second graph.
    inputs: what the first one's reads, of the second one's values.
    found: what the first one's makes of that; None where it cannot.
    expected: what the second one's gave, with the axes of the first where it has as many elements.
    """

    node: Node
    partner: Node
    inputs: list[Array]
    found: Array | None
    expected: Array


@dataclass
class Comparison:
    """Two graphs, their pairs, and what came of the walk.

    is_of_models: whether the first graph is a model's, too, and no architecture's.
    values: number of a node of the first graph -> what flows: its counterpart's value, or what it gives itself.
    unpaired: nodes of the first graph without a counterpart, in order.
    unknown: nodes that cannot be judged: nothing here evaluates them, and in their own model they read something else.
    differences: in order.
    rounded: what a model rounds to float32 whatever it computes in: node -> names of attributes, or of its operation.
    deviations: node -> what such rounding adds to its value.
    layouts: number of a node of the first graph -> how its value is read of its counterpart's.
    passed: those of the unpaired that cannot be evaluated, so that what they read first flows on.
    """

    one: Graph
    other: Graph
    pairs: Pairs
    is_of_models: bool = False
    values: dict[int, Array] = field(default_factory=dict)
    unpaired: list[int] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    unknown: list[Node] = field(default_factory=list)
    rounded: dict[int, list[str]] = field(default_factory=dict)
    deviations: dict[int, Array] = field(default_factory=dict)
    layouts: dict[int, Layout] = field(default_factory=dict)
    passed: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.first, self.second = Sight(self.one), Sight(self.other)
        self.arranger = Arranger()

    def run(self) -> None:
        """Walk through the first graph in order."""
        for node in self.one.nodes.values():
            partner = self.other.nodes.get(self.pairs.of.get(node.number, -1))
            if node.kind is Input:
                self.values[node.number] = self.other.images
                continue
            if partner is not None:
                self.prepare(node, partner)
            self.judge(node, partner)

    def judge(self, node: Node, partner: Node | None) -> None:
        """Evaluate a node on the second graph's values, and compare it with its counterpart."""
        inputs = self.inputs(node, partner)
        found = self.evaluate(node, inputs)
        if partner is None and node.kind not in ANCHORS:
            partner = None if found is None else self.search(node, found, inputs)
            if partner is None:
                partner = self.nearest(node)
                if partner is not None:
                    self.prepare(node, partner)
                    inputs = self.inputs(node, partner)
                    found = self.evaluate(node, inputs)
        if partner is None:
            self.unpaired.append(node.number)
            if found is None:
                self.passed.add(node.number)
            self.values[node.number] = found if found is not None else inputs[0]
            return
        assert partner.value is not None
        expected = partner.value
        if found is not None and found.size != expected.size and self.judge_rows(node, partner, inputs, found):
            return
        layout = self.layout(node, partner, inputs, found if found is not None else node.value)
        if layout is not None:
            expected = layout.take(np.ascontiguousarray(expected))
            self.layouts[node.number] = layout
        if found is None and Unknown in (node.kind, partner.kind):
            self.unknown.append(node if node.kind is Unknown else partner)
            self.values[node.number] = expected
        elif found is not None and agree(found, expected, node, inputs):
            self.values[node.number] = expected
        elif found is not None and self.is_rounded(partner, found, expected):
            self.values[node.number] = expected
            self.rounded.setdefault(node.number, []).append(short(node.operation))
            self.deviations[node.number] = expected - found
        elif found is not None and self.moves_on(node, found, partner):
            self.unpaired.append(node.number)
            self.values[node.number] = found
        else:
            self.values[node.number] = expected
            self.differences.append(Difference(node, partner, inputs, found, expected))

    def judge_rows(self, node: Node, partner: Node, inputs: list[Array], found: Array) -> bool:
        """Compare a node with a counterpart that has some of its rows of features alone, or more of them.

        One model may normalise all tokens and take the first, another one that alone. Return whether it is so.
        """
        if node.kind is not partner.kind or node.kind not in BY_ROW or partner.value is None:
            return False
        if self.has_other_axes(node.reads[0]):
            return False
        (x,), expected, features = inputs, partner.value, found.shape[-1]
        rows = common_rows(x, self.other.take(partner.reads[0]))
        shared = rows >= 0
        common = min(len(rows), expected.size // max(expected.shape[-1], 1))
        if expected.shape[-1] != features or shared.sum() < common:
            return False
        value = np.array(found).reshape(-1, features)
        part, right = value[shared], np.reshape(expected, (-1, features))[rows[shared]]
        operands = [x.reshape(-1, x.shape[-1])[shared]]
        if not agree(part, right, node, operands):
            self.differences.append(Difference(node, partner, operands, part, right))
        value[shared] = right
        self.values[node.number] = value.reshape(found.shape)
        if shared.all():
            self.layouts[node.number] = rows_of(rows, expected).moved(lambda y: y.reshape(found.shape))
        return True

    def layout(self, node: Node, partner: Node, inputs: list[Array], found: Array | None) -> Layout | None:
        """Return how a node's value is read of its counterpart's; None where it has another number of elements.

        Where the two are not the same, what the counterpart's operation makes of its operands as the node reads them
        tells.

        found: what the node makes of its own.
        """
        assert partner.value is not None
        expected = partner.value
        if found is None:
            return None
        if found.size == expected.size and have_the_same_elements(found, expected):
            return self.arranger.layout(found, expected)
        operands = aligned(self, node, partner, inputs)
        if operands is not None:
            kind = node if WEIGHTS in node.tensors else partner
            tensors = {leaf: fitted(node, partner, leaf).value for leaf in partner.tensors}
            try:
                like = evaluate(kind.operation, [operand.value for operand in operands], tensors)
            except NOT_EVALUATED:
                like = None
            if like is not None and like.size == expected.size and have_the_same_elements(like, expected):
                return self.arranger.layout(like, expected)
        if node.kind in BY_ROW and found.shape[-1] == expected.shape[-1]:
            rows = rows_with_the_same_elements(inputs[0], self.other.take(partner.reads[0]))
            if rows is not None:
                return rows_of(rows, expected).moved(lambda x: x.reshape(found.shape))
        return self.arranger.layout(found, expected)

    def prepare(self, node: Node, partner: Node) -> None:
        """Give a node what it takes from its counterpart."""
        adopt(node, partner)
        self.rounded |= reconcile(node, partner)

    def is_rounded(self, partner: Node, found: Array, expected: Array) -> bool:
        """Return whether two values are apart by no more than what the second one's framework rounds to float32."""
        return distance(found, expected) <= 2 * rounding(self.other, partner)

    def evaluate(self, node: Node, inputs: list[Array]) -> Array | None:
        """Return what a node makes of what it reads; None where it cannot be evaluated."""
        if not has_tensors(node):
            return None
        try:
            return evaluate(node.operation, inputs, node.arrays)
        except UnknownOperationError:
            return node.value if self.reads_its_own(node, inputs) else None
        except (ValueError, IndexError, KeyError):  # what does not fit: the node says so itself, or what is before it
            return None

    def reads_its_own(self, node: Node, inputs: list[Array]) -> bool:
        """Return whether a node of a model reads here what it read when that model ran."""
        own = [self.one.take(read) for read in node.reads]
        return all(x.shape == y.shape and distance(x, y) <= close(y.dtype) for x, y in zip(inputs, own, strict=True))

    def inputs(self, node: Node, partner: Node | None) -> list[Array]:
        """Return what a node reads of what flows; where that has other axes, what its counterpart reads of it."""
        inputs = []
        has_other_axes = any(map(self.has_other_axes, node.reads))
        for place, read in enumerate(node.reads):
            their = their_read(self, read, partner, place) if has_other_axes else None
            inputs.append(taken(read, self.values[read.source]) if their is None else self.other.take(their))
        return inputs

    def has_other_axes(self, read: Read) -> bool:
        """Return whether what flows there is of other axes than in the first model."""
        value, own = self.values[read.source], self.one.nodes[read.source].value
        return value.size != read.layout.size or (own is not None and own.shape != value.shape)

    def value(self, node: Node) -> Array:
        """Return what a node of the second graph gave."""
        assert node.value is not None
        return node.value

    def nearest(self, node: Node) -> Node | None:
        """Return, and pair, the node of the same family that is likely to be this one by where it stands."""
        number = nearest(node, self.pairs, self.first, self.second)
        if number is None:
            return None
        self.pairs.add(node.number, number, is_sure=False)
        return self.other.nodes[number]

    def leads_to_pairs(self, node: Node) -> bool:
        """Return whether a node of the first graph, or one behind it, has a counterpart."""
        waiting, seen = [node.number], {node.number}
        while waiting:
            number = waiting.pop()
            if number in self.pairs.of:
                return True
            readers = {reader for reader, _ in self.first.readers[number]}
            waiting += readers - seen
            seen |= readers
        return False

    def moves_on(self, node: Node, found: Array, partner: Node) -> bool:
        """Return whether a node's counterpart gives what a reader of the node would: then it is that one's.

        A ReLU behind a concatenation is the same function as one in each of its branches.
        """
        readers = [self.one.nodes[number] for number, _ in self.first.readers[node.number]]
        if node.kind in ANCHORS or len(readers) != 1 or len(readers[0].reads) != 1 or not has_tensors(readers[0]):
            return False
        (reader,) = readers
        inputs = [taken(reader.reads[0], found)]
        try:
            ahead = evaluate(reader.operation, inputs, reader.arrays)
        except NOT_EVALUATED:
            return False
        assert partner.value is not None
        arranged = self.arranger.arrange(ahead, partner.value)
        if reader.kind in ANCHORS or arranged is None or not agree(ahead, arranged, reader, inputs):
            return False
        del self.pairs.of[node.number]
        self.pairs.add(reader.number, partner.number)
        return True

    def search(self, node: Node, found: Array, inputs: list[Array]) -> Node | None:
        """Return the node of the second graph that gave a value and is nobody's counterpart yet, and pair the two."""
        taken = set(self.pairs.of.values())
        for other in self.other.nodes.values():
            if other.number in taken or other.kind in ANCHORS or other.value is None or other.value.size != found.size:
                continue
            if leads_elsewhere(node.number, other.number, self.pairs, self.first, self.second):
                continue
            arranged = self.arranger.arrange(found, other.value)
            if arranged is not None and (
                agree(found, arranged, node, inputs) or self.is_rounded(other, found, arranged)
            ):
                self.pairs.add(node.number, other.number)
                return other
        return None


def has_tensors(node: Node) -> bool:
    """Return whether the tensors of a node have values."""
    return not any(np.isnan(tensor.value.flat[0]) for tensor in node.tensors.values() if tensor.value.size)


def adopt(node: Node, partner: Node) -> None:
    """Give a node without values its counterpart's tensors of its own shapes, so that the design alone is judged."""
    for leaf, tensor in list(node.tensors.items()):
        if not np.isnan(tensor.value.flat[0]):
            continue
        if leaf not in partner.tensors:
            del node.tensors[leaf]
            continue
        theirs = fitted(node, partner, leaf).value
        if theirs.shape == tensor.value.shape:
            node.tensors[leaf] = Tensor(np.asarray(theirs), Layout.whole(theirs.shape), tensor.name)


def reconcile(node: Node, partner: Node) -> dict[int, list[str]]:
    """Give a node the constants of its counterpart that are its own but for rounding; return their names."""
    if node.kind is not partner.kind:
        return {}
    theirs = attributes(partner.operation)
    changes: dict[str, Any] = {}
    for name, value in attributes(node.operation).items():
        if value != theirs[name] and _is_rounded(value, theirs[name]):
            changes[name] = theirs[name]
    if not changes:
        return {}
    operation: Operation = replace(node.operation, **changes)
    node.operation = operation
    return {node.number: list(changes)}


def _is_rounded(value: Any, other: Any) -> bool:
    """Return whether two constants, or all constants of two tuples, are one but for rounding."""
    if isinstance(value, tuple) and isinstance(other, tuple):
        return len(value) == len(other) and all(map(_is_rounded, value, other))
    if not isinstance(value, float) or not isinstance(other, float):
        return bool(value == other)
    return value == other or (np.isfinite(value) and abs(value - other) <= CONSTANT * abs(value))
