"""Pools that are something simpler: a mean over the whole map, or every so many cells of it."""

from dataclasses import replace

from isomorph.backends.graphs.graph import Graph, Read
from isomorph.backends.graphs.layout import Layout
from isomorph.spec.operations import UNPADDED, AdaptivePool, AveragePool, MaxPool, Mean


def simplify_pools(graph: Graph) -> None:
    """Write means over a whole map as `Mean`, and pools of a single cell as a layout of their readers."""
    for node in list(graph.nodes.values()):
        operation = node.operation
        if not isinstance(operation, AdaptivePool | AveragePool | MaxPool):
            continue
        read = node.reads[0]
        batch, height, width, depth = read.shape
        if isinstance(operation, AdaptivePool):
            is_mean = operation.cells == (1, 1)
        else:
            is_mean = (
                isinstance(operation, AveragePool)
                and operation.kernel == (height, width)
                and operation.pads == UNPADDED
            )
            if operation.kernel == (1, 1) and operation.pads == UNPADDED and not is_mean:
                rows, columns = operation.stride
                by = read.moved(lambda x, rows=rows, columns=columns: x[:, ::rows, ::columns])  # type: ignore[misc]
                graph.replace_reads(node.number, by)
                continue
        if is_mean:
            node.operation = Mean()
            node.reads = (Read(read.source, read.layout.then(_flat(batch, height * width, depth))),)
            if node.value is not None:
                node.value = node.value.reshape(batch, depth)


def _flat(*shape: int) -> Layout:
    return replace(Layout.whole(shape))
