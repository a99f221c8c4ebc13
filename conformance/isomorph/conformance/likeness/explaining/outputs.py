"""What the second model returns: other values, other parts of them, or another order."""

from collections.abc import Iterator

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Read
from isomorph.conformance.likeness.causes import wiring
from isomorph.conformance.likeness.causes.words import called
from isomorph.conformance.likeness.explaining.explanation import Explanation
from isomorph.conformance.likeness.noise import close, distance
from isomorph.conformance.likeness.operands import taken


def explain_outputs(explanation: Explanation) -> None:
    """Name what the second model returns otherwise.

    Beside an architecture, what it returns more is its own affair. Another model's outputs are the same ones by their
    names, or else in their order.
    """
    comparison = explanation.comparison
    one, other = comparison.one.outputs, comparison.other.outputs
    if comparison.other.ends_before:
        return
    if not comparison.is_of_models:
        for name, read in one.items():
            found = [each for each in other.values() if each.source == comparison.pairs.of.get(read.source)]
            if len(found) == 1:
                _explain_order(explanation, name, read, found[0])
        return
    if len(one) != len(other):
        last = comparison.one.nodes[list(one.values())[-1].source]
        counts = f"{len(other)} output{'' if len(other) == 1 else 's'}, expected {len(one)}"
        explanation.say(last, "outputs", f"is returned among {counts}")
    for name, read, their in _matched(one, other):
        if comparison.pairs.of.get(read.source) == their.source:
            _explain_part(explanation, name, read, their)
        elif (instead := comparison.pairs.back.get(their.source)) is not None and not explanation.missing:
            node = comparison.one.nodes[read.source]
            says = f"returns the {called(comparison.one.nodes[instead])} instead{f' as {name}' if name else ''}"
            explanation.say(node, "outputs exchanged", says, comparison.other.nodes[their.source])


def output_apart(explanation: Explanation) -> tuple[str, float] | None:
    """Return the first output, and how far what the second model returns is from it; None where it is the same."""
    comparison = explanation.comparison
    name, read = next(iter(comparison.one.outputs.items()))
    their = next(iter(comparison.other.outputs.values()))
    x, y = taken(read, comparison.values[read.source]), comparison.other.take(their)
    apart = distance(x, y) if x.shape == y.shape else np.inf
    return None if apart <= close(y.dtype) else (name or comparison.one.nodes[read.source].name or "the output", apart)


def _matched(one: dict[str, Read], other: dict[str, Read]) -> Iterator[tuple[str, Read, Read]]:
    """Yield the outputs of two models that have the same name, or where they have others, the same place."""
    if one.keys() == other.keys():
        yield from ((name, read, other[name]) for name, read in one.items())
    else:
        yield from ((name, read, their) for (name, read), their in zip(one.items(), other.values(), strict=False))


def _explain_order(explanation: Explanation, name: str, read: Read, their: Read) -> None:
    """Name how what a model returns is another order of what an architecture does."""
    comparison = explanation.comparison
    x, theirs = taken(read, comparison.values[read.source]), comparison.other.take(their)
    layout = comparison.arranger.layout(x, theirs)
    how = None if wiring.is_same(x, theirs) else wiring.reordered(x, theirs)
    arranged = layout is not None and wiring.is_same(x, layout.take(np.ascontiguousarray(theirs)))
    if how and (not arranged or x.shape == theirs.shape):
        node, partner = comparison.one.nodes[read.source], comparison.other.nodes[their.source]
        explanation.say(node, "outputs reordered", f"returns {name or 'its result'} {how}", partner)


def _explain_part(explanation: Explanation, name: str, read: Read, their: Read) -> None:
    """Name which elements of the same value the second model returns, and in which order, where they are others."""
    comparison = explanation.comparison
    layout = comparison.layouts.get(read.source)
    mine, found = read.layout.numbers(), their.layout.numbers()
    if comparison.has_other_axes(read) or (layout is not None and not layout.reads_all_once):
        return
    if layout is not None:
        found = np.argsort(layout.numbers(), axis=None)[found]
    if _is_one_order(mine, found):
        return
    node, partner = comparison.one.nodes[read.source], comparison.other.nodes[their.source]
    what = name or "its result"
    if mine.size != found.size:
        says = f"returns {what} as {_by(found)}, expected {_by(mine)}"
        explanation.say(node, "output shape", says, partner, value=found.shape)
        return
    x, theirs = taken(read, comparison.values[read.source]), comparison.other.take(their)
    how = wiring.reordered(x, theirs) or "in another order"
    explanation.say(node, "outputs reordered", f"returns {what} {how}", partner)


def _is_one_order(first: Array, second: Array) -> bool:
    """Return whether two choices of a value's elements are one, but for where the channels lie, and for flattening."""
    forms = [second.squeeze(), first.squeeze()]
    moved = [np.moveaxis(forms[1], *ends) for ends in ((0, 0), (1, -1), (-1, 1)) if forms[1].ndim > 1 or ends == (0, 0)]
    if first.size != second.size:
        return False
    if any(np.array_equal(each, forms[0]) for each in moved if each.ndim == forms[0].ndim):
        return True
    return any(np.array_equal(each.reshape(-1), forms[0].reshape(-1)) for each in moved if each.ndim != forms[0].ndim)


def _by(x: Array) -> str:
    return "x".join(map(str, x.shape))
