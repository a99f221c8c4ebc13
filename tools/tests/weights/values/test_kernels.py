"""What a convolution makes of means, against the oracle's own convolution."""

import numpy as np
import pytest

from isomorph.backends.oracle.operations import convolve
from isomorph.spec.layers import Convolution
from isomorph.tools.weights.values.kernels import mean_behind

LAYERS = {
    "1x1": Convolution("c", 12, 8),
    "3x3": Convolution("c", 12, 8, kernel=3),
    "grouped": Convolution("c", 12, 8, kernel=3, groups=4),
    "depthwise": Convolution("c", 12, 12, kernel=3, groups=12),
    "5x5": Convolution("c", 12, 8, kernel=5),
}
LAID_OUT = {"HWIO": (0, 1, 2, 3), "OIHW": (3, 2, 0, 1), "HWOI": (0, 1, 3, 2)}
"""Axes -> the order in which they lie in memory."""


@pytest.mark.parametrize("axes", LAID_OUT)
@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_it_is_the_mean_of_a_convolution_of_constant_maps(layer: Convolution, axes: str) -> None:
    rng, side = np.random.default_rng(0), 4  # 1 - 1 / 4 of a map's windows have a cell beside their middle
    kernel, mean = rng.normal(size=(layer.kernel, layer.kernel, layer.depth_seen, layer.depth)), rng.normal(size=12)
    order = LAID_OUT[axes]
    laid_out = np.ascontiguousarray(kernel.transpose(order)).transpose(np.argsort(order))
    means = mean_behind(layer, laid_out, mean, shares=(1.0, 1 - 1 / side))
    maps = np.broadcast_to(mean, (1, side, side, 12))
    np.testing.assert_allclose(means[-1], convolve(maps, kernel, layer).mean(axis=(0, 1, 2)), rtol=1e-12)
    endless = kernel.sum(axis=(0, 1)) if layer.groups > 1 else np.einsum("klio,i->o", kernel, mean)
    if layer.groups == 1:
        np.testing.assert_allclose(means[0], endless, rtol=1e-12)


@pytest.mark.parametrize("groups", [1, 12])
def test_what_is_not_known_stays_so(groups: int) -> None:
    layer = Convolution("c", 12, 12, kernel=3, groups=groups)
    mean = np.where(np.arange(12) == 3, np.nan, 1.0)
    known = np.isfinite(mean_behind(layer, np.ones((3, 3, 12 // groups, 12)), mean)).all(axis=0)
    assert known.tolist() == [groups == 12 and channel != 3 for channel in range(12)]
