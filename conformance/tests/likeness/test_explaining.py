"""Axes that a node works along, what one model alone has, and joins of other values are named as what they are."""

from collections.abc import Callable

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Node, Read, Tensor
from isomorph.conformance.likeness.anchors import Pairs, Sight, pair_anchors
from isomorph.conformance.likeness.comparison import Comparison, Difference
from isomorph.conformance.likeness.diagnosis import Diagnosis, compare_models
from isomorph.conformance.likeness.explaining.axes import explain_axis
from isomorph.conformance.likeness.explaining.explanation import Explanation
from isomorph.conformance.likeness.others import nearest, pair_others
from isomorph.spec.operations import (
    RELU,
    AveragePool,
    Concatenation,
    Convolution,
    Dense,
    LayerNorm,
    MatrixProduct,
    MaxPool,
    Mean,
    Operation,
    Product,
    Resize,
    Softmax,
    Sum,
)

from .sketched import Sketch
from .written import told


def said(diagnosis: Diagnosis) -> list[str]:
    return list(map(str, diagnosis.causes))


def whole(x: Array) -> Array:
    return x.reshape(len(x), -1, x.shape[-1])


# ------------------------------------------------------------------------------------------- axes


def along(operation: Operation, is_turned: bool) -> Graph:
    """An operation on the features of each cell of a map, or on the columns of each row and feature."""
    net = Sketch(2, 4, 5, 3)
    x = net.add(Convolution(), "x", named="stem", weights=net.drawn(1, 1, 3, 6))
    x = net.add(operation, net.move(x, turned) if is_turned else x, named="along")
    x = net.add(Mean(), net.move(net.move(x, turned) if is_turned else x, whole), named="mean")
    return net.ends_in(net.add(Dense(), x, named="head", weights=net.drawn(6, 3)))


def turned(x: Array) -> Array:
    return x.swapaxes(-1, -2)


@pytest.mark.parametrize(("operation", "words"), [(Softmax(), "softmax"), (LayerNorm(1e-5), "layer norm")])
@pytest.mark.parametrize("is_turned", [True, False], ids=["columns for features", "features for columns"])
def test_what_works_along_another_axis_is_told_by_its_length(operation: Operation, words: str, is_turned: bool) -> None:
    diagnosis = compare_models(along(operation, not is_turned), along(operation, is_turned))
    found, expected = (5, 6) if is_turned else (6, 5)
    assert said(diagnosis) == [
        f"{words} over: along has its {words} over {found} numbers, expected over {expected} (theirs: along)"
    ]
    assert diagnosis.proved


def test_other_values_and_axes_of_the_same_length_are_no_other_axes() -> None:
    one, other = along(Softmax(), False), along(Softmax(), True)
    explanation = Explanation(Comparison(one, other, Pairs()))
    node, partner = (next(node for node in graph.nodes.values() if node.name == "along") for graph in (one, other))
    x, their = one.take(node.reads[0]), other.take(partner.reads[0])
    difference = Difference(node, partner, [x], None, x)
    assert not explain_axis(explanation, difference, [their + 1])
    assert not explain_axis(explanation, difference, [x[:, ::-1]])
    assert explanation.findings == []
    assert explain_axis(explanation, difference, [their])


def heads(count: int, kernel: float = 0.0) -> Graph:
    """An attention over the cells of a map, in so many heads. kernel: what is added to that of the queries."""
    net = Sketch(2, 2, 5, 3)
    x = net.move(net.add(Convolution(), "x", named="stem", weights=net.drawn(1, 1, 3, 12)), whole)
    weights = [net.drawn(12, 12) for _ in range(3)]
    weights[0] = weights[0] + kernel
    parts = [net.add(Dense(), x, named=name, weights=w) for name, w in zip(("q", "k", "v"), weights, strict=True)]
    queries, keys, values = (
        net.move(part, lambda x: x.reshape(2, 10, count, -1).transpose(0, 2, 1, 3)) for part in parts
    )
    scores = net.add(Softmax(), net.add(MatrixProduct(count / 8), queries, net.move(keys, turned), named="scores"))
    x = net.add(MatrixProduct(), scores, values, named="mixed")
    x = net.move(x, lambda x: x.transpose(0, 2, 1, 3).reshape(2, 10, 12))
    return net.ends_in(net.add(Dense(), x, named="head", weights=net.drawn(12, 5)))


