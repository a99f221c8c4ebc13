"""Arrays in the form that every framework takes, made of any that NumPy calls valid, and copied only where need be.

PyTorch takes no negative strides, and neither it nor Paddle another byte order than the machine's or long doubles.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.backends.dtypes import as_dtype
from isomorph.backends.options import DTYPES

Array = npt.NDArray[Any]


def to_plain(x: Array, dtype: str) -> Array:
    """`x` as this machine's own floats, aligned, in rising addresses; `x` itself where it is so.

    dtype: one of DTYPES, to which everything is rounded that is in none of them: integers, booleans, long doubles.
        Which of DTYPES a float is in stays as it is.
    """
    x = np.asarray(x)  # of a masked array or a memory map, its values
    native = x.dtype.newbyteorder("=")
    if native not in map(as_dtype, DTYPES):
        native = as_dtype(dtype)
    if x.dtype == native and x.dtype.isnative and x.flags.aligned and min(x.strides, default=0) >= 0:
        return x
    return x.astype(native, order="C")


def to_contiguous(x: Array, dtype: str) -> Array:
    """`x` in `dtype`, one of DTYPES, C-contiguous, aligned, in this machine's byte order; `x` itself where it is so."""
    return np.require(np.asarray(x), as_dtype(dtype), ["C", "A"])
