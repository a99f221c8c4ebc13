"""The precisions that networks are built in, as NumPy has them."""

from typing import Any

import ml_dtypes
import numpy as np


def as_dtype(name: str) -> np.dtype[Any]:
    """NumPy's dtype of that name; bfloat16 is ml_dtypes'."""
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
