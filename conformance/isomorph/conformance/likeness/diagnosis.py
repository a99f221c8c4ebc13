"""Diagnose a model: is it the function that an architecture specifies, and if not, why?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.folding import fold
from isomorph.backends.graphs.graph import Graph, Node
from isomorph.backends.graphs.planned import graph_of
from isomorph.conformance.likeness.anchors import ANCHORS, Pairs, Sight, count_alike, pair_anchors
from isomorph.conformance.likeness.canonical import bring_into_form
from isomorph.conformance.likeness.causes.words import called, short
from isomorph.conformance.likeness.comparison import Comparison
from isomorph.conformance.likeness.explaining.explain import explain
from isomorph.conformance.likeness.explaining.explanation import Explanation
from isomorph.conformance.likeness.explaining.outputs import output_apart
from isomorph.conformance.likeness.finding import Cause, Finding, group
from isomorph.conformance.likeness.folded import allow_rounding, has_folded
from isomorph.conformance.likeness.merging import merge
from isomorph.conformance.likeness.noise import distance
from isomorph.conformance.likeness.others import pair_others
from isomorph.conformance.likeness.proof import prove
from isomorph.spec import Architecture, plan

ALIKE = 0.8
"""The share of the layers of both models that have counterparts of their own shape, below which they are two networks.

Measured on the zoo's architectures, each with each, by structure alone:

    0.96 and more   one design in two zoos: keras/ResNet50 and torchvision/resnet50
    0.90 to 0.95    the same behind another stem: cifar/resnet18 and torchvision/resnet18
    0.83            with other kernels in nine places: slim/inception_v1 and paddle/googlenet
    0.81 to 0.92    a few layers more: torchvision/vgg16 and vgg19, cifar/wide_resnet22_10 and 28_10; these are what
                    they are said to be, a network with layers left out
    0.80 and less   another depth: torchvision/resnet101 and resnet152 0.80, cifar/resnet20 and resnet32 0.77,
                    torchvision/resnet18 and resnet34 0.72
    0.70 and less   another width: torchvision/resnext50_32x4d and wide_resnet50_2
    0.60 and less   another design: cifar/resnet18 and torchvision/vgg19
"""

OF_ONE_STRUCTURE = 0.9
"""The share of layers with counterparts of any shape, from which two networks are one of other widths, say."""


@dataclass
class Diagnosis:
    """What a model is to an architecture.

    matched, layers: how many of the first one's convolutions and dense layers have a counterpart, and how many it has.
    alike: how many have one of their own shape.
    left_over: how many of the second one's have none.
    causes: in the order of the network.
    first_divergence: the first end point that differs, and how far, in parts of the largest number there.
    before, proof: how far the architecture is from the model at the end, as it is and with all causes applied; None
        where it cannot be evaluated. proved: whether the latter is no more than noise; None likewise.
    unknown: operations that nothing here can judge.
    rounded: what a framework rounds to float32 whatever it computes in, which is nobody's mistake.
    ends_before: operations of the model that nothing can run; it was compared up to there.
    is_folded: whether the model's batch norms are folded into its convolutions, and it was compared with the
        architecture's so folded.
    """

    matched: int
    layers: int
    left_over: int
    causes: list[Cause]
    first_divergence: tuple[str, float] | None
    before: float | None
    proof: float | None
    proved: bool | None
    unknown: tuple[str, ...]
    comparison: Comparison
    alike: int
    rounded: list[Cause]
    ends_before: tuple[str, ...] = ()
    is_folded: bool = False

    @property
    def is_another(self) -> bool:
        """Whether so few layers have counterparts that the two are not the same network."""
        both = self.layers + self.matched + self.left_over
        return 2 * self.alike < ALIKE * both and 2 * self.matched < OF_ONE_STRUCTURE * both


PROVED = 2.0**16
"""How many roundings the whole network may be off with all causes applied: it adds up the noise of all its layers."""


def compare_with(architecture: Architecture, model: Graph, tensors: Mapping[str, Array] | None = None) -> Diagnosis:
    """Compare the graph of a model with an architecture.

    model: as it was traced; it is brought into form in place. Where its batch norms are folded into its convolutions,
        it is compared with the architecture's so folded.
    tensors: canonical; without them the design alone is judged, with the model's own.
    """
    bring_into_form(model)
    is_folded = has_folded(architecture, model)
    if is_folded:
        tensors = None if tensors is None else fold(architecture, dict(tensors))
        architecture = architecture.folded()
    planned = plan(architecture)
    shape = model.images.shape
    planned_for = _without_heads(bring_into_form(graph_of(planned, shape, tensors)), model)
    pairs = _paired(planned_for, model)
    shapes = {number: _shape(model.nodes[other]) for number, other in pairs.of.items()}
    one = _only(bring_into_form(graph_of(planned, shape, tensors, shapes)), planned_for.outputs)
    if is_folded:
        allow_rounding(one, model, pairs)
    return replace(_diagnose(one, model, pairs), is_folded=is_folded)


def compare_models(one: Graph, other: Graph) -> Diagnosis:
    """Compare the graphs of two models that nobody specified; the first is the specification.

    Both are brought into form in place.
    """
    bring_into_form(one)
    bring_into_form(other)
    _name_functions(one)
    _name_functions(other)
    return _diagnose(one, other, _paired(one, other), is_of_models=True)


def _name_functions(graph: Graph) -> None:
    """Give what stands in no module of its own a name: "max pool behind stem"."""
    for node in graph.nodes.values():
        if not node.name and node.reads:
            node.name = f"{short(node.operation)} behind {graph.nodes[node.reads[0].source].name}"


def _diagnose(one: Graph, other: Graph, pairs: Pairs, is_of_models: bool = False) -> Diagnosis:
    """Walk through the first graph on the second one's values, explain what differs, and prove it."""
    comparison = Comparison(one, other, pairs, is_of_models)
    with np.errstate(all="ignore"):  # a variance in a mean's place, and whatever else is tried
        comparison.run()
        explanation = explain(comparison)
        merge(explanation)
        before = _at_the_end(comparison, Explanation(comparison), None)
        proof = _at_the_end(comparison, explanation, comparison.deviations)
    order = {number: place for place, number in enumerate(one.nodes)}
    findings = sorted(explanation.findings, key=lambda pair: order.get(pair[0], 0))
    anchors, theirs = Sight(one).anchors, Sight(other).anchors
    if other.ends_before:
        anchors = [number for number in anchors if comparison.leads_to_pairs(one.nodes[number])]
    matched = sum(number in pairs.of for number in anchors)
    eps = float(np.finfo(other.images.dtype).eps)
    return Diagnosis(
        matched,
        len(anchors),
        len(theirs) - matched,
        group([finding for _, finding in findings]),
        _first_divergence(comparison) or (output_apart(explanation) if findings else None),
        before,
        proof,
        None if proof is None else proof <= PROVED * eps,
        tuple(dict.fromkeys(called(node) for node in comparison.unknown)),
        comparison,
        count_alike(comparison.first, comparison.second, pairs),
        group(list(_rounded(comparison))),
        other.ends_before,
    )


