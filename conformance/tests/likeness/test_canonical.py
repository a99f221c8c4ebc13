"""Each pass of the canonical form writes what people write otherwise as one node, and leaves what is computed."""

from collections.abc import Callable
from math import inf, pi

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Tensor
from isomorph.backends.graphs.recorder import Recorder
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.conformance.likeness.canonical import bring_into_form
from isomorph.conformance.likeness.causes.words import short
from isomorph.spec.operations import (
    RELU,
    RELU6,
    SCALE,
    SHIFT,
    AdaptivePool,
    Affine,
    AveragePool,
    Concatenation,
    Convolution,
    Dense,
    Input,
    MatrixProduct,
    MaxPool,
    Mean,
    Operation,
    Pad,
    Pointwise,
    Product,
    Quotient,
    Sum,
)
from isomorph.spec.tensors import BIASES, WEIGHTS

RANDOM = np.random.default_rng(0)


class Model:
    """A graph that is being written; each method returns the key of what it has added."""

    def __init__(self, *shape: int) -> None:
        self.recorder = Recorder()
        self.recorder.images(0, RANDOM.normal(size=shape))
        self.count = 0

    def add(self, operation: Operation, *keys: int, **tensors: Array) -> int:
        reads = [self.recorder.reads[key] for key in keys]
        value = evaluate(operation, [self.recorder.graph.take(read) for read in reads], tensors)
        own = {leaf: Tensor.computed(np.asarray(tensor)) for leaf, tensor in tensors.items()}
        self.count += 1
        self.recorder.add(self.count, operation, reads, value, own)
        return self.count

    def move(self, key: int, move: Callable[[Array], Array]) -> int:
        self.count += 1
        self.recorder.move(key, [self.count], lambda x: [move(x)])
        return self.count

    def canonical(self, key: int) -> Graph:
        """Return the graph in its form, whose outputs are what they were."""
        graph = self.recorder.graph
        self.recorder.output("", key)
        expected = graph.take(graph.outputs[""]).copy()
        bring_into_form(graph)
        for node in graph.nodes.values():
            if node.kind is not Input:
                node.value = evaluate(node.operation, [graph.take(read) for read in node.reads], node.arrays)
        np.testing.assert_allclose(graph.take(graph.outputs[""]), expected, rtol=1e-9, atol=1e-12)
        return graph


def operations(graph: Graph) -> list[Operation]:
    """Return all but the images."""
    return [node.operation for node in graph.nodes.values() if node.kind is not Input]


def kernel(*shape: int) -> Array:
    return RANDOM.normal(size=shape)


def test_what_no_output_depends_on_is_removed() -> None:
    model = Model(1, 4, 4, 2)
    first = model.add(RELU, 0)
    model.add(RELU6, first)
    assert operations(model.canonical(first)) == [RELU]


# ------------------------------------------------------------------------------------------- functions


def test_a_gelu_that_is_written_out_is_one_function() -> None:
    model = Model(1, 4, 4, 2)
    inner = model.add(Pointwise("linear", (0.5**0.5, 0.0)), 0)
    one_more = model.add(Pointwise("linear", (1.0, 1.0)), model.add(Pointwise("erf"), inner))
    half = model.add(Pointwise("linear", (0.5, 0.0)), 0)
    assert operations(model.canonical(model.add(Product(), half, one_more))) == [Pointwise("gelu")]


def test_a_silu_and_a_hard_swish_are_told_apart() -> None:
    silu, swish = Model(1, 4, 4, 2), Model(1, 4, 4, 2)
    key = silu.add(Product(), 0, silu.add(Pointwise("sigmoid"), 0))
    assert operations(silu.canonical(key)) == [Pointwise("silu")]
    shifted = swish.add(Pointwise("linear", (1 / 6, 0.5)), 0)
    key = swish.add(Product(), 0, swish.add(Pointwise("clip", (0.0, 1.0)), shifted))
    assert operations(swish.canonical(key)) == [Pointwise("hard_swish", (1 / 6, 0.5))]


def test_a_relu_that_is_a_maximum_of_two_keeps_its_name_behind_another_function() -> None:
    """Of a known function of a known function both have their names."""
    model = Model(1, 4, 4, 2)
    relu = model.add(RELU, 0)
    key = model.add(Product(), relu, model.add(Pointwise("sigmoid"), relu))
    assert operations(model.canonical(key)) == [RELU, Pointwise("silu")]


def test_an_unknown_function_stays_as_it_is_written() -> None:
    model = Model(1, 4, 4, 2)
    key = model.add(Product(), model.add(Pointwise("tanh"), 0), model.add(Pointwise("exp"), 0))
    assert {each.__class__ for each in operations(model.canonical(key))} == {Pointwise, Product}


