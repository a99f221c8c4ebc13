"""NumPy's dtypes of the precisions that networks are built in."""

from typing import Any

import ml_dtypes
import numpy as np


def as_dtype(name: str) -> np.dtype[Any]:
    """Return NumPy's dtype of that name; bfloat16 is ml_dtypes'.

    >>> as_dtype("bfloat16").itemsize
    2
    """
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
