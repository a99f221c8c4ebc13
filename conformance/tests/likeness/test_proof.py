"""A proof is computed from the images on with all causes applied, whatever these are."""

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Read
from isomorph.backends.graphs.layout import Layout
from isomorph.conformance.likeness.anchors import Pairs
from isomorph.conformance.likeness.comparison import Comparison
from isomorph.conformance.likeness.diagnosis import compare_models
from isomorph.conformance.likeness.explaining.explain import explain
from isomorph.conformance.likeness.explaining.explanation import Explanation, Repair
from isomorph.conformance.likeness.operands import Operand
from isomorph.conformance.likeness.proof import prove
from isomorph.spec.operations import Convolution, Pointwise, Product

from .sketched import Sketch
from .written import told

LONG = 1100
"""Nodes in a row: more than Python calls functions in one another."""


def chain(length: int) -> Graph:
    net = Sketch(1, 1, 2, 3)
    key = "x"
    for _ in range(length):
        key = net.add(Pointwise("linear", (0.999, 0.0)), key)
    return net.ends_in(key)


def itself(graph: Graph) -> Comparison:
    """Return the comparison of a graph with itself."""
    comparison = Comparison(graph, graph, Pairs({number: number for number in graph.nodes}))
    comparison.run()
    return comparison


def value(graph: Graph, number: int) -> Array:
    found = graph.nodes[number].value
    assert found is not None
    return found


def test_a_chain_of_more_nodes_than_python_follows_is_proved() -> None:
    graph = chain(LONG)
    assert prove(Explanation(itself(graph)), None, LONG, value(graph, LONG)) == 0.0


def test_what_cannot_be_evaluated_and_is_not_needed_does_not_matter() -> None:
    graph = chain(3)
    graph.nodes[3].reads = graph.nodes[2].reads
    graph.nodes[3].value = graph.nodes[2].value
    explanation = Explanation(itself(graph))
    explanation.repairs[2] = Repair(Convolution(), {}, None)
    assert prove(explanation, None, 3, value(graph, 3)) == 0.0
    assert prove(explanation, None, 2, value(graph, 2)) is None


def test_causes_that_have_a_node_read_what_is_computed_of_it_prove_nothing() -> None:
    graph = chain(4)
    comparison = itself(graph)
    explanation = Explanation(comparison)
    whole = Layout.whole((1, 1, 2, 3))
    behind = Operand(value(graph, 3), Read(3, whole), 0, whole)
    explanation.repairs[2] = Repair(graph.nodes[2].operation, {}, [behind])
    assert prove(explanation, None, 4, value(graph, 4)) is None
    before = Operand(value(graph, 1), Read(1, whole), 0, whole)
    explanation.repairs[2] = Repair(graph.nodes[2].operation, {}, [before])
    assert prove(explanation, None, 4, value(graph, 4)) == 0.0


def active(function: Pointwise | None, single: bool = False) -> Graph:
    """Two convolutions and a function between them, which a framework may compute in float32."""

    def rounding(x: Array) -> Array:
        return x.astype(np.float32).astype(np.float64) if single else x

    net = Sketch(2, 4, 4, 3)
    x = net.add(Convolution(), "x", named="stem", weights=net.drawn(1, 1, 3, 6))
    x = net.add(function, x, named="active", rounding=rounding) if function else x
    return net.ends_in(net.add(Convolution(), x, named="last", weights=net.drawn(1, 1, 6, 4)))


def test_what_the_second_model_alone_has_may_be_rounded() -> None:
    diagnosis = compare_models(active(None), active(Pointwise("gelu"), single=True))
    assert told(diagnosis) == [("extra GELU", "stem")]
    assert diagnosis.proved


def test_rounding_is_left_out_where_that_is_asked() -> None:
    comparison = compare_models(active(None), active(Pointwise("gelu"), single=True)).comparison
    explanation, end = explain(comparison), next(iter(comparison.one.outputs.values())).source
    theirs = value(comparison.other, comparison.pairs.of[end])
    exact, rounded = (prove(explanation, deviations, end, theirs) for deviations in (None, dict[int, Array]()))
    assert exact is not None
    assert rounded is not None
    assert rounded < 1e-12
    assert 1e-10 < exact < 1e-6


def gated(function: Pointwise | None, single: bool = False) -> Graph:
    """A GELU, which may be rounded to float32, times a function of the same layer that is computed before it."""

    def rounding(x: Array) -> Array:
        return x.astype(np.float32).astype(np.float64) if single else x

    net = Sketch(2, 4, 4, 3)
    stem = net.add(Convolution(), "x", named="stem", weights=net.drawn(1, 1, 3, 6))
    gate = net.add(function, stem, named="gate") if function else stem
    x = net.add(Product(), net.add(Pointwise("gelu"), stem, named="active", rounding=rounding), gate, named="product")
    return net.ends_in(net.add(Convolution(), x, named="last", weights=net.drawn(1, 1, 6, 4)))


def test_a_function_in_float32_is_found_among_others_by_its_value() -> None:
    diagnosis = compare_models(gated(None), gated(Pointwise("tanh"), single=True))
    assert [cause for cause, _ in told(diagnosis)] == ["extra tanh"]
    assert [finding.place for cause in diagnosis.rounded for finding in cause.findings] == ["active"]
    assert diagnosis.proved
