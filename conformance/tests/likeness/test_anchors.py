"""Layers are paired by structure: whatever their names, numbers and order, and around what was changed."""

import numpy as np
import pytest

from isomorph.backends.graphs.graph import Graph
from isomorph.conformance.likeness.anchors import Pairs, Sight, label, pair_anchors
from isomorph.conformance.likeness.canonical import bring_into_form
from isomorph.spec.operations import (
    Concatenation,
    Convolution,
    Dense,
    MatrixProduct,
    Operation,
    Pointwise,
    Product,
    Quotient,
    Sum,
)
from isomorph.spec.tensors import WEIGHTS

from .sketched import Sketch
from .written import NETWORKS, Written

BOTTLENECKS = "slim's bottlenecks"


def graph_of(name: str, shuffle: int | None = None) -> Graph:
    """Return a network's graph; shuffled, its nodes have other numbers and another order."""
    model = Written.of(name)
    if shuffle is not None:
        random = np.random.default_rng(shuffle)
        numbers = dict(zip(model.graph.nodes, random.permutation(len(model.graph.nodes)) + 1000, strict=True))
        renumber(model.graph, {old: int(new) for old, new in numbers.items()})
        items = list(model.graph.nodes.items())
        model.graph.nodes = dict(items[place] for place in random.permutation(len(items)))
        model.graph.put_in_order()
    return bring_into_form(model.run())


def renumber(graph: Graph, numbers: dict[int, int]) -> None:
    nodes = list(graph.nodes.values())
    for node in nodes:
        node.number = numbers[node.number]
        node.reads = tuple(type(read)(numbers[read.source], read.layout) for read in node.reads)
    graph.nodes = {node.number: node for node in nodes}
    graph.outputs = {name: type(read)(numbers[read.source], read.layout) for name, read in graph.outputs.items()}


def blind(graph: Graph) -> Graph:
    """Return a graph whose kernels have no values, so that structure alone is seen."""
    for node in graph.nodes.values():
        if WEIGHTS in node.tensors:
            node.tensors[WEIGHTS] = type(node.tensors[WEIGHTS]).computed(np.full(node.arrays[WEIGHTS].shape, np.nan))
    return graph


