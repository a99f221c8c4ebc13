"""NumPy's dtypes of the precisions that networks are built in."""

from typing import Any

import numpy as np


def as_dtype(name: str) -> np.dtype[Any]:
    """Return NumPy's dtype of that name; bfloat16 is ml_dtypes'.

    >>> as_dtype("bfloat16").itemsize
    2
    """
    if name == "bfloat16":
        import ml_dtypes  # noqa: PLC0415 - few files and networks are in bfloat16

        bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        return bfloat16
    return np.dtype(name)
