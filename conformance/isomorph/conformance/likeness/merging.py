"""Tell mistakes from what follows from them: one that is seen in many places is one cause, with one sentence."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from isomorph.backends.graphs.graph import Graph
from isomorph.conformance.likeness.causes.words import ACTIVATIONS, short
from isomorph.conformance.likeness.explaining.explanation import Explanation
from isomorph.conformance.likeness.finding import Finding
from isomorph.spec.operations import AveragePool, BatchNorm, GroupNorm, LayerNorm, MaxPool, Product, Sum

NEAR = 6
"""Operations that one is moved by at most, to be told as moved: further apart they are two mistakes."""

_NORMS = (BatchNorm, GroupNorm, LayerNorm)


def merge(explanation: Explanation) -> None:
    """Give findings that follow from others, or that are one mistake together, the same cause.

    Each keeps its place and its proof, so that all places are still told.
    """
    _merge_depths(explanation)
    _merge_orders(explanation)
    _merge_exchanged_norms(explanation)
    _merge_exchanged_activations(explanation)
    _merge_reads_of_exchanged(explanation)
    _merge_moved(explanation)
    _merge_pools_and_strides(explanation)
    _merge_functions(explanation)


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
    """Name what stands before a sum or a product, and not behind it: there an activation may change nothing."""
    comparison = explanation.comparison
    nodes, readers = comparison.one.nodes, comparison.first.readers
    for place, (number, finding) in enumerate(explanation.findings):
        sums = [nodes[reader] for reader, _ in readers[number] if nodes[reader].kind in (Sum, Product)]
        behind = [(each, nodes[reader]) for each in sums for reader, _ in readers[each.number]]
        for each, node in behind:
            words = short(node.operation)
            partner = comparison.other.nodes.get(comparison.pairs.of.get(node.number, -1))
            if finding.cause == f"extra {words}" and (partner is None or partner.kind is not node.kind):
                joins = short(each.operation)
                renamed = replace(
                    finding,
                    cause=f"{words} before {joins}",
                    place=node.name,
                    says=f"has its {words} before its {joins}",
                )
                explanation.findings[place] = number, renamed


def _merge_reads_of_exchanged(explanation: Explanation) -> None:
    """Join what reads the value before two exchanged operations with their exchange: it read the one behind."""
    nodes = explanation.comparison.one.nodes
    for pair in explanation.exchanged:
        named = [finding for number, finding in explanation.findings if number in pair and " before " in finding.cause]
        for place, (number, finding) in enumerate(explanation.findings):
            mine, theirs = explanation.sources.get(number, (set(), set()))
            before = {read.source for each in pair for read in nodes[each].reads}
            if finding.cause == "reads another" and named and (mine | theirs) & pair and mine | theirs <= pair | before:
                explanation.findings[place] = number, replace(finding, cause=named[0].cause)


def _merge_moved(explanation: Explanation) -> None:
    """Name an operation that is missing at one place and too many a few operations further on."""
    one = explanation.comparison.one
    order = list(one.nodes)
    for number, finding in list(explanation.findings):
        words = finding.cause.removeprefix("missing ")
        if words == finding.cause:
            continue
        for other, added in list(explanation.findings):
            near = abs(order.index(other) - order.index(number)) <= NEAR
            if added.cause == f"extra {words}" and near:
                where = "before" if " in front of " in added.says else "after"
                says = f"stands {where} {added.place}"
                moved = replace(finding, cause=f"{words} moved", says=says, theirs=added.theirs)
                explanation.findings.remove((other, added))
                explanation.findings[explanation.findings.index((number, finding))] = number, moved
                break


def _merge_pools_and_strides(explanation: Explanation) -> None:
    """Join a pool that is missing with the stride of the layer behind it: one of them halves the map in each model."""
    nodes = explanation.comparison.one.nodes
    for number, finding in list(explanation.findings):
        words = finding.cause.removeprefix("missing ")
        if nodes[number].kind not in (MaxPool, AveragePool) or words == finding.cause:
            continue
        for other, strides in list(explanation.findings):
            if strides.cause == "stride" and any(read.source == number for read in nodes[other].reads):
                says = f"{strides.says}, with no {words} in front of it"
                explanation.findings[explanation.findings.index((other, strides))] = (
                    other,
                    replace(strides, cause=f"stride for {words}", says=says),
                )
                explanation.findings.remove((number, finding))
                break


def _merge_functions(explanation: Explanation) -> None:
    """Join causes that are one but for which function of each value they are about: all activations are missing."""
    causes: dict[str, set[str]] = defaultdict(set)
    for _, finding in explanation.findings:
        causes[_without_function(finding.cause)].add(finding.cause)
    for place, (number, finding) in enumerate(explanation.findings):
        general = _without_function(finding.cause)
        if len(causes[general]) > 1:
            explanation.findings[place] = number, replace(finding, cause=general)


def _without_function(cause: str) -> str:
    """Return a cause with whatever activation it is about left out.

    >>> _without_function("extra hard swish"), _without_function("product before ReLU6"), _without_function("stride")
    ('extra activation', 'product before activation', 'stride')
    """
    verb, _, what = cause.partition(" ")
    if verb in ("extra", "missing") and what in ACTIVATIONS:
        return f"{verb} activation"
    first, before, second = cause.partition(" before ")
    if before:
        return before.join("activation" if each in ACTIVATIONS else each for each in (first, second))
    return cause


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