def test_heads_of_another_size_are_told_by_their_features() -> None:
    diagnosis = compare_models(heads(3), heads(2))
    assert [each.first.cause for each in diagnosis.causes] == ["heads"]
    assert diagnosis.causes[0].first.says == "has heads of 6 features, expected of 4"
    assert diagnosis.proved


def test_as_many_features_of_other_values_are_no_other_heads() -> None:
    diagnosis = compare_models(heads(3), heads(3, kernel=1.0))
    assert [each.first.cause for each in diagnosis.causes] == ["off by a constant"]


# ------------------------------------------------------------------------------------------- resizes


def resized(is_bilinear: bool, size: int = 8) -> Graph:
    """A map of twice the rows and columns between two convolutions, bilinear or of the nearest cells."""
    net = Sketch(2, 4, 4, 3)
    x = net.add(Convolution(), "x", named="stem", weights=net.drawn(1, 1, 3, 6))
    if is_bilinear:
        x = net.add(Resize((size, size), "half"), x, named="up")
    else:
        x = net.move(x, lambda x: x.repeat(2, 1).repeat(2, 2))
    return net.ends_in(net.add(Convolution(), x, named="last", weights=net.drawn(3, 3, 6, 4)))


def test_repeated_cells_in_the_place_of_a_resize_are_nearest_for_bilinear() -> None:
    diagnosis = compare_models(resized(True), resized(False))
    assert said(diagnosis) == [
        "nearest for bilinear: up repeats the nearest cells, where a bilinear resize is expected"
    ]
    assert diagnosis.proved


def test_a_resize_in_the_place_of_repeated_cells_is_bilinear_for_nearest() -> None:
    diagnosis = compare_models(resized(False), resized(True))
    assert [each.first.cause for each in diagnosis.causes] == ["bilinear for nearest"]
    assert diagnosis.causes[0].first.says == "resizes bilinearly, where the nearest cells are expected"
    assert diagnosis.causes[0].first.theirs == "up"
    assert diagnosis.proved


def plain(is_resized: bool) -> Graph:
    """A map that is resized to its own size, or not."""
    net = Sketch(2, 4, 4, 3)
    x = net.add(Convolution(), "x", named="stem", weights=net.drawn(1, 1, 3, 6))
    if is_resized:
        x = net.add(Resize((5, 5), "half"), x, named="up")
    x = net.add(Convolution(), x, named="behind", weights=net.drawn(1, 1, 6, 6))
    x = net.add(Mean(), net.move(x, whole), named="mean")
    return net.ends_in(net.add(Dense(), x, named="last", weights=net.drawn(6, 4)))


def test_a_resize_without_repeated_cells_is_missing_or_extra() -> None:
    for first, second, cause in ((True, False, "missing resize"), (False, True, "extra resize")):
        diagnosis = compare_models(plain(first), plain(second))
        assert [each.first.cause for each in diagnosis.causes] == [cause]
        assert diagnosis.proved


def test_a_resize_and_a_layer_in_the_place_of_repeated_cells_are_a_layer() -> None:
    deep = resized(True)
    up = next(node for node in deep.nodes.values() if node.name == "up")
    last = next(node for node in deep.nodes.values() if node.name == "last")
    added = Node(deep.new_number(), Convolution(), last.reads, {"weights": Tensor.computed(2 * np.eye(6)[None, None])})
    added.name, added.value = "up", up.value
    deep.nodes[added.number] = added
    last.reads = (Read(added.number, last.reads[0].layout),)
    deep.put_in_order()
    diagnosis = compare_models(deep, resized(False))
    assert said(diagnosis) == ["missing layer: up is missing: resize and convolution"]


# ------------------------------------------------------------------------------------------- joins


