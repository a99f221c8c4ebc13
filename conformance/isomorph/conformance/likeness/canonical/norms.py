"""Batch norms whose factors are ones and whose summands are zeros that no model stores: those have none."""

import numpy as np

from isomorph.backends.graphs.graph import Graph
from isomorph.spec.operations import BatchNorm, GroupNorm, LayerNorm
from isomorph.spec.tensors import BETA, GAMMA


def drop_neutral(graph: Graph) -> None:
    """Remove factors of one and summands of zero that a framework puts in the place of tensors that are not there."""
    for node in graph.nodes.values():
        if node.kind not in (BatchNorm, GroupNorm, LayerNorm):
            continue
        for leaf, neutral in ((GAMMA, 1), (BETA, 0)):
            tensor = node.tensors.get(leaf)
            if tensor is not None and tensor.name is None and np.all(tensor.value == neutral):
                del node.tensors[leaf]
