"""Batch norms folded into the convolutions before them, once, in float64, for every framework."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.spec import Architecture, plan
from isomorph.spec.layers import Convolution
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS

Array = npt.NDArray[Any]


def fold(architecture: Architecture, tensors: Mapping[str, Array]) -> dict[str, Array]:
    """The canonical tensors of `architecture` as those of `architecture.folded()`, in float64.

    A batch norm multiplies what a convolution gives by gamma / sqrt(variance + epsilon): the kernel can do that itself,
    and a bias the rest. The function at inference stays the same, the dtype's rounding aside.
    """
    planned = plan(architecture)
    folded: dict[str, Array] = {}
    for convolution in planned.convolutions:
        weights, biases = _folded(convolution, tensors, planned.epsilon)
        folded |= {f"{convolution.scope}/{WEIGHTS}": weights, f"{convolution.scope}/{BIASES}": biases}
    return folded


def _folded(convolution: Convolution, tensors: Mapping[str, Array], epsilon: float) -> tuple[Array, Array]:
    def tensor(leaf: str) -> Array:
        return np.asarray(tensors[f"{convolution.scope}/{leaf}"], np.float64)

    weights = tensor(WEIGHTS)
    biases = tensor(BIASES) if convolution.bias else np.zeros(convolution.depth)
    if not convolution.batch_norm:
        return weights, biases
    scale = tensor(GAMMA) / np.sqrt(tensor(MOVING_VARIANCE) + epsilon)
    return weights * scale, tensor(BETA) + (biases - tensor(MOVING_MEAN)) * scale