def joining(operation: Operation, first: str, second: str) -> Graph:
    """Three layers of the images, two of which are joined for a fourth; a fifth reads all of them."""
    net = Sketch(2, 4, 4, 3)
    parts = {name: net.add(Dense(), "x", named=name, weights=net.drawn(3, 6)) for name in "abc"}
    joined = net.add(operation, parts[first], parts[second], named="join")
    outputs = net.recorder.reads[joined].shape[-1]
    behind = net.add(Dense(), joined, named="behind", weights=net.drawn(outputs, 5))
    kernel = np.random.default_rng(3).normal(size=(23, 4))
    every = net.add(Concatenation(), *parts.values(), behind, named="all")
    return net.ends_in(net.add(Dense(), every, named="end", weights=kernel))


@pytest.mark.parametrize("operation", [Concatenation(), Sum(), Product()], ids=["concatenation", "sum", "product"])
def test_joins_of_other_values_are_one_by_what_is_behind_them(operation: Operation) -> None:
    one, other = joining(operation, "a", "b"), joining(operation, "b", "c")
    first, second = Sight(one), Sight(other)
    pairs = pair_anchors(first, second)
    pair_others(pairs, first, second)
    node = next(node for node in one.nodes.values() if node.name == "join")
    partner = next(node for node in other.nodes.values() if node.name == "join")
    assert node.number not in pairs.of
    assert nearest(node, pairs, first, second) == partner.number
    diagnosis = compare_models(one, other)
    assert {(cause, place) for cause, place in told(diagnosis)} == {("reads another", "join")}
    assert diagnosis.proved


def test_joins_of_other_kinds_are_not_one_by_what_is_behind_them() -> None:
    one, other = joining(Sum(), "a", "b"), joining(Product(), "b", "c")
    first, second = Sight(one), Sight(other)
    node = next(node for node in one.nodes.values() if node.name == "join")
    assert nearest(node, pair_anchors(first, second), first, second) is None


def test_joins_with_other_layers_behind_them_are_not_one() -> None:
    one, other = joining(Sum(), "a", "b"), joining(Sum(), "b", "c")
    first, second = Sight(one), Sight(other)
    pairs = pair_anchors(first, second)
    node = next(node for node in one.nodes.values() if node.name == "join")
    behind, end = (next(each.number for each in one.nodes.values() if each.name == name) for name in ("behind", "end"))
    pairs.of[behind], pairs.of[end] = pairs.of[end], pairs.of[behind]
    assert nearest(node, pairs, first, second) is None


# ------------------------------------------------------------------------------------------- pools and strides


def halved(pool: Operation | None, stride: int, between: bool = False) -> Graph:
    """Two convolutions, of which a pool between them or the second one's stride halves the map."""
    net = Sketch(2, 8, 8, 3)
    x = net.add(Convolution(), "x", named="stem", weights=net.drawn(1, 1, 3, 16))
    x = net.add(pool, x, named="pool") if pool is not None else x
    if between:
        x = net.add(RELU, x, named="relu")
    x = net.add(Convolution((stride, stride)), x, named="down", weights=net.drawn(1, 1, 16, 6))
    x = net.add(Mean(), net.move(net.add(RELU, x, named="active"), whole), named="mean")
    return net.ends_in(net.add(Dense(), x, named="head", weights=net.drawn(6, 4)))


Pool = Callable[[tuple[int, int], tuple[int, int]], Operation]


@pytest.mark.parametrize(("pool", "words"), [(MaxPool, "max pool"), (AveragePool, "average pool")])
def test_a_stride_in_the_place_of_a_pool_is_one_mistake(pool: Pool, words: str) -> None:
    diagnosis = compare_models(halved(pool((2, 2), (2, 2)), 1), halved(None, 2))
    assert said(diagnosis) == [
        f"stride for {words}: down has stride 2, expected 1, with no {words} in front of it (theirs: down)"
    ]
    assert diagnosis.proved


def test_a_pool_that_is_missing_alone_is_missing() -> None:
    diagnosis = compare_models(halved(MaxPool((2, 2), (2, 2)), 1), halved(None, 1))
    assert told(diagnosis) == [("missing max pool", "pool")]


def test_a_stride_further_on_is_another_mistake() -> None:
    diagnosis = compare_models(halved(MaxPool((2, 2), (2, 2)), 1, between=True), halved(None, 2, between=True))
    assert [cause for cause, _ in told(diagnosis)] == ["missing max pool", "stride"]
