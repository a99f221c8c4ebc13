"""Prove the precision in which a device really computes, by its rounding errors.

The backend runs two small convolutions and a small matrix product like any network. Their error against the float64
oracle comes from the operands' rounding, which a device set to TF32 or bfloat16 cannot hide.
"""

from collections.abc import Callable
from functools import cache
from math import log2
from typing import Any, Protocol

import numpy as np

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.protocol import Array, Options
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.verdict import relative_l2
from isomorph.spec import Architecture, Head, Stem, StemConvolution

# A device that multiplies in TF32 may still take another way where there are few channels, as in images.
PROBE = Architecture(
    "isomorph/probe", Stem((StemConvolution("conv1", 64, 3), StemConvolution("conv2", 64, 3))), (), Head(num_classes=64)
)

# precision -> significant bits of operands
_BITS = {"float64": 53, "float32": 24, "tf32": 11, "float16": 11, "bfloat16": 8}
PRECISIONS = (*_BITS, "none")
"""All results of `prove_precision`."""

_POSSIBLE = {
    "float64": ("float64", "float32", "tf32", "bfloat16"),
    "float32": ("float32", "tf32", "bfloat16"),
    "float16": ("float16", "bfloat16"),
    "bfloat16": ("bfloat16",),
}


class Runs(Protocol):
    """A network, here or in another process."""

    def load(self, tensors: Any) -> Any:
        """Load tensors."""

    def end_points(self, images: Any) -> dict[str, Array]:
        """Return all end points."""


@cache
def _case(seed: int) -> tuple[Array, dict[str, Array], dict[str, Array]]:
    images = draw_images(PROBE, 2, 8, 8, seed)
    tensors = draw_tensors(PROBE, images, seed)
    network = OracleNetwork(PROBE, Options(dtype="float64"))
    network.load(tensors)
    return images, tensors, network.end_points(images)


def prove_precision(build: Callable[[Architecture], Runs], dtype: str, seed: int = 0) -> str:
    """Return the precision in which a network that `build` makes in `dtype` computes: dtype, or a coarser one.

    seed: of its weights and images; the result does not depend on it.

    >>> from isomorph.backends import load_backend
    >>> prove_precision(lambda probe: load_backend("oracle").build(probe, dtype="float32"), "float32")
    'float32'
    """
    images, tensors, reference = _case(seed)
    network = build(PROBE)
    network.load(tensors)
    end_points = network.end_points(images)
    error = max(relative_l2(end_points[name], reference[name]) for name in ("conv1", "conv2", "logits"))
    if not np.isfinite(error):
        return "none"
    bits = -log2(max(error, 2.0**-60))
    return min(_POSSIBLE[dtype], key=lambda name: abs(_BITS[name] - bits))
