"""Whether a file's batch norms stand before its convolutions, which their number and depths alone do not tell.

A unit that begins with its batch norm has the tensors of one whose projection has no batch norm: the bags are equal,
and the names of modules or the order in the file tell them apart.
"""

from collections.abc import Sequence
from itertools import pairwise

from isomorph.tools.weights.structure.layers import Kernel, Layers, Norm


def is_preactivated(layers: Layers) -> bool:
    """Return whether names or order show that units begin with their batch norms; False where nothing does.

    In a pre-activation network the first batch norm stands in the module of the first unit, and not beside the stem's
    convolution; or nothing stands between a unit's last convolution and the bare projection beside it.

    >>> from isomorph.spec import architecture, tensor_shapes
    >>> from isomorph.tools.weights.structure.layers import layers_of
    >>> names = ("cifar/wide_resnet40_2", "mlperf_tiny/resnet8")
    >>> [is_preactivated(layers_of(tensor_shapes(architecture(name)))) for name in names]
    [True, False]
    """
    convolutions = [kernel for kernel in layers.kernels if not kernel.is_dense]
    if len(convolutions) < 2 or not layers.norms:
        return False
    first = min(layers.norms, key=lambda norm: norm.place)
    stem, unit = (_module(kernel.scope) for kernel in convolutions[:2])
    if stem != unit and _module(first.scope) in (stem, unit):
        return _module(first.scope) == unit
    return _bare_projections_follow(convolutions, layers.norms)


def _module(scope: str) -> str:
    """Return the module that holds a layer: what its name has before the last dot or slash."""
    dot = max(scope.rfind("."), scope.rfind("/"))
    return scope[: dot + 1]


def _bare_projections_follow(convolutions: Sequence[Kernel], norms: Sequence[Norm]) -> bool:
    """Return whether most projections stand right behind a convolution of their depth, without a batch norm between.

    Where a file lists batch norms apart from convolutions, none stands between any two; and Keras, which lists layers
    as they are computed, may have a projection before the batch norm of the convolution beside it.
    """
    places = [norm.place for norm in norms]
    if convolutions[0].axes != "OIHW":
        return False
    if 2 * sum(convolutions[0].place < place < convolutions[-1].place for place in places) < len(places):
        return False
    votes = 0
    for before, kernel in pairwise(convolutions):
        is_projection = kernel.shape.side == 1 and kernel.shape.depth == before.shape.depth != kernel.shape.depth_seen
        if is_projection and before.shape.depth_seen != kernel.shape.depth_seen:
            votes += 1 if not any(before.place < place < kernel.place for place in places) else -1
    return votes > 0
