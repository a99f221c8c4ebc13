"""Dense layers: over a flattened map they are convolutions of one window, and several packed into one are several."""

from collections import defaultdict
from itertools import permutations

import numpy as np

from isomorph.backends.graphs.graph import Graph, Node, Read
from isomorph.backends.graphs.layout import Layout
from isomorph.spec.operations import Convolution, Dense
from isomorph.spec.tensors import BIASES, WEIGHTS


def order_flattened(graph: Graph) -> None:
    """Write a dense layer that reads a flattened map, in whatever order, as a convolution over the whole map."""
    for node in graph.nodes.values():
        if node.kind is not Dense or len(node.reads[0].shape) != 2:
            continue
        read = node.reads[0]
        source = graph.nodes[read.source]
        if source.value is None or source.value.ndim != 4 or source.value[0].size != read.shape[1]:
            continue
        batch, height, width, depth = source.value.shape
        order = _order(read, (height, width, depth))
        if height * width == 1 or batch != read.shape[0] or order is None:
            continue
        lengths = [(height, width, depth)[axis] for axis in order]
        back = [*np.argsort(order), 3]
        weights = node.tensors[WEIGHTS]
        outputs = weights.value.shape[1]
        node.operation = Convolution()
        node.reads = (Read(read.source, Layout.whole(source.value.shape)),)
        node.tensors[WEIGHTS] = weights.moved(
            lambda w, lengths=lengths, back=back: w.reshape(*lengths, -1).transpose(back)  # type: ignore[misc]
        )
        if node.value is not None:
            node.value = node.value.reshape(batch, 1, 1, outputs)


def _order(read: Read, shape: tuple[int, int, int]) -> tuple[int, ...] | None:
    """Return the order of the axes in which each image's map is flattened; None if it is none."""
    batch, size = read.shape
    numbers = np.arange(batch * size).reshape(batch, *shape)
    found = read.layout.numbers()
    for order in permutations(range(3)):
        if np.array_equal(numbers.transpose(0, *(axis + 1 for axis in order)).reshape(batch, size), found):
            return order
    return None


def split_packed(graph: Graph) -> None:
    """Split a dense layer whose outputs are read in disjoint parts, as the queries, keys and values of attention."""
    for node in list(graph.nodes.values()):
        if node.kind is not Dense or node.value is None:
            continue
        if any(read.source == node.number for read in graph.outputs.values()):
            continue
        outputs = node.value.shape[-1]
        parts: dict[tuple[int, ...], list[tuple[Node, int]]] = defaultdict(list)
        for number, place in graph.readers[node.number]:
            reader = graph.nodes[number]
            read = np.unique(reader.reads[place].layout.numbers() % outputs)
            parts[tuple(read.tolist())].append((reader, place))
        all_columns = [column for columns in parts for column in columns]
        if len(parts) < 2 or len(set(all_columns)) != len(all_columns) or len(all_columns) != outputs:
            continue
        for columns, readers in parts.items():
            _split_off(graph, node, list(columns), readers)
        del graph.nodes[node.number]


def _split_off(graph: Graph, packed: Node, columns: list[int], readers: list[tuple[Node, int]]) -> None:
    """Add the part of a dense layer that has some of its outputs, and have these readers read that."""
    assert packed.value is not None
    outputs = packed.value.shape[-1]
    at = slice(columns[0], columns[-1] + 1, columns[1] - columns[0] if len(columns) > 1 else 1)
    taken: slice | list[int] = at if list(range(outputs))[at] == columns else columns
    tensors = {WEIGHTS: packed.tensors[WEIGHTS].moved(lambda w: w[:, taken])}
    if BIASES in packed.tensors:
        tensors[BIASES] = packed.tensors[BIASES].moved(lambda b: b[taken])
    value = np.ascontiguousarray(packed.value[..., columns])
    part = Node(graph.new_number(), Dense(), packed.reads, tensors, value, packed.name)
    graph.nodes[part.number] = part
    place_of = np.full(outputs, -1)
    place_of[columns] = np.arange(len(columns))
    for reader, place in readers:
        numbers = reader.reads[place].layout.numbers()
        moved = numbers // outputs * len(columns) + place_of[numbers % outputs]
        reads = list(reader.reads)
        reads[place] = Read(part.number, Layout.of(moved, value.size))
        reader.reads = tuple(reads)
