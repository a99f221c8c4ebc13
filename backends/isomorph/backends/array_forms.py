"""Types of arrays, and conversions of any valid NumPy array into a form that every framework takes.

PyTorch takes no negative strides, and neither it nor Paddle another byte order than the machine's or long doubles.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.backends.dtypes import as_dtype
from isomorph.backends.options import DTYPES

Array = npt.NDArray[Any]
"""An array of any dtype and axes."""

Images = npt.NDArray[Any]
"""[N, H, W, C], numbers of any dtype: images, channels last."""

Maps = npt.NDArray[Any]
"""[N, h, w, C], floats: feature maps, channels last; a pooled one is [N, 1, 1, C]."""

Answers = npt.NDArray[Any]
"""[N, classes], floats: logits; a map [N, h, w, C] where the head does not pool."""

Labels = npt.NDArray[Any]
"""[N], integers: a class for each image."""

Tensors = Mapping[str, Array]
"""Canonical name -> tensor; kernels are HWIO."""


def to_plain(x: Array, dtype: str) -> Array:
    """Return `x` as this machine's own floats, aligned, without negative strides; `x` itself where it is so already.

    dtype: one of DTYPES, to which integers, booleans, long doubles and all else that is in none of them is rounded.
        A float that is in one of DTYPES keeps its dtype.

    >>> to_plain(np.array([1, 2, 3])[::-1], "float32")
    array([3., 2., 1.], dtype=float32)
    """
    x = np.asarray(x)  # of a masked array or a memory map, its values
    native = x.dtype.newbyteorder("=")
    if native not in map(as_dtype, DTYPES):
        native = as_dtype(dtype)
    if x.dtype == native and x.dtype.isnative and x.flags.aligned and min(x.strides, default=0) >= 0:
        return x
    return x.astype(native, order="C")


def to_contiguous(x: Array, dtype: str) -> Array:
    """Return `x` in `dtype`, C-contiguous, aligned, in this machine's byte order; `x` itself where it is so already.

    dtype: one of DTYPES.

    >>> to_contiguous(np.zeros((3, 4)).T, "float64").flags.c_contiguous
    True
    """
    return np.require(np.asarray(x), as_dtype(dtype), ["C", "A"])
