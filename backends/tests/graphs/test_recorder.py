"""What a recorder makes of a model's calls: each node, evaluated on what it reads, gives the value it was told."""

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Tensor
from isomorph.backends.graphs.layout import Move
from isomorph.backends.graphs.recorder import Recorder
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.spec.operations import (
    RELU,
    SCALE,
    SHIFT,
    Affine,
    Concatenation,
    Constant,
    Input,
    Product,
    Quotient,
    Sum,
)

X = np.random.default_rng(0).normal(size=(2, 4, 3, 5))


def to_channels_first(x: Array) -> Array:
    return x.transpose(0, 3, 1, 2)


def to_channels_last(x: Array) -> Array:
    return x.transpose(0, 2, 3, 1)


def recording() -> tuple[Recorder, Array]:
    """A recorder that knows images as a framework has them, [N, C, h, w], under the key "x"."""
    recorder = Recorder()
    recorder.images("x", X, to_channels_first)
    return recorder, to_channels_first(X)


def assert_computes_its_values(graph: Graph) -> None:
    __tracebackhide__ = True
    for node in graph.nodes.values():
        if not isinstance(node.operation, Input):
            found = evaluate(node.operation, [graph.take(read) for read in node.reads], node.arrays)
            np.testing.assert_array_equal(found, node.value, str(node.operation))


def test_images_lie_as_they_came_and_are_read_as_the_framework_has_them() -> None:
    recorder, x = recording()
    assert recorder.graph.images.shape == X.shape
    np.testing.assert_array_equal(recorder.graph.take(recorder.reads["x"]), x)


def test_values_are_those_of_the_moment() -> None:
    """What a model changes later in place does not change what was recorded."""
    recorder, x = recording()
    value = np.maximum(to_channels_last(x), 0)
    recorder.add("y", RELU, [recorder.reads["x"].moved(to_channels_last)], value, move=to_channels_first)
    value[:] = 7
    assert_computes_its_values(recorder.graph)


MOVES: dict[str, Move] = {
    "as it lies": lambda x: x,
    "rows for columns": lambda x: x.swapaxes(2, 3),
    "backward": lambda x: x[:, ::-1],
    "flat": lambda x: x.reshape(2, -1),
    "rolled": lambda x: np.roll(x, 1, 1),
}


@pytest.mark.parametrize("name", MOVES)
def test_a_function_of_each_element_keeps_its_sources_order(name: str) -> None:
    recorder, x = recording()
    move = MOVES[name]
    recorder.move("x", ["moved"], lambda each: [move(each)])
    moved = move(x)
    recorder.add_each("y", RELU, [recorder.reads["moved"]], np.maximum(moved, 0), move=to_channels_last)
    (node,) = (node for node in recorder.graph.nodes.values() if node.operation == RELU)
    np.testing.assert_array_equal(node.value, np.maximum(X, 0))
    assert node.reads[0].layout.is_whole
    np.testing.assert_array_equal(recorder.graph.take(recorder.reads["y"]), np.maximum(moved, 0))
    assert_computes_its_values(recorder.graph)


def test_what_is_read_in_part_lies_with_its_features_last() -> None:
    recorder, x = recording()
    recorder.move("x", ["part"], lambda each: [each[:, 1:3]])
    recorder.add_each("y", RELU, [recorder.reads["part"]], np.maximum(x[:, 1:3], 0), move=to_channels_last)
    node = list(recorder.graph.nodes.values())[-1]
    np.testing.assert_array_equal(node.value, to_channels_last(np.maximum(x[:, 1:3], 0)))
    np.testing.assert_array_equal(recorder.graph.take(recorder.reads["y"]), np.maximum(x[:, 1:3], 0))
    assert_computes_its_values(recorder.graph)


PARTS = {
    "whole": (slice(None),) * 4,
    "one a channel": (slice(None), slice(None), slice(1), slice(1)),
    "one a cell": (slice(None), slice(1), slice(None), slice(None)),
    "one an image": (slice(None), slice(1), slice(1), slice(1)),
    "one row for all images": (slice(1), slice(None), slice(1), slice(None)),
}


@pytest.mark.parametrize("first", PARTS)
@pytest.mark.parametrize("second", PARTS)
@pytest.mark.parametrize("operation", [Sum((1.0, -2.0)), Product(), Quotient()], ids=["sum", "product", "quotient"])
def test_operands_stretch_to_one_another(operation: Sum | Product | Quotient, first: str, second: str) -> None:
    recorder, x = recording()
    recorder.move("x", ["a", "b"], lambda each: [each[PARTS[first]], each[PARTS[second]]])
    a, b = x[PARTS[first]], x[PARTS[second]]
    value = {Sum: a - 2 * b, Product: a * b, Quotient: a / b}[type(operation)]
    recorder.add_each("y", operation, [recorder.reads["a"], recorder.reads["b"]], value, move=to_channels_last)
    np.testing.assert_array_equal(recorder.graph.take(recorder.reads["y"]), value)
    assert_computes_its_values(recorder.graph)


