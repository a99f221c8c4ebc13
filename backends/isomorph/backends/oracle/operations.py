"""The oracle's arithmetic: convolution, max pool and mean in NumPy, each a few lines, on [N, H, W, C] arrays.

Every array stays in the dtype that it came in. Where a sum's order is free, `Precision.halves` chooses between two, so
that float32 can say how much of a difference order alone explains.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.backends.protocol import as_dtype
from isomorph.spec.layers import MaxPool
from isomorph.spec.padding import Rule, pads

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Precision:
    """In what the oracle computes.

    dtype: "float64" and "float32" are computed as such; "bfloat16" and "float16" in float32, every tensor and every
        result being rounded to them.
    halves: sum each convolution's two halves of input channels apart.
    """

    dtype: str = "float64"
    halves: bool = False

    @property
    def computed(self) -> np.dtype[Any]:
        """The NumPy dtype of all arrays."""
        return np.dtype("float64" if self.dtype == "float64" else "float32")

    def round(self, x: Array) -> Array:
        """`x` as this precision can hold it, in the computed dtype; `x` itself where nothing changes."""
        if self.dtype not in ("float64", "float32"):
            x = x.astype(as_dtype(self.dtype))
        return x.astype(self.computed, copy=False)


def windows(x: Array, kernel: int, stride: int, rate: int, rule: Rule, fill: float) -> Array:
    """A view [N, h, w, kernel, kernel, C] of what each `kernel` x `kernel` window sees of `x`, padded with `fill`."""
    _, height, width, _ = x.shape
    border = [(0, 0), *(pads(rule, size, kernel, stride, rate) for size in (height, width)), (0, 0)]
    if any(sum(pair) for pair in border):
        x = np.pad(x, border, constant_values=fill)
    extent = rate * (kernel - 1) + 1
    view = np.lib.stride_tricks.sliding_window_view(x, (extent, extent), axis=(1, 2))
    return view[:, ::stride, ::stride, :, ::rate, ::rate].transpose(0, 1, 2, 4, 5, 3)


def convolve(x: Array, weights: Array, stride: int, rate: int, rule: Rule, halves: bool = False) -> Array:
    """[N, H, W, I] and a kernel [k, k, I, O] -> [N, h, w, O]: one matrix product of the windows for each image.

    One image at a time, so that its windows, k * k times as large as the image, stay in the cache.
    """
    kernel, _, depth_in, depth = weights.shape
    seen = x[:, ::stride, ::stride, None, None] if kernel == 1 else windows(x, kernel, stride, rate, rule, 0)
    batch, height, width = seen.shape[:3]
    result = np.empty((batch, height, width, depth), x.dtype)
    middle = depth_in // 2 if halves else 0
    for image, out in zip(seen, result, strict=True):
        _product(image[..., middle:], weights[:, :, middle:], out)
        if middle:
            rest = np.empty_like(out)
            _product(image[..., :middle], weights[:, :, :middle], rest)
            np.add(out, rest, out=out)
    return result


def _product(seen: Array, weights: Array, out: Array) -> None:
    depth = out.shape[-1]
    np.matmul(seen.reshape(out.size // depth, -1), weights.reshape(-1, depth), out=out.reshape(-1, depth))


def max_pool(x: Array, pool: MaxPool) -> Array:
    """The maximum of each window, [N, H, W, C] -> [N, h, w, C]."""
    kernel = pool.kernel
    seen = windows(x, kernel, pool.stride, 1, pool.padding, pool.fill)
    result = seen[..., 0, 0, :].copy()
    for row, column in np.ndindex(kernel, kernel):
        np.maximum(result, seen[..., row, column, :], out=result)
    return result


def subsample(x: Array, stride: int) -> Array:
    """Every `stride`-th row and column, [N, H, W, C] -> [N, ceil(H / stride), ceil(W / stride), C]."""
    return x[:, ::stride, ::stride]


def softmax(x: Array) -> Array:
    """Over the last axis."""
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))