def _rounded(comparison: Comparison) -> Iterator[Finding]:
    """Yield what a framework rounds to float32, as findings that are no faults."""
    for number, rounded in sorted(comparison.rounded.items()):
        node, partner = comparison.one.nodes[number], comparison.other.nodes[comparison.pairs.of[number]]
        for what in rounded:
            yield Finding(what, node.name, "is rounded to float32", partner.name)


def _at_the_end(
    comparison: Comparison, explanation: Explanation, deviations: Mapping[int, Array] | None
) -> float | None:
    """Return how far the first model is from the second at its end, with the repairs of an explanation.

    deviations: node -> what the second one's framework adds to its value, by rounding it; None leaves rounding out.
    """
    end = next(iter(comparison.one.outputs.values())).source
    if comparison.other.ends_before:
        end = comparison.pairs.back.get(next(iter(comparison.other.outputs.values())).source, end)
    partner = comparison.other.nodes.get(comparison.pairs.of.get(end, -1))
    return None if partner is None or partner.value is None else prove(explanation, deviations, end, partner.value)


def _first_divergence(comparison: Comparison) -> tuple[str, float] | None:
    """Return the first end point where the two differ, and how far."""
    for difference in comparison.differences:
        found = difference.found
        apart = float("inf") if found is None else distance(found, difference.expected)
        return difference.node.name, apart
    return None


def _paired(one: Graph, other: Graph) -> Pairs:
    first, second = Sight(one), Sight(other)
    pairs = pair_anchors(first, second)
    pair_others(pairs, first, second)
    return pairs


def _shape(node: Node) -> tuple[int, ...]:
    assert node.value is not None
    return np.shape(node.value)


def _only(graph: Graph, outputs: Mapping[str, Any]) -> Graph:
    """Return a graph with what some of its outputs depend on."""
    graph.outputs = {name: read for name, read in graph.outputs.items() if name in outputs}
    graph.remove_unread()
    return graph


def _without_heads(graph: Graph, model: Graph) -> Graph:
    """Return the graph of a plan without the auxiliary heads that a model does not have: few run them at inference."""
    first, *heads = graph.outputs
    pairs = _paired(graph, model)
    living = [name for name in heads if _is_there(_own(graph, name, first), graph, pairs)]
    return _only(graph, dict.fromkeys((first, *living)))


def _is_there(numbers: set[int], graph: Graph, pairs: Pairs) -> bool:
    """Return whether most layers of a head have counterparts that nothing else could be."""
    anchors = [number for number in numbers if graph.nodes[number].kind in ANCHORS]
    return 2 * sum(number in pairs.sure for number in anchors) > len(anchors)


def _own(graph: Graph, name: str, other: str) -> set[int]:
    """Return the nodes that one output depends on and another does not."""

    def needed(output: str) -> set[int]:
        found: set[int] = set()
        waiting = [graph.outputs[output].source]
        while waiting:
            number = waiting.pop()
            if number not in found:
                found.add(number)
                waiting += [read.source for read in graph.nodes[number].reads]
        return found

    return needed(name) - needed(other)
