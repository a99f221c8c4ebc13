"""Factors and summands: chains of them as one, and those of a layer's own features as its bias."""

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Node, Read, Tensor
from isomorph.spec.operations import (
    SCALE,
    SHIFT,
    Affine,
    Convolution,
    Dense,
    MatrixProduct,
    Pointwise,
    TransposedConvolution,
)
from isomorph.spec.tensors import BIASES


def join_affines(graph: Graph) -> None:
    """Join factors and summands that follow one another into one node, and a factor of a matrix product into that."""
    for node in list(graph.nodes.values()):
        if not _is_affine(node) or node.number not in graph.nodes:
            continue
        before = graph.nodes[node.reads[0].source]
        alone = _reads_alone(graph, node)
        if alone and _is_affine(before):
            factor, summand = _parts(before)
            own_factor, own_summand = _parts(node)
            _become(node, factor * own_factor, summand * own_factor + own_summand)
            node.reads = before.reads
        elif alone and isinstance(before.operation, MatrixProduct) and isinstance(node.operation, Pointwise):
            times, plus = node.operation.constants
            if not plus:
                node.operation = MatrixProduct(before.operation.factor * times)
                node.reads, node.tensors = before.reads, {}
    for node in graph.nodes.values():
        if isinstance(node.operation, MatrixProduct):
            _take_factors(graph, node)


def move_into_bias(graph: Graph) -> None:
    """Make a summand of each feature, right behind a layer, its bias, or a part of it."""
    for node in list(graph.nodes.values()):
        if not isinstance(node.operation, Affine) or set(node.tensors) != {SHIFT} or not _reads_alone(graph, node):
            continue
        before = graph.nodes[node.reads[0].source]
        shift = node.tensors[SHIFT]
        if isinstance(before.operation, Convolution | Dense | TransposedConvolution) and shift.value.ndim == 1:
            if BIASES in before.tensors:
                shift = Tensor.computed(before.tensors[BIASES].value + shift.value)
            node.operation, node.reads = before.operation, before.reads
            node.tensors = before.tensors | {BIASES: shift}
            node.name = before.name or node.name


def _is_affine(node: Node) -> bool:
    operation = node.operation
    return isinstance(operation, Affine) or (isinstance(operation, Pointwise) and operation.function == "linear")


def _reads_alone(graph: Graph, node: Node) -> bool:
    """Return whether a node is the only one that reads what it reads, and reads it as it lies."""
    (read,) = node.reads
    others = sum(each.source == read.source for each in graph.each_read())
    before = graph.nodes[read.source]
    return others == 1 and read.layout.is_whole and (before.value is None or before.value.shape == read.shape)


def _parts(node: Node) -> tuple[Array, Array]:
    """Return the factor and the summand of a node."""
    if isinstance(node.operation, Pointwise):
        factor, summand = node.operation.constants
        return np.array(factor), np.array(summand)
    return (
        np.asarray(node.tensors[SCALE].value if SCALE in node.tensors else 1.0),
        np.asarray(node.tensors[SHIFT].value if SHIFT in node.tensors else 0.0),
    )


def _become(node: Node, factor: Array, summand: Array) -> None:
    """Make a node one of these."""
    if factor.size == 1 and summand.size == 1:
        node.operation, node.tensors = Pointwise("linear", (factor.item(), summand.item())), {}
        return
    node.operation = Affine()
    parts = ((SCALE, factor, 1), (SHIFT, summand, 0))
    node.tensors = {leaf: Tensor.computed(x) for leaf, x, neutral in parts if np.any(x != neutral)}


def _take_factors(graph: Graph, node: Node) -> None:
    """Move factors of the operands of a matrix product into it."""
    assert isinstance(node.operation, MatrixProduct)
    factor, reads = node.operation.factor, []
    for given in node.reads:
        read = given
        while True:
            before = graph.nodes[read.source].operation
            if not isinstance(before, Pointwise) or before.function != "linear" or before.constants[1]:
                break
            factor *= before.constants[0]
            (inner,) = graph.nodes[read.source].reads
            read = Read(inner.source, inner.layout.then(read.layout))
        reads.append(read)
    node.operation, node.reads = MatrixProduct(factor), tuple(reads)
