"""What the second model returns in another order."""

import numpy as np

from isomorph.conformance.likeness.causes import wiring
from isomorph.conformance.likeness.explaining.explanation import Explanation
from isomorph.conformance.likeness.operands import taken


def explain_outputs(explanation: Explanation) -> None:
    """Name how what the second model returns is another order of what the first one does."""
    one, other, pairs = explanation.comparison.one, explanation.comparison.other, explanation.comparison.pairs
    for name, read in one.outputs.items():
        partner = pairs.of.get(read.source)
        found = [each for each in other.outputs.values() if each.source == partner]
        if len(found) != 1:
            continue
        x, theirs = taken(read, explanation.comparison.values[read.source]), other.take(found[0])
        layout = explanation.comparison.arranger.layout(x, theirs)
        how = None if wiring.is_same(x, theirs) else wiring.reordered(x, theirs)
        if how and (
            layout is None
            or not wiring.is_same(x, layout.take(np.ascontiguousarray(theirs)))
            or x.shape == theirs.shape
        ):
            node = one.nodes[read.source]
            explanation.say(
                node, "outputs reordered", f"returns {name or 'its result'} {how}", other.nodes[found[0].source]
            )
