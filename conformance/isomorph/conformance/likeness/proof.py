"""Prove a diagnosis: the first model with all causes applied gives what the second one gave."""

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Node
from isomorph.backends.oracle.evaluation import UnknownOperationError, evaluate
from isomorph.conformance.likeness.explanation import Explanation
from isomorph.conformance.likeness.noise import distance


def prove(explanation: Explanation, of: int, theirs: Array) -> float | None:
    """Return how far the first model is, with all causes applied, from what the second one gave.

    of: the number of the node of the first graph that is its output. theirs: what the second one gave there.
    None where something on the way cannot be evaluated.
    """
    try:
        found = _Repaired(explanation).value(of)
    except (UnknownOperationError, ValueError, KeyError):
        return None
    return distance(found.reshape(theirs.shape), theirs) if found.size == theirs.size else None


class _Repaired:
    """The first model with all causes applied, computed from the images on, with nothing of the second one's values.

    Whatever is read otherwise is read as the second graph says, whose nodes without a counterpart are computed, too.
    """

    def __init__(self, explanation: Explanation) -> None:
        self.explanation = explanation
        self.one = explanation.comparison.one
        self.other = explanation.comparison.other
        self.back = explanation.comparison.pairs.back
        self.of = explanation.comparison.pairs.of
        self.values: dict[int, Array] = {self.one.input.number: self.other.images}
        self.their_values: dict[int, Array] = {self.other.input.number: self.other.images}

    def value(self, number: int) -> Array:
        """Return the value of a node of the first graph."""
        if number not in self.values:
            node = self.one.nodes[number]
            repair = self.explanation.repairs.get(number)
            operation, tensors = (repair.operation, repair.tensors) if repair else (node.operation, node.tensors)
            inputs = self._their_inputs(node) if repair and repair.rewired else self._inputs(node)
            arrays = {leaf: tensor.value for leaf, tensor in tensors.items()}
            self.values[number] = evaluate(operation, inputs, arrays)
        return self.values[number]

    def _inputs(self, node: Node) -> list[Array]:
        values = {read.source: self.value(read.source) for read in node.reads}
        return [self.one.take(read, values) for read in node.reads]

    def _their_inputs(self, node: Node) -> list[Array]:
        """Return what a node reads if it reads what its counterpart does, with the axes that it reads itself."""
        partner = self.other.nodes[self.of[node.number]]
        inputs = [read.layout.take(self.their_value(read.source)) for read in partner.reads]
        expected = [read.shape for read in node.reads]
        return [
            x.reshape(shape) if x.size == _size(shape) else x
            for x, shape in zip(inputs, [*expected, *(x.shape for x in inputs[len(expected) :])], strict=False)
        ]

    def their_value(self, number: int) -> Array:
        """Return the value of a node of the second graph: its counterpart's, or one that is computed."""
        if number not in self.their_values:
            node = self.other.nodes[number]
            assert node.value is not None
            if number in self.back:
                self.their_values[number] = self.value(self.back[number]).reshape(node.value.shape)
            else:
                inputs = [read.layout.take(self.their_value(read.source)) for read in node.reads]
                self.their_values[number] = evaluate(node.operation, inputs, node.arrays)
        return self.their_values[number]


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size
