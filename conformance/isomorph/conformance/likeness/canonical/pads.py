"""Padding that stands alone, in the convolution or the pool behind it."""

from dataclasses import replace

import numpy as np

from isomorph.backends.graphs.graph import Graph, Node
from isomorph.spec.operations import UNPADDED, AveragePool, Convolution, MaxPool, Operation, Pad, Pads


def fold_pads(graph: Graph) -> None:
    """Move padding of rows and columns into all convolutions and pools that read it, if nothing else does."""
    readers = graph.readers
    for node in list(graph.nodes.values()):
        pad = node.operation
        if not isinstance(pad, Pad) or any(pad.pads[2]) or node.number in {r.source for r in graph.outputs.values()}:
            continue
        behind = [graph.nodes[number] for number, _ in readers[node.number]]
        folded = [_folded(pad, each, node) for each in behind]
        if not folded or None in folded:
            continue
        for each, operation in zip(behind, folded, strict=True):
            assert operation is not None
            each.operation, each.reads = operation, node.reads


def _folded(pad: Pad, node: Node, padded: Node) -> Operation | None:
    """Return the operation of a node that reads what `pad` padded, with those pads; None if it has no such form."""
    operation = node.operation
    if not node.reads[0].layout.is_whole or node.reads[0].shape != _shape(padded):
        return None
    rows, columns, _ = pad.pads
    match operation:
        case Convolution():
            if operation.pads == UNPADDED or operation.fill == pad.value:
                return replace(operation, pads=_added(operation.pads, (rows, columns)), fill=pad.value)
        case MaxPool():
            if operation.pads == UNPADDED or operation.fill == pad.value:
                return replace(operation, pads=_added(operation.pads, (rows, columns)), fill=pad.value)
        case AveragePool() if pad.value == 0:
            counted = _added(operation.counted, (rows, columns))
            return replace(operation, pads=_added(operation.pads, (rows, columns)), counted=counted)
    return None


def _shape(node: Node) -> tuple[int, ...]:
    assert node.value is not None
    return np.shape(node.value)


def _added(pads: Pads, others: Pads) -> Pads:
    (top, bottom), (left, right) = pads
    (more_top, more_bottom), (more_left, more_right) = others
    return (top + more_top, bottom + more_bottom), (left + more_left, right + more_right)
