"""Products of matrices whose result is read turned: keys times queries, where others compute queries times keys."""

from collections.abc import Iterator

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Read
from isomorph.backends.graphs.layout import Layout
from isomorph.spec.operations import Dropout, MatrixProduct, Pointwise, Softmax


def orient_products(graph: Graph) -> None:
    """Exchange the operands of products whose result another product multiplies with its last two axes exchanged.

    Whatever is on the way, a softmax for one, leaves the axes as they are.
    """
    for node in graph.nodes.values():
        if node.kind is not MatrixProduct or node.value is None:
            continue
        turned = Layout.whole(node.value.shape).moved(_turned)
        ways = list(_ways(graph, Read(node.number, Layout.whole(node.value.shape))))
        if not ways or not all(_are_one(way, turned) for way in ways):
            continue
        left, right = node.reads
        node.reads = right.moved(_turned), left.moved(_turned)
        node.value = np.ascontiguousarray(_turned(node.value))
        graph.replace_reads(node.number, Read(node.number, Layout.whole(node.value.shape).moved(_turned)))


def _ways(graph: Graph, read: Read) -> Iterator[Layout]:
    """Yield how the first operands of products are read of a value, through softmaxes and functions of each element."""
    for number, place in graph.readers[read.source]:
        reader = graph.nodes[number]
        layout = read.layout.then(reader.reads[place].layout)
        if reader.kind is MatrixProduct and place == 0:
            yield layout
        elif reader.kind in (Softmax, Pointwise, Dropout) and np.shape(reader.value) == layout.shape:  # type: ignore[arg-type]
            yield from (layout.then(way) for way in _ways(graph, Read(number, Layout.whole(layout.shape))))


def _turned(x: Array) -> Array:
    return x.swapaxes(-1, -2)


def _are_one(first: Layout, second: Layout) -> bool:
    return first.shape == second.shape and np.array_equal(first.numbers(), second.numbers())