def test_a_sum_with_another_value_is_no_function_of_one() -> None:
    model = Model(1, 4, 4, 2)
    convolved = model.add(Convolution(), 0, weights=kernel(1, 1, 2, 2))
    assert Sum() in operations(model.canonical(model.add(Sum(), 0, convolved)))


def test_a_quick_gelu_that_is_written_out_is_one_function() -> None:
    model = Model(1, 4, 4, 2)
    key = model.add(Pointwise("sigmoid"), model.add(Pointwise("linear", (1.702, 0.0)), 0))
    assert operations(model.canonical(model.add(Product(), 0, key))) == [Pointwise("silu", (1.702,))]
    assert short(Pointwise("silu", (1.702,))) == "quick GELU"


def single(number: float) -> float:
    return float(np.float32(number))


def swish(slope: float) -> Model:
    """A hard swish in three operations, of images that are a few steps of its line."""
    model = Model(1, 4, 4, 2)
    shifted = model.add(Pointwise("linear", (slope, 0.5)), 0)
    model.add(Product(), 0, model.add(Pointwise("clip", (0.0, 1.0)), shifted))
    return model


@pytest.mark.parametrize(
    ("slope", "expected"),
    [(single(1 / 6), [Pointwise("hard_swish", (1 / 6, 0.5))]), (0.16667, None)],
    ids=["in float32", "in five digits"],
)
def test_a_constant_in_float32_keeps_a_name_and_another_does_not(
    slope: float, expected: list[Operation] | None
) -> None:
    model = swish(slope)
    graph = model.recorder.graph
    model.recorder.output("", model.count)
    found = operations(bring_into_form(graph))
    assert found == expected if expected else len(found) == 3


def test_a_gelu_by_tanh_whose_constant_is_in_float32_keeps_its_name() -> None:
    model = Model(1, 4, 4, 2)
    cube = model.add(Product(), 0, model.add(Product(), 0, 0))
    inner = model.add(Sum(), 0, model.add(Pointwise("linear", (0.044715, 0.0)), cube))
    share = model.add(Pointwise("tanh"), model.add(Pointwise("linear", (single((2 / pi) ** 0.5), 0.0)), inner))
    half = model.add(Pointwise("linear", (0.5, 0.0)), 0)
    model.recorder.output("", model.add(Product(), half, model.add(Pointwise("linear", (1.0, 1.0)), share)))
    assert operations(bring_into_form(model.recorder.graph)) == [Pointwise("gelu_tanh")]


def test_functions_that_nobody_writes_with_rounded_constants_are_told_exactly() -> None:
    model = Model(1, 4, 4, 2)
    key = model.add(Pointwise("sigmoid"), model.add(Pointwise("linear", (single(1.702), 0.0)), 0))
    assert len(operations(model.canonical(model.add(Product(), 0, key)))) == 3


# ------------------------------------------------------------------------------------------- pools, pads


@pytest.mark.parametrize("pool", [AdaptivePool((1, 1)), AveragePool((4, 5), (1, 1))], ids=lambda p: type(p).__name__)
def test_a_pool_of_the_whole_map_is_a_mean(pool: Operation) -> None:
    model = Model(2, 4, 5, 3)
    assert operations(model.canonical(model.add(pool, 0))) == [Mean()]


def test_a_pool_of_a_part_of_the_map_stays_one() -> None:
    model = Model(2, 4, 5, 3)
    assert operations(model.canonical(model.add(AveragePool((4, 4), (1, 1)), 0))) == [AveragePool((4, 4), (1, 1))]


def test_a_pool_of_single_cells_is_a_layout() -> None:
    model = Model(2, 4, 5, 3)
    key = model.add(Convolution(), model.add(MaxPool((1, 1), (2, 2)), 0), weights=kernel(1, 1, 3, 2))
    graph = model.canonical(key)
    assert operations(graph) == [Convolution()]
    assert graph.nodes[graph.outputs[""].source].reads[0].shape == (2, 2, 3, 3)


@pytest.mark.parametrize(
    ("operation", "value", "expected"),
    [
        (Convolution((2, 2)), 0.0, Convolution((2, 2), ((1, 2), (0, 1)))),
        (Convolution(), 1.0, Convolution((1, 1), ((1, 2), (0, 1)), fill=1.0)),
        (MaxPool((3, 3), (2, 2)), 0.0, MaxPool((3, 3), (2, 2), ((1, 2), (0, 1)), fill=0.0)),
        (MaxPool((3, 3), (2, 2)), -inf, MaxPool((3, 3), (2, 2), ((1, 2), (0, 1)))),
        (AveragePool((3, 3), (2, 2)), 0.0, AveragePool((3, 3), (2, 2), ((1, 2), (0, 1)), ((1, 2), (0, 1)))),
    ],
    ids=["convolution", "of ones", "max pool", "of the lowest", "average pool"],
)
def test_padding_is_moved_into_what_reads_it(operation: Operation, value: float, expected: Operation) -> None:
    model = Model(1, 7, 8, 2)
    tensors = {"weights": kernel(3, 3, 2, 4)} if isinstance(operation, Convolution) else {}
    key = model.add(operation, model.add(Pad(((1, 2), (0, 1), (0, 0)), value), 0), **tensors)
    assert operations(model.canonical(key)) == [expected]


