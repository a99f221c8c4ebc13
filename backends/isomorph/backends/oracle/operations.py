"""The oracle's arithmetic: convolution, max pool and mean in NumPy, each a few lines, on [N, H, W, C] arrays.

Every array stays in the dtype that it came in. Where a sum's order is free, `Precision.order` chooses one of ORDERS, so
that float32 can say how much of a difference order alone explains.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from isomorph.backends.protocol import Array, as_dtype
from isomorph.spec.layers import Activation, AveragePool, Convolution, MaxPool
from isomorph.spec.padding import Rule, adaptive_windows, pads

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


def shuffled(size: int, order: int) -> Array:
    """Return the indices 0 .. size - 1 in the sequence of an `order` from 2 on, the same on every machine."""
    return np.random.Philox(key=[order, size]).random_raw(size).argsort(kind="stable")


def windows(x: Array, kernel: int, stride: int, rate: int, rule: Rule, fill: float) -> Array:
    """Return a view [N, h, w, kernel, kernel, C] of the cells in each window of `x`, padded with `fill`."""
    _, height, width, _ = x.shape
    border = [(0, 0), *(pads(rule, size, kernel, stride, rate) for size in (height, width)), (0, 0)]
    if any(sum(pair) for pair in border):
        x = np.pad(x, border, constant_values=fill)
    extent = rate * (kernel - 1) + 1
    view = np.lib.stride_tricks.sliding_window_view(x, (extent, extent), axis=(1, 2))
    return view[:, ::stride, ::stride, :, ::rate, ::rate].transpose(0, 1, 2, 4, 5, 3)


def seen_by(layer: Convolution, x: Array) -> Array:
    """Return a view [N, h, w, kernel, kernel, C] of the cells of `x` that each output sees, in all groups."""
    if layer.kernel == 1:
        return x[:, :: layer.stride, :: layer.stride, None, None]
    return windows(x, layer.kernel, layer.stride, layer.rate, layer.padding, 0)


def convolve(x: Array, weights: Array, layer: Convolution, order: int = 0) -> Array:
    """[N, H, W, groups * I] and a kernel [k, k, I, O] -> [N, h, w, O]: a matrix product of the windows for each image.

    One image at a time, so that its windows, k * k times as large as the image, stay in the cache.
    """
    seen = seen_by(layer, x)
    batch, height, width = seen.shape[:3]
    result = np.empty((batch, height, width, layer.depth), x.dtype)
    for image, out in zip(seen, result, strict=True):
        if layer.groups == 1:
            _sum_windows(image, weights, out, order)
            continue
        if layer.is_depthwise:
            _sum_depthwise(image, weights[:, :, 0], out, order)
            continue
        depth_out = layer.depth // layer.groups
        for group in range(layer.groups):
            outputs = slice(group * depth_out, (group + 1) * depth_out)
            inputs = slice(group * layer.depth_seen, (group + 1) * layer.depth_seen)
            group_out = np.empty((height, width, depth_out), x.dtype)
            _sum_windows(image[..., inputs], weights[..., outputs], group_out, order)
            out[..., outputs] = group_out
    return result


def _sum_depthwise(image: Array, weights: Array, out: Array, order: int) -> None:
    """Sum windows [h, w, k, k, C] weighted by a kernel [k, k, C] into `out`; order 1 starts from the last cell."""
    cells = list(np.ndindex(weights.shape[:2]))
    if order == 1:
        cells.reverse()
    elif order > 1:
        cells = [cells[index] for index in shuffled(len(cells), order)]
    out[:] = 0
    for row, column in cells:
        out += image[:, :, row, column] * weights[row, column]


def _sum_windows(image: Array, weights: Array, out: Array, order: int) -> None:
    """Sum the weighted windows of one group of outputs into `out`."""
    middle = weights.shape[2] // 2 if order == 1 else 0
    _product(image[..., middle:], weights[:, :, middle:], out, order)
    if middle:
        first_half = np.empty_like(out)
        _product(image[..., :middle], weights[:, :, :middle], first_half, order)
        np.add(out, first_half, out=out)


def _product(seen: Array, weights: Array, out: Array, order: int) -> None:
    depth = out.shape[-1]
    terms, kernel = seen.reshape(out.size // depth, -1), weights.reshape(-1, depth)
    if order > 1:
        sequence = shuffled(len(kernel), order)
        terms, kernel = terms[:, sequence], kernel[sequence]
    np.matmul(terms, kernel, out=out.reshape(-1, depth))


def max_pool(x: Array, pool: MaxPool) -> Array:
    """Return the maximum of each window, [N, H, W, C] -> [N, h, w, C]."""
    kernel = pool.kernel
    seen = windows(x, kernel, pool.stride, 1, pool.padding, pool.fill)
    result = seen[..., 0, 0, :].copy()
    for row, column in np.ndindex(kernel, kernel):
        np.maximum(result, seen[..., row, column, :], out=result)
    return result


def mean(x: Array, axis: int, order: int = 0) -> Array:
    """Return the mean over `axis` and the next axis, which are both removed."""
    if order > 1:
        flat = x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])
        return np.asarray(flat.take(shuffled(flat.shape[axis], order), axis).mean(axis=axis))
    return np.asarray(x.mean(axis=(axis, axis + 1)))


def average_pool(x: Array, pool: AveragePool, order: int = 0) -> Array:
    """Return the mean of each window, [N, H, W, C] -> [N, h, w, C]."""
    return mean(windows(x, pool.kernel, pool.stride, 1, "valid", 0), 3, order)


def adaptive_pool(x: Array, cells: int, order: int = 0) -> Array:
    """Return the means of `cells` x `cells` windows that cover the map, [N, H, W, C] -> [N, cells, cells, C]."""
    batch, height, width, depth = x.shape
    result = np.empty((batch, cells, cells, depth), x.dtype)
    for row, (top, bottom) in enumerate(adaptive_windows(height, cells)):
        for column, (left, right) in enumerate(adaptive_windows(width, cells)):
            result[:, row, column] = mean(x[:, top:bottom, left:right], 1, order)
    return result


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
