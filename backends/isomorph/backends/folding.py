"""Batch norms folded into the convolutions before them, once, in float64, for every framework."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.spec import Architecture, plan
from isomorph.spec.layers import Convolution
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS, tensor_name, tensors_of

Array = npt.NDArray[Any]


def fold(architecture: Architecture, tensors: Mapping[str, Array]) -> dict[str, Array]:
    """The canonical tensors of `architecture` as those of `architecture.folded()`, in float64.

    A batch norm multiplies what a convolution gives by gamma / sqrt(variance + epsilon): the kernel can do that itself,
    and a bias the rest. One that stands alone, before a unit, stays as it is. The function at inference stays the same,
    the dtype's rounding aside.
    """
    planned = plan(architecture)
    folded: dict[str, Array] = {}
    for layer in planned.parametrised:
        own = {leaf: np.asarray(tensors[tensor_name(layer, leaf)], np.float64) for leaf in tensors_of(layer)}
        if isinstance(layer, Convolution):
            own = _folded(layer, own, planned.epsilon)
        folded |= {tensor_name(layer, leaf): value for leaf, value in own.items()}
    return folded


def _folded(layer: Convolution, own: dict[str, Array], epsilon: float) -> dict[str, Array]:
    biases = own.get(BIASES, np.zeros(layer.depth))
    if not layer.batch_norm:
        return {WEIGHTS: own[WEIGHTS], BIASES: biases}
    scale = own.get(GAMMA, 1.0) / np.sqrt(own[MOVING_VARIANCE] + epsilon)
    return {WEIGHTS: own[WEIGHTS] * scale, BIASES: own[BETA] + (biases - own[MOVING_MEAN]) * scale}
