"""Graphs: who reads whom, what is left when unread nodes go, and the order of nodes."""

import numpy as np
import pytest

from isomorph.backends.graphs.graph import Graph, Node, Read
from isomorph.backends.graphs.layout import Layout
from isomorph.spec.operations import RELU, Concatenation, Input, Sum

X = np.random.default_rng(0).normal(size=(1, 2, 2, 3))


def chain() -> Graph:
    """The images, two functions of them, their sum, which is the answer, and a node that nobody reads."""
    graph = Graph()
    read = graph.add(Node(graph.new_number(), Input(), value=X))
    first, second, _unread = (graph.add(Node(graph.new_number(), RELU, (read,), value=np.maximum(X, 0))) for _ in "abc")
    graph.outputs[""] = graph.add(Node(graph.new_number(), Sum(), (first, second), value=2 * np.maximum(X, 0)))
    return graph


def test_readers_are_told_with_their_places() -> None:
    assert chain().readers == {0: [(1, 0), (2, 0), (3, 0)], 1: [(4, 0)], 2: [(4, 1)], 3: [], 4: []}


def test_what_no_output_depends_on_is_removed_but_the_images_stay() -> None:
    graph = chain()
    graph.remove_unread()
    assert list(graph.nodes) == [0, 1, 2, 4]
    graph.outputs.clear()
    graph.remove_unread()
    assert list(graph.nodes) == [0]


def test_numbers_are_new() -> None:
    graph = chain()
    assert graph.new_number() == 5
    del graph.nodes[3]
    assert graph.new_number() == 5
    assert Graph().new_number() == 0


def test_nodes_are_put_behind_what_they_read() -> None:
    graph = chain()
    graph.nodes = dict(reversed(graph.nodes.items()))
    graph.put_in_order()
    places = {number: place for place, number in enumerate(graph.nodes)}
    assert set(places) == {0, 1, 2, 3, 4}
    assert all(places[read.source] < places[node.number] for node in graph.nodes.values() for read in node.reads)


def test_nodes_in_order_stay_there() -> None:
    graph = chain()
    graph.put_in_order()
    assert list(graph.nodes) == [0, 1, 2, 3, 4]


def test_reads_are_replaced_through_their_layouts() -> None:
    """What read a node moved reads the other moved in the same way."""
    graph = chain()
    flipped = Layout.whole(X.shape).moved(lambda x: x[:, ::-1])
    graph.nodes[4].reads = (graph.nodes[4].reads[0].then(flipped), graph.nodes[4].reads[1])
    graph.outputs["first"] = Read(1, flipped)
    graph.replace_reads(1, Read(0, Layout.whole(X.shape)))
    np.testing.assert_array_equal(graph.take(graph.nodes[4].reads[0]), X[:, ::-1])
    np.testing.assert_array_equal(graph.take(graph.outputs["first"]), X[:, ::-1])
    assert {read.source for read in graph.each_read()} == {0, 2, 4}


def test_other_values_are_taken_where_they_are_given() -> None:
    graph = chain()
    assert graph.take(graph.outputs[""], {4: np.ones(X.shape)}).tolist() == np.ones(X.shape).tolist()


def test_a_node_without_a_value_cannot_be_read() -> None:
    graph = chain()
    graph.nodes[4].value = None
    with pytest.raises(AssertionError):
        graph.take(graph.outputs[""])


def test_the_images_are_found_wherever_they_stand() -> None:
    graph = chain()
    graph.nodes = dict(reversed(graph.nodes.items()))
    assert graph.images is X
    assert graph.input.number == 0


def test_every_read_is_told() -> None:
    graph = chain()
    graph.add(Node(graph.new_number(), Concatenation(), (Read(2, Layout.whole(X.shape)),) * 2, value=X))
    assert [read.source for read in graph.each_read()] == [0, 0, 0, 1, 2, 2, 2, 4]
