"""What a node works along: other axes of the right value."""

from isomorph.backends.array_forms import Array
from isomorph.conformance.likeness.arranging import have_the_same_elements
from isomorph.conformance.likeness.causes import wiring
from isomorph.conformance.likeness.causes.words import short
from isomorph.conformance.likeness.comparison import Difference
from isomorph.conformance.likeness.explaining.explanation import Explanation, Repair
from isomorph.conformance.likeness.operands import as_they_lie
from isomorph.spec.operations import LayerNorm, MatrixProduct, Mean, Softmax

ALONG = {Mean: -2, Softmax: -1, LayerNorm: -1, MatrixProduct: -1}
"""Operations that join numbers of one axis -> which that is."""


def explain_axis(explanation: Explanation, difference: Difference, theirs: list[Array]) -> bool:
    """Name a mean, a softmax or a norm over other axes of the same value; return whether it is that."""
    node, partner = difference.node, difference.partner
    axis = ALONG.get(node.kind)
    if axis is None:
        return False
    x, their = difference.inputs[0], theirs[0]
    if min(x.ndim, their.ndim) < -axis:
        return False
    if x.shape[axis] == their.shape[axis] or x.size != their.size or not have_the_same_elements(x, their):
        return False
    words, found = short(node.operation), their.shape[axis]
    if node.kind is MatrixProduct:
        cause, says = "heads", f"has heads of {found} features, expected of {x.shape[axis]}"
    else:
        cause, says = f"{words} over", f"has its {words} over {found} numbers, expected over {x.shape[axis]}"
    explanation.say(node, cause, says, partner, value=found, proof=0.0)
    reads = as_they_lie(explanation.comparison.other, partner)
    operation = partner.operation if node.kind is MatrixProduct else node.operation
    explanation.repairs[node.number] = Repair(operation, node.tensors, reads, is_theirs=True)
    return True


def explain_axes(explanation: Explanation, difference: Difference, theirs: list[Array]) -> None:
    """Name operands with the right elements, and other axes in the place of those that the node works along."""
    node, partner = difference.node, difference.partner
    for x, their in zip(difference.inputs, theirs, strict=False):
        if not wiring.is_same(x, their) and (how := wiring.reordered(x, their)):
            explanation.say(node, "reads reordered", f"reads its input {how}", partner)
            reads = as_they_lie(explanation.comparison.other, partner)
            explanation.repairs[node.number] = Repair(node.operation, node.tensors, reads, is_theirs=True)
