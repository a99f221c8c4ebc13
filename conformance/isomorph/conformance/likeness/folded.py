"""Models whose batch norms are folded into their convolutions, as people do it before they deploy one."""

import numpy as np

from isomorph.backends.graphs.graph import Graph, Tensor
from isomorph.backends.graphs.layout import Layout
from isomorph.conformance.likeness.anchors import Pairs
from isomorph.conformance.likeness.causes.attributes import fitted
from isomorph.spec import Architecture, BadInput, plan
from isomorph.spec.layers import BatchNorm as LoneBatchNorm
from isomorph.spec.layers import Convolution
from isomorph.spec.operations import BatchNorm

ROUNDING = 2.0**-21
"""How far a folded kernel may be from ours, in parts of each output's largest weight: several roundings in float32."""


def has_folded(architecture: Architecture, model: Graph) -> bool:
    """Return whether a model has those batch norms of an architecture alone that cannot be folded.

    >>> from isomorph.backends.graphs.planned import graph_of
    >>> from isomorph.spec import architecture
    >>> resnet20 = architecture("cifar/resnet20")
    >>> graphs = [graph_of(plan(each), (1, 32, 32, 3)) for each in (resnet20, resnet20.folded())]
    >>> [has_folded(resnet20, graph) for graph in graphs]
    [False, True]
    """
    here = sum(node.kind is BatchNorm for node in model.nodes.values())
    if here >= _batch_norms(architecture):
        return False
    try:
        return here == _batch_norms(architecture.folded())
    except BadInput:  # a network that has no such form
        return False


def _batch_norms(architecture: Architecture) -> int:
    """Return how many batch norms an architecture has at inference."""
    layers = plan(architecture).parametrised
    return sum(
        isinstance(layer, LoneBatchNorm) or (isinstance(layer, Convolution) and layer.batch_norm) for layer in layers
    )


def allow_rounding(one: Graph, model: Graph, pairs: Pairs) -> None:
    """Give layers of the first graph the model's tensors where those are its own but for rounding.

    A model that was folded in float32 has other last digits than ours, which are folded in float64.
    """
    for number, other in pairs.of.items():
        node, partner = one.nodes[number], model.nodes[other]
        for leaf, tensor in list(node.tensors.items()):
            if leaf not in partner.tensors:
                continue
            theirs = fitted(node, partner, leaf).value
            if theirs.shape != tensor.value.shape:
                continue
            largest = np.abs(tensor.value).max(axis=tuple(range(tensor.value.ndim - 1)) or None)
            if (np.abs(theirs - tensor.value) <= ROUNDING * np.maximum(largest, ROUNDING)).all():
                node.tensors[leaf] = Tensor(theirs, Layout.whole(theirs.shape), tensor.name)
