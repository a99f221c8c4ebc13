"""Prove a diagnosis: the first model with all causes applied gives what the second one gave."""

from collections.abc import Mapping
from contextlib import suppress
from itertools import takewhile

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Node
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.conformance.likeness.comparison import NOT_EVALUATED
from isomorph.conformance.likeness.explaining.explanation import Explanation
from isomorph.conformance.likeness.noise import distance, rounding
from isomorph.conformance.likeness.operands import Operand, taken, their_read


def prove(explanation: Explanation, deviations: Mapping[int, Array] | None, of: int, theirs: Array) -> float | None:
    """Return how far the first model is, with all causes applied, from what the second one gave.

    deviations: number of a node of the first graph -> what the second one's framework adds to its value by rounding;
        None leaves rounding out.
    of: the number of the node of the first graph that is its output. theirs: what the second one gave there.
    None where something on the way cannot be evaluated.
    """
    try:
        found = _Repaired(explanation, deviations).value_in_order(of)
    except NOT_EVALUATED:
        return None
    layout = explanation.comparison.layouts.get(of)
    flat = found.reshape(-1) if layout is None or found.size != layout.size else layout.scatter(found)
    return distance(flat, theirs.reshape(-1)) if flat.size == theirs.size else None


class _Repaired:
    """The first model with all causes applied, computed from the images on, with nothing of the second one's values.

    Whatever is read otherwise is read as the second graph says, whose nodes without a counterpart are computed, too.
    """

    def __init__(self, explanation: Explanation, deviations: Mapping[int, Array] | None) -> None:
        self.explanation = explanation
        self.rounds = deviations is not None
        self.deviations = deviations or {}
        self.one = explanation.comparison.one
        self.other = explanation.comparison.other
        self.back = explanation.comparison.pairs.back
        self.of = explanation.comparison.pairs.of
        self.layouts = explanation.comparison.layouts
        self.values: dict[int, Array] = {self.one.input.number: self.other.images}
        self.computing: set[int] = set()
        self.their_values: dict[int, Array] = {self.other.input.number: self.other.images}

    def value_in_order(self, number: int) -> Array:
        """Return the value of a node of the first graph, of which those before it are computed first.

        Python follows no chain of a thousand nodes back from its end.
        """
        for each in takewhile(lambda each: each != number, self.one.nodes):
            with suppress(*NOT_EVALUATED):  # what the last one does not need, perhaps
                self.value(each)
        return self.value(number)

    def value(self, number: int) -> Array:
        """Return the value of a node of the first graph. Raises ValueError where it would be computed of itself."""
        if number not in self.values:
            if number in self.computing:
                raise ValueError("Its causes have a node read what is computed of it.")
            self.computing.add(number)
            try:
                self.values[number] = self._computed(self.one.nodes[number])
            finally:
                self.computing.discard(number)
        return self.values[number]

    def _computed(self, node: Node) -> Array:
        """Compute a node of the first graph, with its causes applied."""
        number, repair = node.number, self.explanation.repairs.get(node.number)
        operation, tensors = (repair.operation, repair.tensors) if repair else (node.operation, node.tensors)
        inputs = self._their_inputs(node, repair.reads) if repair and repair.reads else self._inputs(node)
        if number in self.explanation.comparison.passed and self.explanation.findings:
            value = inputs[0]
        else:
            value = evaluate(operation, inputs, {leaf: tensor.value for leaf, tensor in tensors.items()})
        deviation = self.deviations.get(number)
        if deviation is not None and deviation.shape == value.shape:
            value = value + deviation
        layout = self.layouts.get(number)
        return layout.take(value) if repair and repair.is_theirs and layout else value

    def _inputs(self, node: Node) -> list[Array]:
        partner = self.other.nodes.get(self.of.get(node.number, -1))
        comparison, inputs = self.explanation.comparison, []
        has_other_axes = bool(self.explanation.repairs) and any(map(comparison.has_other_axes, node.reads))
        for place, read in enumerate(node.reads):
            value = self.value(read.source)
            their = their_read(comparison, read, partner, place) if has_other_axes else None
            if their is not None:
                inputs.append(their.layout.take(np.ascontiguousarray(self.their_value(their.source))))
            else:
                inputs.append(taken(read, value))
        return inputs

    def _their_inputs(self, node: Node, operands: list[Operand]) -> list[Array]:
        """Return what a node reads if it reads what its counterpart does."""
        reads = self.other.nodes[self.of[node.number]].reads
        inputs = []
        for operand in operands:
            if operand.read is not None:
                inputs.append(taken(operand.read, self.value(operand.read.source)))
            else:
                read = reads[operand.place]
                x = read.layout.take(np.ascontiguousarray(self.their_value(read.source)))
                inputs.append(operand.layout.take(np.ascontiguousarray(x)))
        return inputs

    def their_value(self, number: int) -> Array:
        """Return the value of a node of the second graph: its counterpart's, or one that is computed.

        Of those without a counterpart the ones before it are computed first, as in `value_in_order`.
        """
        if number not in self.their_values:
            alone = [each for each in takewhile(lambda each: each != number, self.other.nodes) if each not in self.back]
            for each in alone if number not in self.back else ():
                if each not in self.their_values:
                    with suppress(*NOT_EVALUATED):
                        self.their_values[each] = self._their(self.other.nodes[each])
            self.their_values[number] = self._their(self.other.nodes[number])
        return self.their_values[number]

    def _their(self, node: Node) -> Array:
        """Compute a node of the second graph, or take its counterpart's value."""
        assert node.value is not None
        if node.number in self.back and self._gives_all_of(node):
            value, layout = self.value(self.back[node.number]), self.layouts.get(self.back[node.number])
            flat = value.reshape(-1) if layout is None else layout.scatter(value)
            return flat.reshape(node.value.shape)
        inputs = [read.layout.take(np.ascontiguousarray(self.their_value(read.source))) for read in node.reads]
        value = evaluate(node.operation, inputs, node.arrays)
        if self.rounds and rounding(self.other, node):
            own = [self.other.take(read) for read in node.reads]
            value = value + (node.value - evaluate(node.operation, own, node.arrays))
        return value

    def _gives_all_of(self, node: Node) -> bool:
        """Return whether a node's counterpart in the first graph gives all that it does, and not fewer rows."""
        value, layout = self.value(self.back[node.number]), self.layouts.get(self.back[node.number])
        assert node.value is not None
        return value.size == node.value.size and (layout is None or layout.size == value.size)
