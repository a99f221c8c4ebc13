"""What a convolution makes of the means of its channels, whichever way its kernel lies in memory."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from isomorph.spec.layers import Convolution
from isomorph.tools.checkpoints import Tensor
from isomorph.tools.weights.values.signals import Channels

SHARES = (1.0, 0.875, 0.75, 0.5)
"""How many of the windows have the cell beside their middle inside of a padded map: 1 - 1 / H on a map of H cells.

A file does not tell the size of its images; 1 stands for maps so large that borders do not count.
"""


def mean_behind(
    layer: Convolution, kernel: Tensor, mean: Channels, shares: Sequence[float] = SHARES
) -> npt.NDArray[np.float64]:
    """Return the means of the results of a convolution without its bias, [S, C], one row for each of the `shares`.

    It is one row where nothing is padded, and a row of NaN where a mean is not known.
    kernel: [k, k, I, C], a view in any order. mean: of its input, [groups * I].

    >>> kernel = np.ones((3, 3, 2, 1))
    >>> mean_behind(Convolution("conv1", 2, 1, kernel=3), kernel, np.array([1.0, 2.0])).round(3).tolist()
    [[27.0], [22.688], [18.75], [12.0]]
    """
    if layer.groups == 1 and not np.isfinite(mean).all():
        return np.full((1, layer.depth), np.nan)
    cells = _shares_of_cells(layer, shares)
    if kernel.dtype.itemsize < 4:
        kernel = kernel.astype(np.float32)
    if layer.groups > 1:
        by_channel = np.einsum("skl,klio->sio", cells, kernel, dtype=np.float64)
        by_group = by_channel.reshape(len(cells), layer.depth_seen, layer.groups, -1)
        means = np.einsum("sigo,gi->sgo", by_group, mean.reshape(layer.groups, -1))
        return np.asarray(means.reshape(len(cells), -1))
    # Not by matrix products: einsum goes through a matrix with few vectors at the speed of memory, twice as fast.
    if (rows := kernel.transpose(3, 2, 0, 1)).flags.c_contiguous:
        weighted = np.einsum("skl,i->sikl", cells, mean).reshape(len(cells), -1).astype(kernel.dtype)
        return np.asarray(np.einsum("ok,sk->so", rows.reshape(layer.depth, -1), weighted), np.float64)
    weighted = np.einsum("skl,i->skli", cells, mean).reshape(len(cells), -1).astype(kernel.dtype)
    return np.asarray(np.einsum("sk,ko->so", weighted, kernel.reshape(-1, layer.depth)), np.float64)


def _shares_of_cells(layer: Convolution, shares: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return the share of windows that have each cell of theirs inside of the map, [S, k, k]."""
    if layer.kernel == 1 or layer.padding == "valid":
        return np.ones((1, layer.kernel, layer.kernel))
    away = np.abs(np.arange(layer.kernel) - (layer.kernel - 1) / 2) * layer.rate
    inside = np.maximum(1 - np.multiply.outer(1 - np.array(shares), away), 0.0)
    return np.asarray(np.einsum("sk,sl->skl", inside, inside))
