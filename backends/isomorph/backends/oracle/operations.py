"""The oracle's arithmetic of a plan's layers, on [N, H, W, C] arrays, and in which precision it computes.

Every array stays in the dtype that it came in. Where a sum's order is free, `Precision.order` chooses one of ORDERS, so
that float32 can say how much of a difference order alone explains.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from isomorph.backends.oracle import primitives
from isomorph.backends.oracle.primitives import shuffled
from isomorph.backends.protocol import Array, as_dtype
from isomorph.spec.layers import Activation, AveragePool, Convolution, MaxPool
from isomorph.spec.operations import average_pool_of, convolution_at, max_pool_at
from isomorph.spec.padding import Rule, pads

ORDERS = 8
"""The number of orders of summation in which the oracle can evaluate a network."""

AFFINE_ORDERS = range(2, ORDERS, 2)
"""The orders in which batch norm is x * scale + (beta - mean * scale), as in frameworks.

In the others it is (x - mean) * scale + beta."""


@dataclass(frozen=True)
class Precision:
    """The dtype and the order of summation in which the oracle computes.

    dtype: "float64" and "float32" are computed as such; "bfloat16" and "float16" in float32, with every tensor and
        every result rounded to them.
    order: the order of summation, 0 to ORDERS - 1. 0 is NumPy's own. 1 sums each convolution's two halves of input
        channels separately, and softmax's terms one by one. From 2 on the terms of every sum are shuffled, by the
        order's number, and in AFFINE_ORDERS the terms of batch norm are grouped in another way.
    """

    dtype: str = "float64"
    order: int = 0

    @property
    def computed(self) -> np.dtype[Any]:
        """The NumPy dtype of all arrays."""
        return np.dtype("float64" if self.dtype == "float64" else "float32")

    def round(self, x: Array) -> Array:
        """Return `x` rounded to this precision, in the computed dtype; `x` itself where nothing changes."""
        if self.dtype not in ("float64", "float32"):
            x = x.astype(as_dtype(self.dtype))
        return x.astype(self.computed, copy=False)


def windows(x: Array, kernel: int, stride: int, rate: int, rule: Rule, fill: float) -> Array:
    """Return a view [N, h, w, kernel, kernel, C] of the cells in each window of `x`, padded with `fill`."""
    rows, columns = (pads(rule, size, kernel, stride, rate) for size in x.shape[1:3])
    return primitives.windows(x, (kernel,) * 2, (stride,) * 2, (rate,) * 2, (rows, columns), fill)


def seen_by(layer: Convolution, x: Array) -> Array:
    """Return a view [N, h, w, kernel, kernel, C] of the cells of `x` that each output sees, in all groups."""
    return primitives.seen_by(convolution_at(layer, *x.shape[1:3]), (layer.kernel,) * 2, x)


def convolve(x: Array, weights: Array, layer: Convolution, order: int = 0) -> Array:
    """Return a layer's convolution alone, [N, H, W, groups * I] and a kernel [k, k, I, O] -> [N, h, w, O]."""
    return primitives.convolve(x, weights, convolution_at(layer, *x.shape[1:3]), order)


def max_pool(x: Array, pool: MaxPool) -> Array:
    """Return the maximum of each window, [N, H, W, C] -> [N, h, w, C]."""
    return primitives.max_pool(x, max_pool_at(pool, *x.shape[1:3]))


def average_pool(x: Array, pool: AveragePool, order: int = 0) -> Array:
    """Return the mean of each window, [N, H, W, C] -> [N, h, w, C]."""
    return primitives.average_pool(x, average_pool_of(pool), order)


def adaptive_pool(x: Array, cells: int, order: int = 0) -> Array:
    """Return the means of `cells` x `cells` windows that cover the map, [N, H, W, C] -> [N, cells, cells, C]."""
    return primitives.adaptive_pool(x, (cells,) * 2, order)


def activate(x: Array, activation: Activation) -> Array:
    """Apply an activation to `x` in place, and return it."""
    match activation:
        case "relu":
            np.maximum(x, 0, out=x)
        case "relu6":
            np.clip(x, 0, 6, out=x)
    return x


def subsample(x: Array, stride: int) -> Array:
    """Return every `stride`-th row and column, [N, H, W, C] -> [N, ceil(H / stride), ceil(W / stride), C]."""
    return x[:, ::stride, ::stride]


def softmax(x: Array, order: int = 0) -> Array:
    """Return the softmax over the last axis.

    It sums in blocks; in order 1 one by one, as PyTorch does on maps, from the end that loses more: the sum is a single
    number, which one end alone may hit by chance.
    """
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    total = exponentials.sum(axis=-1, keepdims=True)
    if order == 1:
        ends = np.stack([np.cumsum(each, axis=-1)[..., -1:] for each in (exponentials, exponentials[..., ::-1])])
        total = np.take_along_axis(ends, np.abs(ends - total).argmax(axis=0, keepdims=True), axis=0)[0]
    elif order > 1:
        sequence = shuffled(x.shape[-1], order)
        total = np.cumsum(exponentials[..., sequence], axis=-1)[..., -1:]
    return np.asarray(exponentials / total)
