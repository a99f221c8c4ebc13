"""Explain the differences of a comparison, one by one, and then what is on one side alone."""

import numpy as np

from isomorph.conformance.likeness.causes import wiring
from isomorph.conformance.likeness.comparison import Comparison, Difference
from isomorph.conformance.likeness.explaining.axes import explain_axes, explain_axis
from isomorph.conformance.likeness.explaining.explanation import Explanation
from isomorph.conformance.likeness.explaining.nodes import explain_node, explain_stated
from isomorph.conformance.likeness.explaining.one_side import explain_rest
from isomorph.conformance.likeness.explaining.operands import explain_reads
from isomorph.conformance.likeness.explaining.outputs import explain_outputs
from isomorph.conformance.likeness.noise import distance
from isomorph.conformance.likeness.operands import aligned


def explain(comparison: Comparison) -> Explanation:
    """Return what explains the differences of a comparison, and what is on one side alone."""
    explanation = Explanation(comparison)
    differing = {difference.node.number for difference in comparison.differences}
    for difference in comparison.differences:
        _explain(explanation, difference)
    for number, partner in comparison.pairs.of.items():
        if number not in differing:
            explain_stated(explanation, comparison.one.nodes[number], comparison.other.nodes[partner])
    explain_rest(explanation)
    explain_outputs(explanation)
    return explanation


def _explain(explanation: Explanation, difference: Difference) -> None:
    """Explain one difference: first by what is read, then by the node itself."""
    comparison, node, partner = explanation.comparison, difference.node, difference.partner
    theirs = [comparison.other.take(read) for read in partner.reads]
    if node.kind is partner.kind and explain_axis(explanation, difference, theirs):
        return
    operands = aligned(comparison, node, partner, difference.inputs)
    before = len(explanation.findings)
    rewired = operands is None or not all(
        wiring.is_same(x, operand.value) for x, operand in zip(difference.inputs, operands, strict=True)
    )
    if rewired and explain_reads(explanation, difference, theirs):
        before = -1
    explain_node(explanation, difference, operands, rewired)
    if len(explanation.findings) == before:
        explain_axes(explanation, difference, theirs)
    if len(explanation.findings) == before and _has_own_fault(explanation, difference):
        apart = np.inf if difference.found is None else distance(difference.found, difference.expected)
        says = f"differs by {apart:.2g}, and nothing that was tried explains it"
        explanation.say(node, "unexplained", says, partner)


def _has_own_fault(explanation: Explanation, difference: Difference) -> bool:
    """Return whether a difference follows from nothing before it.

    Nothing is told of what becomes of NaN, of a value that has other axes, and of what is exchanged with another.
    """
    node, values = difference.node, explanation.comparison.values
    is_finite = all(np.isfinite(x).all() for x in difference.inputs)
    has_other_axes = any(read.layout.size != values[read.source].size for read in node.reads)
    numbers = {node.number, *(read.source for read in node.reads)}
    return is_finite and not has_other_axes and not any(numbers & pair for pair in explanation.exchanged)