def test_padding_that_others_read_or_of_channels_stays() -> None:
    model, channels = Model(1, 7, 8, 2), Model(1, 7, 8, 2)
    padded = model.add(Pad(((1, 1), (1, 1), (0, 0))), 0)
    pooled = model.add(MaxPool((3, 3), (1, 1), ((1, 1), (1, 1))), padded)
    key = model.add(Sum(), pooled, padded)
    assert any(isinstance(each, Pad) for each in operations(model.canonical(key)))
    padded = channels.add(Pad(((0, 0), (0, 0), (1, 1))), 0)
    key = channels.add(Convolution(), padded, weights=kernel(1, 1, 4, 2))
    assert operations(channels.canonical(key)) == [Pad(((0, 0), (0, 0), (1, 1))), Convolution()]


def test_padding_with_another_number_than_the_pool_has_stays() -> None:
    model = Model(1, 7, 8, 2)
    key = model.add(MaxPool((3, 3), (2, 2), ((0, 1), (0, 1))), model.add(Pad(((1, 1), (1, 1), (0, 0))), 0))
    assert len(operations(model.canonical(key))) == 2


# ------------------------------------------------------------------------------------------- affines


def test_factors_and_summands_are_one() -> None:
    model = Model(1, 3, 3, 2)
    key = model.add(Affine(), 0, **{SHIFT: np.array([-1.0, -2.0])})
    key = model.add(Quotient(), key, model.add(Pointwise("exp"), 0))
    key = model.add(Affine(), model.add(Affine(), key, **{SCALE: np.array([2.0, 3.0])}), **{SHIFT: np.ones(2)})
    graph = model.canonical(key)
    (last,) = (node for node in graph.nodes.values() if set(node.tensors) == {SCALE, SHIFT})
    np.testing.assert_array_equal(last.arrays[SCALE], [2.0, 3.0])


def test_numbers_in_a_row_are_one_linear_function() -> None:
    model = Model(1, 3, 3, 2)
    key = model.add(Pointwise("linear", (2.0, 1.0)), 0)
    key = model.add(Affine(), model.add(Pointwise("linear", (3.0, 0.0)), key), **{SHIFT: np.array([1.0, 2.0])})
    graph = model.canonical(key)
    (node,) = (node for node in graph.nodes.values() if node.kind is not Input)
    np.testing.assert_allclose(node.arrays[SHIFT], [4.0, 5.0])


def test_a_summand_of_features_is_a_bias() -> None:
    model = Model(1, 3, 3, 2)
    key = model.add(Affine(), model.add(Convolution(), 0, weights=kernel(1, 1, 2, 4)), **{SHIFT: np.arange(4.0)})
    graph = model.canonical(key)
    assert operations(graph) == [Convolution()]
    assert set(graph.nodes[graph.outputs[""].source].tensors) == {WEIGHTS, BIASES}


def test_a_summand_that_two_read_around_is_no_bias() -> None:
    model = Model(1, 3, 3, 2)
    convolved = model.add(Convolution(), 0, weights=kernel(1, 1, 2, 4))
    key = model.add(Product(), model.add(Affine(), convolved, **{SHIFT: np.arange(4.0)}), convolved)
    assert len(operations(model.canonical(key))) == 3


def test_factors_around_a_matrix_product_are_its_own() -> None:
    model = Model(2, 3, 4)
    dense = model.add(Dense(), 0, weights=kernel(4, 4))
    scaled = model.move(model.add(Pointwise("linear", (0.5, 0.0)), dense), lambda x: x.transpose(0, 2, 1))
    key = model.add(Pointwise("linear", (3.0, 0.0)), model.add(MatrixProduct(), 0, scaled))
    assert MatrixProduct(1.5) in operations(model.canonical(key))


def test_summands_alone_have_no_factor() -> None:
    model = Model(1, 3, 3, 2)
    key = model.add(Affine(), model.add(Affine(), 0, **{SHIFT: np.ones(2)}), **{SHIFT: np.arange(2.0)})
    graph = model.canonical(model.add(Pointwise("linear", (1.0, 2.0)), key))
    (node,) = (node for node in graph.nodes.values() if node.kind is Affine)
    assert set(node.tensors) == {SHIFT}


