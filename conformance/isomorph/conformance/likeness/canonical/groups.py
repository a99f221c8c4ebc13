"""Grouped convolutions that are written as several, each on its own channels, whose results are joined again."""

from dataclasses import replace

import numpy as np

from isomorph.backends.graphs.graph import Graph, Node, Read, Tensor
from isomorph.backends.graphs.layout import Layout
from isomorph.spec.operations import Concatenation, Convolution


def join_groups(graph: Graph) -> None:
    """Write convolutions of consecutive channels whose results are concatenated as one of several groups."""
    for node in graph.nodes.values():
        if node.kind is not Concatenation or node.value is None or node.value.ndim != 4:
            continue
        parts = [graph.nodes[read.source] for read in node.reads]
        if len(set(map(id, parts))) != len(parts) or not all(_is_part(graph, each, parts[0]) for each in parts):
            continue
        if not all(
            read.layout.is_whole and read.shape == part.value.shape
            for read, part in zip(node.reads, parts, strict=True)
            if part.value is not None
        ):
            continue
        source = graph.nodes[parts[0].reads[0].source]
        if source.value is None or not _read_in_order(parts, source.value.shape):
            continue
        first = parts[0].operation
        assert isinstance(first, Convolution)
        node.operation = replace(first, groups=len(parts) * first.groups)
        node.reads = (Read(source.number, Layout.whole(source.value.shape)),)
        for leaf in parts[0].tensors:
            joined = np.concatenate([part.tensors[leaf].value for part in parts], axis=-1)
            node.tensors[leaf] = Tensor.computed(joined)
        node.name = parts[0].name


def _is_part(graph: Graph, node: Node, first: Node) -> bool:
    """Return whether a node is such a convolution as the first, and nothing but the concatenation reads it."""
    if node.kind is not Convolution or node.operation != first.operation or set(node.tensors) != set(first.tensors):
        return False
    if any(node.arrays[leaf].shape != first.arrays[leaf].shape for leaf in node.tensors):
        return False
    return sum(read.source == node.number for read in graph.each_read()) == 1


def _read_in_order(parts: list[Node], shape: tuple[int, ...]) -> bool:
    """Return whether the parts read the channels of one map of these axes, one behind the other."""
    numbers = np.arange(np.prod(shape)).reshape(shape)
    begin = 0
    for part in parts:
        read = part.reads[0]
        end = begin + read.shape[-1]
        if read.source != parts[0].reads[0].source or not np.array_equal(
            read.layout.numbers(), numbers[..., begin:end]
        ):
            return False
        begin = end
    return begin == shape[-1]
