"""The mean of the images that a network was trained on, from what its first batch norm recorded."""

import numpy as np
import numpy.typing as npt

from isomorph.spec.layers import INPUT, Affine, Convolution
from isomorph.spec.tensors import BIASES, MOVING_MEAN, WEIGHTS
from isomorph.tools.weights.values.kernels import mean_behind
from isomorph.tools.weights.values.predictions import Predictor
from isomorph.tools.weights.values.signals import Channels

SHARES = tuple(1 - 1 / cells for cells in (np.inf, 224, 112, 96, 64, 32, 16))
"""As those of `kernels`, for maps of the sizes that networks are trained on."""

LEAST_EXPLAINED = 0.9
"""The share of what the first batch norm recorded that a mean has to explain to be told."""


def find_image_mean(predictor: Predictor) -> tuple[float, ...]:
    """Return the mean of each channel of the images, as they came to the network; empty where it is not well told.

    The first kernel, summed over its cells, times that mean is what the first batch norm recorded, with as many
    equations as it has channels: least squares solves them.
    """
    first = next((node for node in predictor.nodes if not isinstance(node.operation, Affine)), None)
    if first is None or not isinstance(first.operation, Convolution) or not first.operation.batch_norm:
        return ()
    layer, channels = first.operation, predictor.plan.architecture.in_channels
    if layer.depth < 2 * channels:
        return ()
    recorded = predictor.tensor(layer, MOVING_MEAN) - (predictor.tensor(layer, BIASES) if layer.bias else 0.0)
    kernel = predictor.tensor(layer, WEIGHTS)
    columns = np.stack([mean_behind(layer, kernel, unit, SHARES) for unit in np.eye(channels)], axis=-1)
    if not np.isfinite(columns).all() or not np.isfinite(recorded).all() or not recorded.any():
        return ()
    unexplained, mean = min((_solved(matrix, recorded) for matrix in columns), key=lambda solved: solved[0])
    if unexplained > 1 - LEAST_EXPLAINED:
        return ()
    transform = predictor.plan.architecture.input_transform
    if first.reads != (INPUT,) and transform is not None:
        mean = (mean - np.array(transform.shift)) / np.array(transform.scale)
    return tuple(float(value) for value in mean)


def _solved(matrix: npt.NDArray[np.float64], recorded: Channels) -> tuple[float, Channels]:
    """Return the share of the recorded means' squares that no mean of the images explains, and the best mean."""
    solution, _, rank, _ = np.linalg.lstsq(matrix, recorded, rcond=1e-3)
    mean = np.asarray(solution, np.float64)
    left = recorded - matrix @ mean
    return (float(left @ left / (recorded @ recorded)), mean) if rank == matrix.shape[1] else (1.0, mean)
