"""Products of matrices are written as queries times keys, whichever is multiplied by which."""

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Node, Read
from isomorph.backends.graphs.layout import Layout
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.conformance.likeness.canonical import bring_into_form
from isomorph.conformance.likeness.canonical.products import orient_products
from isomorph.spec.operations import RELU, Dense, Dropout, Input, MatrixProduct, Operation, Softmax, Sum

from .sketched import Sketch


def attention(between: Operation | None = None, also: bool = False) -> tuple[Graph, list[int]]:
    """Keys times queries, whose transposed result multiplies values; return the numbers of the queries and keys, too.

    between: what is computed of the transposed product first. also: whether it multiplies others as it lies.
    """
    net = Sketch(2, 5, 4)
    queries, keys, values = (net.add(Dense(), "x", weights=net.drawn(4, 4)) for _ in range(3))
    product = net.add(MatrixProduct(0.5), keys, net.move(queries, turned))
    scores = net.move(product, turned)
    if between is not None:
        scores = net.add(between, scores)
    end = net.add(MatrixProduct(), scores, values)
    if also:
        end = net.add(Sum(), end, net.add(MatrixProduct(), product, values))
    return canonical(net.ends_in(end)), [int(queries), int(keys)]


def canonical(graph: Graph) -> Graph:
    """Return a graph in its form, whose nodes give of one another what they are said to give."""
    expected = graph.take(graph.outputs[""]).copy()
    bring_into_form(graph)
    for node in graph.nodes.values():
        if node.kind is not Input:
            assert node.value is not None
            found = evaluate(node.operation, [graph.take(read) for read in node.reads], node.arrays)
            np.testing.assert_allclose(node.value, found, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(graph.take(graph.outputs[""]), expected, rtol=1e-9, atol=1e-12)
    return graph


def turned(x: Array) -> Array:
    return x.swapaxes(-1, -2)


@pytest.mark.parametrize("between", [None, Softmax(), RELU], ids=["right away", "behind a softmax", "behind a ReLU"])
def test_keys_times_queries_are_queries_times_keys(between: Operation | None) -> None:
    graph, expected = attention(between)
    product = next(node for node in graph.nodes.values() if node.kind is MatrixProduct)
    assert [read.source for read in product.reads] == expected
    reader = next(node for node in graph.nodes.values() if any(read.source == product.number for read in node.reads))
    assert reader.reads[0].layout.is_whole


def test_a_product_in_front_of_a_dropout_is_oriented() -> None:
    graph, (queries, keys) = attention()
    product, mixed = (node for node in graph.nodes.values() if node.kind is MatrixProduct)
    layout = Layout.whole((2, 5, 5))
    (left, right), scores = product.reads, graph.take(mixed.reads[0])
    product.reads, product.value = (right.moved(turned), left.moved(turned)), turned(scores)
    dropout = Node(graph.new_number(), Dropout(0.3), (Read(product.number, layout.moved(turned)),), {}, scores)
    graph.nodes[dropout.number] = dropout
    mixed.reads = Read(dropout.number, layout), mixed.reads[1]
    graph.put_in_order()
    orient_products(graph)
    assert [read.source for read in product.reads] == [queries, keys]
    assert dropout.reads[0].layout.is_whole


def test_a_product_that_another_multiplies_from_the_left_stays() -> None:
    net = Sketch(2, 5, 5)
    first, second = (net.add(Dense(), "x", weights=net.drawn(5, 5)) for _ in range(2))
    product = net.add(MatrixProduct(), first, second)
    graph = canonical(net.ends_in(net.add(MatrixProduct(), "x", net.move(product, turned))))
    (node, *_) = (node for node in graph.nodes.values() if node.kind is MatrixProduct)
    assert [read.source for read in node.reads] == [int(first), int(second)]


def test_a_product_that_is_also_read_as_it_lies_stays() -> None:
    graph, expected = attention(also=True)
    product = next(node for node in graph.nodes.values() if node.kind is MatrixProduct)
    assert [read.source for read in product.reads] == expected[::-1]
