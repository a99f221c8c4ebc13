"""What is written at a node otherwise than at its counterpart: attributes, tensors, and precision."""

from dataclasses import dataclass

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Node, Tensor
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.conformance.likeness.causes.attributes import SHAPES, Variation, applied, variations
from isomorph.conformance.likeness.causes.modes import precision
from isomorph.conformance.likeness.comparison import NOT_EVALUATED, Difference
from isomorph.conformance.likeness.explaining.explanation import Explanation, Repair
from isomorph.conformance.likeness.noise import agree, distance, rounding
from isomorph.conformance.likeness.operands import Operand, as_they_lie
from isomorph.spec.operations import Operation


@dataclass(frozen=True)
class _Trial:
    """A node that is tried in other forms on what its counterpart reads, as that gave `expected`."""

    node: Node
    inputs: list[Array]
    expected: Array

    def value(self, operation: Operation, tensors: dict[str, Tensor]) -> Array | None:
        """Return what another form gives, with the axes of what is expected; None where it gives something else."""
        try:
            found = evaluate(operation, self.inputs, {leaf: tensor.value for leaf, tensor in tensors.items()})
        except NOT_EVALUATED:
            return None
        return found.reshape(self.expected.shape) if found.size == self.expected.size else None

    def agrees(self, operation: Operation, tensors: dict[str, Tensor]) -> bool:
        """Return whether another form gives what is expected."""
        found = self.value(operation, tensors)
        changed = Node(self.node.number, operation, self.node.reads, tensors)
        return found is not None and agree(found, self.expected, changed, self.inputs)


def explain_node(
    explanation: Explanation, difference: Difference, operands: list[Operand] | None, rewired: bool
) -> None:
    """Name all in which a node is written otherwise, and keep it with that applied.

    operands: what its counterpart reads; None where that is another number of values. rewired: whether it is something
        else than the node reads.
    """
    node, partner = difference.node, difference.partner
    inputs = difference.inputs if operands is None else [operand.value for operand in operands]
    trial = _Trial(node, inputs, difference.expected)
    reads = operands if rewired else None
    if rewired and trial.agrees(node.operation, node.tensors):
        explanation.repairs[node.number] = Repair(node.operation, node.tensors, reads)
        explain_stated(explanation, node, partner)
        return
    x = inputs[0] if inputs else difference.expected
    found = variations(node, partner, x, explanation.others)
    if any(node.number in pair for pair in explanation.exchanged):  # the axes of its tensors follow from its place
        found = [each for each in found if each.cause not in SHAPES]
    is_theirs = any(each.is_theirs for each in found)
    if is_theirs:
        reads = as_they_lie(explanation.comparison.other, partner)
        trial = _Trial(node, [operand.value for operand in reads], explanation.comparison.value(partner))
    operation, tensors = applied(node, partner, found)
    value = trial.value(operation, tensors)
    apart = None if value is None else distance(value, trial.expected)
    if not trial.agrees(operation, tensors):
        if value is not None and distance(value, trial.expected) <= 2 * rounding(explanation.comparison.other, partner):
            explanation.comparison.deviations[node.number] = trial.expected - value
        elif _explain_precision(explanation, node, partner):
            return
    kept = found if is_theirs else [each for each in found if each.is_stated or _matters(each, found, partner, trial)]
    for each in kept or found:
        if node.number in explanation.rounding and each.cause == "cast":
            continue  # its kernel is rounded alike
        says = f"{node.name}{each.says}" if each.says.startswith("/") else each.says
        if "pads" in each.attributes:
            says += explanation.padded.get(node.number, "")
        explanation.say(node, each.cause, says, partner, field=each.field, value=each.value, proof=apart)
    explanation.repairs[node.number] = Repair(*applied(node, partner, kept or found), reads, is_theirs)


def explain_stated(explanation: Explanation, node: Node, partner: Node) -> None:
    """Name what is written otherwise though it changes no value here: a bias of zeros, for one."""
    if not node.reads or not partner.reads:
        return
    x = explanation.comparison.inputs(node, partner)[0]
    for each in variations(node, partner, x, {}):
        if each.is_stated:
            explanation.say(node, each.cause, each.says, partner, proof=0.0)


def _matters(variation: Variation, found: list[Variation], partner: Node, trial: _Trial) -> bool:
    """Return whether a node without this variation, but with all others, gives another value."""
    others = [each for each in found if each is not variation]
    return not trial.agrees(*applied(trial.node, partner, others))


def _explain_precision(explanation: Explanation, node: Node, partner: Node) -> bool:
    """Name the precision of a node that does not even give what its own operation gives; return whether it has one."""
    try:
        told = precision(explanation.comparison.other, partner)
    except NOT_EVALUATED:
        return False
    if told is None:
        return False
    name, apart = told
    explanation.say(node, "precision", f"multiplies operands that are rounded to {name}", partner, proof=apart)
    return True