def test_factors_alone_have_no_summand() -> None:
    model = Model(1, 3, 3, 2)
    key = model.add(Affine(), model.add(Affine(), 0, **{SCALE: np.arange(1.0, 3)}), **{SCALE: np.array([3.0, 5.0])})
    graph = model.canonical(key)
    (node,) = (node for node in graph.nodes.values() if node.kind is Affine)
    assert set(node.tensors) == {SCALE}


def test_a_summand_before_a_factor_is_a_bias_and_the_factor_stays() -> None:
    model = Model(1, 3, 3, 2)
    key = model.add(Affine(), model.add(Convolution(), 0, weights=kernel(1, 1, 2, 4)), **{SHIFT: np.arange(4.0)})
    graph = model.canonical(model.add(Affine(), key, **{SCALE: np.arange(1.0, 5.0)}))
    assert operations(graph) == [Convolution(), Affine()]
    assert [set(node.tensors) for node in graph.nodes.values()][1:] == [{WEIGHTS, BIASES}, {SCALE}]


# ------------------------------------------------------------------------------------------- groups, dense


def grouped(order: tuple[int, ...], kernels: tuple[int, ...] = (3, 3)) -> list[Operation]:
    """Return the operations of convolutions of two halves of the channels, in an order."""
    model = Model(1, 5, 5, 4)
    parts = []
    for begin, size in zip(order, kernels, strict=True):
        half = model.move(0, lambda x, begin=begin: x[..., begin : begin + 2])  # type: ignore[misc]
        pads = ((size // 2,) * 2,) * 2
        parts.append(model.add(Convolution(pads=pads), half, weights=kernel(size, size, 2, 3), biases=kernel(3)))
    return operations(model.canonical(model.add(Concatenation(), *parts)))


def test_convolutions_of_parts_are_one_of_groups() -> None:
    assert grouped((0, 2)) == [Convolution(pads=((1, 1), (1, 1)), groups=2)]


@pytest.mark.parametrize(("order", "kernels"), [((2, 0), (3, 3)), ((0, 2), (3, 5))], ids=["of another order", "unlike"])
def test_convolutions_that_are_no_groups_stay_several(order: tuple[int, ...], kernels: tuple[int, ...]) -> None:
    assert len(grouped(order, kernels)) == 3


@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 3, 1, 2), (0, 2, 1, 3)], ids=["NHWC", "NCHW", "NWHC"])
def test_a_dense_layer_over_a_map_is_a_convolution_of_all_of_it(axes: tuple[int, ...]) -> None:
    model = Model(2, 3, 4, 5)
    mapped = model.add(RELU, 0)
    flat = model.move(mapped, lambda x: x.transpose(axes).reshape(2, -1))
    graph = model.canonical(model.add(Dense(), flat, weights=kernel(60, 7)))
    assert operations(graph) == [RELU, Convolution()]
    assert graph.nodes[graph.outputs[""].source].arrays[WEIGHTS].shape == (3, 4, 5, 7)


def test_a_dense_layer_over_half_a_map_stays_one() -> None:
    model = Model(2, 3, 4, 6)
    flat = model.move(model.add(RELU, 0), lambda x: x[..., :3].reshape(2, -1))
    assert operations(model.canonical(model.add(Dense(), flat, weights=kernel(36, 7)))) == [RELU, Dense()]


def test_a_packed_dense_layer_is_one_for_each_part() -> None:
    model = Model(2, 3, 4)
    weights, biases = kernel(4, 8), kernel(8)
    packed = model.add(Dense(), 0, weights=weights, biases=biases)
    queries, keys = (model.move(packed, lambda x, at=at: x[..., at : at + 4]) for at in (0, 4))  # type: ignore[misc]
    key = model.add(MatrixProduct(), queries, model.move(keys, lambda x: x.transpose(0, 2, 1)))
    graph = model.canonical(key)
    assert operations(graph) == [Dense(), Dense(), MatrixProduct()]
    product = graph.nodes[graph.outputs[""].source]
    first, second = (graph.nodes[read.source] for read in product.reads)
    np.testing.assert_array_equal(np.concatenate([first.arrays[WEIGHTS], second.arrays[WEIGHTS]], 1), weights)
    np.testing.assert_array_equal(second.arrays[BIASES], biases[4:])


def test_a_dense_layer_that_is_returned_is_not_split() -> None:
    model = Model(2, 3, 4)
    assert operations(model.canonical(model.add(Dense(), 0, weights=kernel(4, 8)))) == [Dense()]
