"""Whether a file's batch norms stand before its convolutions, which their number and depths alone do not tell.

A unit that begins with its batch norm has the tensors of one whose projection has no batch norm: the bags are equal,
and the names of modules or the order in the file tell them apart.
"""

from collections.abc import Sequence
from itertools import pairwise

from isomorph.tools.weights.structure.layers import Kernel, Layers, Norm

MOST_CHANNELS = 4
"""Of images; a convolution of more that stands first in a file is no stem."""


def is_preactivated(layers: Layers) -> bool:
    """Return whether names or order show that units begin with their batch norms; False where nothing does.

    In a pre-activation network no batch norm of the stem's depth stands beside the stem's convolution, whatever letters
    sorted the file, and the first unit has one; or nothing stands between a unit's last convolution and the bare
    projection beside it.

    >>> from isomorph.spec import architecture, tensor_shapes
    >>> from isomorph.tools.weights.structure.layers import layers_of
    >>> names = ("cifar/wide_resnet40_2", "mlperf_tiny/resnet8")
    >>> [is_preactivated(layers_of(tensor_shapes(architecture(name)))) for name in names]
    [True, False]
    """
    convolutions = [kernel for kernel in layers.kernels if not kernel.is_dense]
    if len(convolutions) < 2 or not layers.norms:
        return False
    stem = convolutions[0]
    if stem.shape.depth_seen > MOST_CHANNELS:  # letters have put it behind others
        stem = min(convolutions, key=lambda kernel: (kernel.shape.side == 1, kernel.shape.depth_seen))
    units = (kernel for kernel in convolutions if kernel is not stem and kernel.shape.depth_seen == stem.shape.depth)
    unit = next(units, stem)
    if _module(stem.scope) != _module(unit.scope):
        modules = {_module(norm.scope) for norm in layers.norms if norm.depth == stem.shape.depth}
        if _module(stem.scope) in modules:
            return False
        if _module(unit.scope) in modules:
            return True
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