def right_pairs(pairs: Pairs, one: Graph, other: Graph) -> int:
    """Count the pairs of the same kernel."""
    return sum(
        np.array_equal(one.nodes[first].arrays[WEIGHTS], other.nodes[second].arrays[WEIGHTS])
        for first, second in pairs.of.items()
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_a_shuffled_network_is_paired_whole(name: str) -> None:
    one, other = graph_of(name), graph_of(name, shuffle=7)
    first, second = Sight(one), Sight(other)
    pairs = pair_anchors(first, second)
    assert right_pairs(pairs, one, other) == len(first.anchors) == len(pairs.of) == len(pairs.sure)


@pytest.mark.parametrize("name", ["slim's bottlenecks", "inceptions", "inverted residuals"])
def test_structure_alone_tells_the_layers_apart(name: str) -> None:
    one, other = graph_of(name), graph_of(name, shuffle=3)
    nodes = [node for graph in (one, other) for node in graph.nodes.values() if WEIGHTS in node.tensors]
    kernels = {node.number: node.arrays[WEIGHTS] for node in nodes}
    pairs = pair_anchors(Sight(blind(one)), Sight(blind(other)))
    assert all(np.array_equal(kernels[first], kernels[second]) for first, second in pairs.of.items())
    assert len(pairs.of) == len(Sight(one).anchors)


def test_kernels_that_are_exchanged_are_paired_by_their_places() -> None:
    """Structure comes before values: else a mistake that exchanges two layers' tensors would not be seen."""
    model = Written.of(BOTTLENECKS)
    one, two = (model.node(f"block2/unit_{unit}/bottleneck_v1/conv2", Convolution) for unit in (1, 2))
    one.tensors, two.tensors = two.tensors, one.tensors
    right, changed = graph_of(BOTTLENECKS), bring_into_form(model.run())
    pairs = pair_anchors(Sight(right), Sight(changed))
    assert len(pairs.of) == len(Sight(right).anchors)
    assert right_pairs(pairs, right, changed) == len(pairs.of) - 2


@pytest.mark.parametrize("scope", ["block1/unit_1/bottleneck_v1", "block3/unit_1/bottleneck_v1"])
def test_layers_before_and_behind_one_that_is_left_out_are_paired(scope: str) -> None:
    model = Written.of(BOTTLENECKS)
    model.remove(f"{scope}/conv2", Convolution)
    right, changed = graph_of(BOTTLENECKS), bring_into_form(model.run())
    pairs = pair_anchors(Sight(right), Sight(changed))
    assert right_pairs(pairs, right, changed) == len(pairs.of) == len(Sight(right).anchors) - 1


def test_of_layers_that_are_alike_the_one_with_the_same_values_is_paired() -> None:
    """One is computed twice, so that structure alone could take the second for the layer behind it."""
    model = Written.of(BOTTLENECKS)
    twice = model.node("block2/unit_1/bottleneck_v1/conv2", Convolution)
    model.insert_behind(
        "block2/unit_1/bottleneck_v1/conv2", Pointwise, twice.operation, {WEIGHTS: twice.arrays[WEIGHTS]}
    )
    right, changed = graph_of(BOTTLENECKS), bring_into_form(model.run())
    pairs = pair_anchors(Sight(right), Sight(changed))
    assert right_pairs(pairs, right, changed) == len(pairs.of) == len(Sight(right).anchors)


def test_a_layer_of_another_shape_is_paired_by_its_place() -> None:
    name = "basic units, the first striding"
    model = Written.of(name)
    model.change_tensor("conv1", Convolution, WEIGHTS, lambda w: w[1:-1, 1:-1])
    model.change("conv1", Convolution, pads=((2, 2), (2, 2)))
    right, changed = graph_of(name), bring_into_form(model.run())
    first = Sight(right).anchors[0]
    pairs = pair_anchors(Sight(right), Sight(changed))
    assert pairs.of[first] == Sight(changed).anchors[0]
    assert first not in pairs.sure


def test_a_label_is_of_what_an_output_sees_and_of_the_outputs() -> None:
    anchors = [node for node in graph_of("slim's bottlenecks").nodes.values() if node.kind is Convolution]
    assert label(anchors[0]) == (7 * 7 * 3, 64)


def test_what_is_seen_through_a_concatenation_has_its_place() -> None:
    graph = graph_of("inceptions")
    sight = Sight(graph)
    joined = next(node for node in graph.nodes.values() if node.kind is Concatenation)
    assert sorted(tags for _, tags in sight.before[joined.number]) == [(0,), (1,), (2,), (3,)]
    behind = {tags for number in joined.reads for _, tags in sight.behind[number.source]}
    assert behind == {(0,), (1,), (2,), (3,)}


def test_what_is_seen_through_a_sum_has_none() -> None:
    graph = graph_of("basic units, the first striding")
    sight = Sight(graph)
    joined = next(node for node in graph.nodes.values() if node.kind is Sum)
    assert {tags for _, tags in sight.before[joined.number]} == {()}


@pytest.mark.parametrize(
    ("operation", "tags"),
    [
        (MatrixProduct(), [(0,), (1,)]),
        (Quotient(), [(0,), (1,)]),
        (Concatenation(), [(0,), (1,)]),
        (Product(), [(), ()]),
        (Sum(), [(), ()]),
    ],
    ids=lambda each: type(each).__name__ if not isinstance(each, list) else "",
)
def test_operands_have_their_places_where_they_are_not_to_be_exchanged(
    operation: Operation, tags: list[tuple[int, ...]]
) -> None:
    net = Sketch(2, 3, 4, 4)
    keys = [net.move(net.add(Dense(), "x", weights=net.drawn(4, 4)), lambda x: x[:, 0]) for _ in range(2)]
    joined = net.add(operation, *keys)
    outputs = net.recorder.reads[joined].shape[-1]
    sight = Sight(net.ends_in(net.add(Dense(), joined, weights=net.drawn(outputs, 4))))
    first, second, last = sight.anchors
    number = next(node.number for node in sight.graph.nodes.values() if node.operation == operation)
    assert sight.before[number] == [(first, tags[0]), (second, tags[1])]
    assert [sight.behind[each] for each in (first, second)] == [[(last, tag)] for tag in tags]
