"""The oracle's training step and matrix product; it has no zoo."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from isomorph.backends.dtypes import as_dtype
from isomorph.backends.failures import Unavailable
from isomorph.backends.network import Array
from isomorph.backends.options import Options
from isomorph.backends.speed.clock import Work
from isomorph.backends.speed.framework import Framework, Zoo


class OracleFramework(Framework):
    """NumPy's."""

    def zoo(self, name: str, classes: int, size: tuple[int, int, int], device: str) -> Zoo:
        """None."""
        raise Unavailable("NumPy has no zoo.")

    def training_step(self, native: Any, options: Options, images: Array, labels: Array) -> Work:
        """None: it defines gradients, and nobody trains with it."""
        raise Unavailable("The oracle is nothing to train with.")

    def products(self, size: int, precision: str, device: str) -> Iterator[tuple[str, Work]]:
        """`@`."""
        matrix = np.ones((size, size), as_dtype(precision))
        yield "@", lambda: matrix @ matrix

    def threads(self) -> int:
        """Those of NumPy's BLAS, as it was told."""
        return int(os.environ.get("OPENBLAS_NUM_THREADS", "0"))