def test_axes_that_an_operand_lacks_are_those_in_front() -> None:
    recorder, x = recording()
    recorder.move("x", ["row"], lambda each: [each[0, 0, 0]])
    value = x + x[0, 0, 0]
    reads = [recorder.reads["row"], recorder.reads["x"]]
    recorder.add_each("y", Sum(), reads, value, move=to_channels_last)
    assert_computes_its_values(recorder.graph)
    np.testing.assert_array_equal(recorder.graph.take(recorder.reads["y"]), value)


@pytest.mark.parametrize(
    ("shape", "left"),
    [((5, 1, 1), (5,)), ((1, 5, 1, 1), (5,)), ((), (1,)), ((4, 3), (4, 3, 1)), ((5, 4, 3), (4, 3, 5)), ((3,), (3, 1))],
)
def test_constants_lose_the_axes_along_which_they_stretch(shape: tuple[int, ...], left: tuple[int, ...]) -> None:
    recorder, x = recording()
    stored = np.random.default_rng(1).normal(size=shape)
    recorder.own("scale", "net.scale", stored)
    tensors = {SCALE: recorder.tensor("scale", stored), SHIFT: Tensor.computed(np.array(2.0))}
    recorder.add_each("y", Affine(), [recorder.reads["x"]], x * stored + 2.0, tensors, to_channels_last)
    node = list(recorder.graph.nodes.values())[-1]
    assert node.tensors[SCALE].value.shape == left
    assert node.tensors[SCALE].name == "net.scale"
    assert node.tensors[SCALE].stored is stored
    assert_computes_its_values(recorder.graph)


@pytest.mark.parametrize("axis", range(-4, 4))
def test_values_one_behind_the_other_along_any_axis(axis: int) -> None:
    recorder, x = recording()
    recorder.move("x", ["a", "b"], lambda each: np.split(each, [1], axis))
    reads = [recorder.reads["b"], recorder.reads["x"], recorder.reads["a"]]
    a, b = np.split(x, [1], axis)
    value = np.concatenate([b, x, a], axis)
    recorder.concatenate("y", reads, value, axis)
    np.testing.assert_array_equal(recorder.graph.take(recorder.reads["y"]), value)
    assert list(recorder.graph.nodes.values())[-1].operation == Concatenation()
    assert_computes_its_values(recorder.graph)


def test_a_constant_becomes_a_value_under_its_name() -> None:
    recorder, _ = recording()
    recorder.own("token", "net.token", np.arange(6.0).reshape(1, 2, 3))
    recorder.move("token", ["moved"], lambda each: [np.broadcast_to(each, (2, 2, 3)).swapaxes(1, 2)])
    read = recorder.as_value(recorder.constants["moved"])
    node = recorder.graph.nodes[read.source]
    assert node.operation == Constant()
    assert node.tensors["value"].name == "net.token"
    assert read.shape == (2, 3, 2)
    assert_computes_its_values(recorder.graph)


def test_constants_keep_their_names_through_moves_and_lose_them_in_operations() -> None:
    recorder, _ = recording()
    kernel = np.arange(24.0).reshape(4, 3, 2, 1)
    recorder.own("kernel", "conv.weight", kernel)
    recorder.move("kernel", ["moved", "rest"], lambda each: [each.transpose(2, 3, 1, 0), each[:2]])
    tensor = recorder.tensor("moved", kernel)
    assert tensor.name == "conv.weight"
    np.testing.assert_array_equal(tensor.value, kernel.transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(recorder.constants["rest"].value, kernel[:2])
    computed = recorder.tensor("doubled", 2 * kernel)
    assert computed.name is None
    np.testing.assert_array_equal(computed.value, 2 * kernel)


def test_moving_what_is_not_known_records_nothing() -> None:
    recorder, _ = recording()
    recorder.move("drawn", ["moved"], lambda each: [each])
    assert "moved" not in recorder.reads
    assert "moved" not in recorder.constants


def test_outputs_that_do_not_depend_on_the_images_are_left_out() -> None:
    recorder, x = recording()
    recorder.output("constant", "elsewhere")
    recorder.output("answer", "x")
    assert list(recorder.graph.outputs) == ["answer"]
    np.testing.assert_array_equal(recorder.graph.take(recorder.graph.outputs["answer"]), x)


def test_operations_go_by_the_module_that_is_running() -> None:
    recorder, x = recording()
    recorder.module = "stem.relu"
    recorder.add_each("y", RELU, [recorder.reads["x"]], np.maximum(x, 0), move=to_channels_last)
    assert [node.name for node in recorder.graph.nodes.values()] == ["input", "stem.relu"]
