"""Fold batch norms into the convolutions before them, once, in float64, for every framework."""

import numpy as np

from isomorph.backends.array_forms import Array, Tensors
from isomorph.spec import Architecture, plan
from isomorph.spec.layers import Convolution
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS, tensor_name, tensors_of


def fold(architecture: Architecture, tensors: Tensors) -> dict[str, Array]:
    """Convert the canonical tensors of `architecture` to those of `architecture.folded()`, in float64.

    A batch norm multiplies the result of a convolution by gamma / sqrt(variance + epsilon): that goes into the kernel,
    and the rest into a bias. One that stands alone, before a unit, stays as it is, and so does a convolution that has
    neither a batch norm nor a bias in a pre-activation network. The function at inference stays the same, the dtype's
    rounding aside.

    >>> from isomorph.spec import architecture, tensor_shapes
    >>> resnet8 = architecture("mlperf_tiny/resnet8")
    >>> folded = fold(resnet8, {name: np.ones(shape) for name, shape in tensor_shapes(resnet8).items()})
    >>> list(folded)[:3]
    ['conv1/weights', 'conv1/biases', 'block1/unit_1/basic_v1/conv1/weights']
    """
    planned = plan(architecture)
    folded: dict[str, Array] = {}
    targets = plan(architecture.folded()).convolutions
    with_bias = {layer.scope for layer in targets if layer.bias}
    for layer in planned.parametrised:
        leaves = {leaf: np.asarray(tensors[tensor_name(layer, leaf)], np.float64) for leaf in tensors_of(layer)}
        if isinstance(layer, Convolution):
            leaves = _folded(layer, leaves, planned.epsilon) if layer.scope in with_bias else leaves
        folded |= {tensor_name(layer, leaf): value for leaf, value in leaves.items()}
    return folded


def _folded(layer: Convolution, leaves: dict[str, Array], epsilon: float) -> dict[str, Array]:
    biases = leaves.get(BIASES, np.zeros(layer.depth))
    if not layer.batch_norm:
        return {WEIGHTS: leaves[WEIGHTS], BIASES: biases}
    scale = leaves.get(GAMMA, 1.0) / np.sqrt(leaves[MOVING_VARIANCE] + epsilon)
    return {WEIGHTS: leaves[WEIGHTS] * scale, BIASES: leaves[BETA] + (biases - leaves[MOVING_MEAN]) * scale}
