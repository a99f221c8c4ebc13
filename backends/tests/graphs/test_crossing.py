"""Graphs on their way between processes: through JSON and arrays, nothing is lost, and nothing is there twice."""

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.crossing import from_document, to_document
from isomorph.backends.graphs.graph import Graph, Tensor
from isomorph.backends.graphs.layout import Layout
from isomorph.backends.graphs.recorder import Recorder
from isomorph.spec.operations import RELU, SHIFT, Affine, Dense, Pointwise


@pytest.fixture
def graph() -> Graph:
    """Layouts by strides and by numbers, tensors with and without names, two of one stored array, values and none."""
    random = np.random.default_rng(0)
    recorder = Recorder()
    recorder.images("x", random.normal(size=(2, 2, 3, 4)))
    recorder.own("kernel", "fc.weight", random.normal(size=(12, 4)))
    recorder.move("kernel", ["first", "second"], lambda w: [w.T[:, :5], w.T[:, 5:10]])
    recorder.move("x", ["rolled"], lambda x: [np.roll(x, 1, 3)])
    recorder.module = "layer1.0"
    for name in ("first", "second"):
        value = recorder.graph.take(recorder.reads["rolled"]) @ recorder.constants[name].value
        tensors = {"weights": recorder.constants[name], "biases": Tensor.computed(np.zeros(5))}
        recorder.add(f"y {name}", Dense(), [recorder.reads["rolled"]], value, tensors)
    value = recorder.graph.take(recorder.reads["y first"])
    recorder.add_each("z", Pointwise("clip", (-np.inf, 6.0)), [recorder.reads["y first"]], np.minimum(value, 6.0))
    tensors = {SHIFT: Tensor.computed(np.array(-np.inf))}
    recorder.add_each("w", Affine(), [recorder.reads["z"]], np.full(value.shape, -np.inf), tensors)
    recorder.output("logits", "z")
    recorder.move("y second", ["flat"], lambda x: [x.reshape(2, -1)[:, ::-1]])
    recorder.output("features.0", "flat")
    recorder.graph.nodes[2].value = None
    return recorder.graph


def crossed(graph: Graph) -> Graph:
    document, arrays = to_document(graph)
    return from_document(json.loads(json.dumps(document)), {name: array.copy() for name, array in arrays.items()})


def layouts(graph: Graph) -> Iterator[Layout]:
    for read in graph.each_read():
        yield read.layout
    for node in graph.nodes.values():
        for tensor in node.tensors.values():
            yield tensor.layout


def assert_equal(found: Array | None, expected: Array | None) -> None:
    __tracebackhide__ = True
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        np.testing.assert_array_equal(found, expected)


def test_nodes_are_the_same_on_the_other_side(graph: Graph) -> None:
    other = crossed(graph)
    assert list(other.nodes) == list(graph.nodes)
    for node, same in zip(graph.nodes.values(), other.nodes.values(), strict=True):
        assert (same.number, same.operation, same.name) == (node.number, node.operation, node.name)
        assert_equal(same.value, node.value)
        assert list(same.tensors) == list(node.tensors)
        for leaf, tensor in node.tensors.items():
            assert same.tensors[leaf].name == tensor.name
            assert_equal(same.tensors[leaf].stored, tensor.stored)
            assert_equal(same.tensors[leaf].value, tensor.value)


def test_reads_and_outputs_are_the_same_on_the_other_side(graph: Graph) -> None:
    other = crossed(graph)
    assert list(other.outputs) == list(graph.outputs)
    assert [read.source for read in other.each_read()] == [read.source for read in graph.each_read()]
    for layout, same in zip(layouts(graph), layouts(other), strict=True):
        assert replace(same, index=None) is not same
        assert (same.size, same.shape, same.strides, same.offset) == (
            layout.size,
            layout.shape,
            layout.strides,
            layout.offset,
        )
        assert_equal(same.index, layout.index)


def test_a_stored_tensor_crosses_once(graph: Graph) -> None:
    _, arrays = to_document(graph)
    stored = graph.nodes[1].tensors["weights"].stored
    assert sum(array is stored for array in arrays.values()) == 1
    other = crossed(graph)
    assert other.nodes[1].tensors["weights"].stored is other.nodes[2].tensors["weights"].stored


def test_values_go_by_their_nodes_numbers(graph: Graph) -> None:
    _, arrays = to_document(graph)
    valued = {f"values/{node.number}" for node in graph.nodes.values() if node.value is not None}
    assert {name for name in arrays if name.startswith("values/")} == valued


def test_a_graph_crosses_twice(graph: Graph) -> None:
    once, twice = crossed(graph), crossed(crossed(graph))
    assert to_document(once)[0] == to_document(twice)[0]
    assert RELU not in [node.operation for node in twice.nodes.values()]
