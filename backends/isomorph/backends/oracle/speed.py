"""NumPy's matrix product, for `isomorph bench`; it has no zoo and no training step."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from isomorph.backends.array_forms import Images, Labels
from isomorph.backends.dtypes import as_dtype
from isomorph.backends.failures import Unavailable
from isomorph.backends.options import Options
from isomorph.backends.speed.clock import Work
from isomorph.backends.speed.framework import Framework, Zoo


class OracleFramework(Framework):
    """NumPy, as `isomorph bench` measures it."""

    def zoo(self, name: str, classes: int, size: tuple[int, int, int], device: str) -> Zoo:
        """Raise Unavailable: NumPy has no zoo."""
        raise Unavailable("NumPy has no zoo.")

    def training_step(self, native: Any, options: Options, images: Images, labels: Labels) -> Work:
        """Raise Unavailable: the oracle defines gradients, and nobody trains with it."""
        raise Unavailable("The oracle is nothing to train with.")

    def products(self, size: int, precision: str, device: str) -> Iterator[tuple[str, Work]]:
        """Yield `@`."""
        matrix = np.ones((size, size), as_dtype(precision))
        yield "@", lambda: matrix @ matrix

    def threads(self) -> int:
        """Return the threads of NumPy's BLAS, as set in the environment."""
        return int(os.environ.get("OPENBLAS_NUM_THREADS", "0"))
