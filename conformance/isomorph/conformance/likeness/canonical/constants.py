"""Constants that are joined with what flows: zeros beside a map's channels are padding."""

import numpy as np

from isomorph.backends.graphs.graph import Graph, Node
from isomorph.spec.operations import UNPADDED, VALUE, Concatenation, Constant, Pad


def pad_with_constants(graph: Graph) -> None:
    """Write one value that is concatenated with constants of one number as that value, padded."""
    for node in graph.nodes.values():
        if node.kind is not Concatenation or node.value is None:
            continue
        reads = [read for read in node.reads if read.shape[-1]]
        flowing = [place for place, read in enumerate(reads) if graph.nodes[read.source].kind is not Constant]
        if len(flowing) != 1 or len(reads) < 2 or len(reads[0].shape) != 4:
            node.reads = tuple(reads)
            continue
        (place,) = flowing
        numbers = {
            number for each in reads if each is not reads[place] for number in _numbers(graph.nodes[each.source])
        }
        if len(numbers) == 1:
            before = sum(read.shape[-1] for read in reads[:place])
            behind = sum(read.shape[-1] for read in reads[place + 1 :])
            node.operation = Pad((*UNPADDED, (before, behind)), numbers.pop())
            node.reads = (reads[place],)


def _numbers(node: Node) -> set[float]:
    """Return the different numbers of a constant."""
    return {float(number) for number in np.unique(node.tensors[VALUE].value)}
