"""Tell mistakes from what follows from them: one that is seen in many places is one cause, with one sentence."""

from collections.abc import Iterable
from dataclasses import replace

from isomorph.backends.graphs.graph import Graph
from isomorph.conformance.likeness.causes.words import short
from isomorph.conformance.likeness.explanation import Explanation
from isomorph.conformance.likeness.finding import Finding
from isomorph.spec.operations import BatchNorm, GroupNorm, LayerNorm, Sum

_NORMS = (BatchNorm, GroupNorm, LayerNorm)


def merge(explanation: Explanation) -> None:
    """Give findings that follow from others, or that are one mistake together, the same cause.

    Each keeps its place and its proof, so that all places are still told.
    """
    _merge_depths(explanation)
    _merge_orders(explanation)
    _merge_exchanged_norms(explanation)
    _merge_exchanged_activations(explanation)


def _merge_depths(explanation: Explanation) -> None:
    """Join what sees fewer numbers with the layer before it that has fewer outputs."""
    narrowed = {number for number, finding in explanation.findings if finding.cause == "depth"}
    before = explanation.comparison.first.before
    for place, (number, finding) in enumerate(explanation.findings):
        if finding.cause == "inputs" and any(anchor in narrowed for anchor, _ in before[number]):
            explanation.findings[place] = number, replace(finding, cause="depth")


def _merge_orders(explanation: Explanation) -> None:
    """Join findings of an order that the second model keeps from some node on with the first of them.

    Tokens in another order are so for all that read them, until something else puts them back.
    """
    one = explanation.comparison.one
    first: tuple[int, Finding] | None = None
    for place, (number, finding) in enumerate(explanation.findings):
        if finding.cause == "another order" and "/" in finding.says:
            first = first or (number, finding)
        elif finding.cause == "reads reordered" and first and number in _behind(one, [first[0]]):
            origin, cause = first
            explanation.findings[place] = number, replace(finding, cause="another order")
            behind = "and so is all that is read behind it"
            if behind not in cause.says:
                at = explanation.findings.index(first)
                first = origin, replace(cause, says=f"{cause.says}, {behind}")
                explanation.findings[at] = first


def _merge_exchanged_norms(explanation: Explanation) -> None:
    """Join what is read otherwise because norms stand behind sums, where they were before them, or the reverse."""
    one = explanation.comparison.one
    nodes = one.nodes
    behind: set[int] = set()
    before: set[int] = set()
    for number, (mine, theirs) in explanation.sources.items():
        if nodes[number].kind not in _NORMS:
            continue
        sums = [source for source in theirs if nodes[source].kind is Sum and source in _behind(one, [number])]
        earlier = [source for source in mine if nodes[source].kind is Sum and source not in theirs]
        if sums:
            behind |= {number, *sums}
        elif earlier and _reads(explanation, earlier, number):
            before |= {number, *earlier}
    for involved, cause, says in (
        (
            behind,
            "norm behind sum",
            "has its norms behind the sums, expected before what is summed: post-norm for pre-norm",
        ),
        (
            before,
            "norm before sum",
            "has its norms before what is summed, expected behind the sums: pre-norm for post-norm",
        ),
    ):
        _rename(explanation, involved, cause, says)


def _merge_exchanged_activations(explanation: Explanation) -> None:
    """Name what stands before a sum, and not behind it: an activation of numbers that are positive changes nothing."""
    comparison = explanation.comparison
    nodes, readers = comparison.one.nodes, comparison.first.readers
    for place, (number, finding) in enumerate(explanation.findings):
        sums = [nodes[reader] for reader, _ in readers[number] if nodes[reader].kind is Sum]
        behind = [nodes[reader] for each in sums for reader, _ in readers[each.number]]
        for node in behind:
            words = short(node.operation)
            partner = comparison.other.nodes.get(comparison.pairs.of.get(node.number, -1))
            if finding.cause == f"extra {words}" and (partner is None or partner.kind is not node.kind):
                renamed = replace(
                    finding, cause=f"{words} before sum", place=node.name, says=f"has its {words} before its sum"
                )
                explanation.findings[place] = number, renamed


def _reads(explanation: Explanation, sums: Iterable[int], norm: int) -> bool:
    """Return whether the second model's sums, of these, are computed of its norm."""
    comparison = explanation.comparison
    partner = comparison.pairs.of[norm]
    others = [comparison.pairs.of.get(each, -1) for each in sums]
    return any(each in _behind(comparison.other, [partner]) for each in others)


def _rename(explanation: Explanation, involved: set[int], cause: str, says: str) -> None:
    """Give all findings of another source, in which some nodes are involved, one cause."""
    if not involved:
        return
    for place, (number, finding) in enumerate(explanation.findings):
        mine, theirs = explanation.sources.get(number, (set(), set()))
        if finding.cause == "reads another" and involved & {number, *mine, *theirs}:
            explanation.findings[place] = number, replace(finding, cause=cause, says=says)


def _behind(graph: Graph, numbers: Iterable[int]) -> set[int]:
    """Return the nodes that depend on some."""
    found = set(numbers)
    for node in graph.nodes.values():
        if any(read.source in found for read in node.reads):
            found.add(node.number)
    return found
