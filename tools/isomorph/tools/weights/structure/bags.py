"""Networks and files as bags of layers: what both have to have in equal number, whatever its order is."""

from collections import Counter

from isomorph.spec import Architecture
from isomorph.spec.layers import BatchNorm, Convolution
from isomorph.spec.outline import outline
from isomorph.tools.weights.structure.known import shape_of
from isomorph.tools.weights.structure.layers import KernelShape, Layers

Bag = Counter[tuple[KernelShape, bool] | tuple[int, bool]]
"""How often each kernel, with a bias or without, and each batch norm's depth, with gamma or without, are there."""


def bag_of_file(layers: Layers) -> Bag:
    """Return the bag of a file's layers."""
    bag: Bag = Counter((kernel.shape, kernel.bias is not None) for kernel in layers.kernels)
    bag.update((norm.depth, "gamma" in norm.tensors) for norm in layers.norms)
    return bag


def bag_of(network: Architecture) -> Bag:
    """Return the bag of a network's layers.

    >>> from isomorph.spec import architecture
    >>> bag_of(architecture("cifar/resnet20"))[64, True]  # batch norms of 64 channels, with gamma
    6
    """
    bag: Bag = Counter()
    outlined = outline(network)
    for part in (*outlined.parts, *([outlined.classifier] if outlined.classifier else [])):
        for layer in part.layers:
            if isinstance(layer, Convolution):
                bag[shape_of(layer), layer.bias] += 1
            if isinstance(layer, BatchNorm) or layer.batch_norm:
                bag[layer.depth, layer.gamma is not None] += 1
    return bag
