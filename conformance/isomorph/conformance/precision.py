"""Which precision a device really computes in, proved by what it gets wrong.

Two small convolutions and a small matrix product are run through the backend like any network. Their error against the
float64 oracle is that of the operands' roundings, which a device set to TF32 or bfloat16 cannot hide.
"""

from collections.abc import Callable
from functools import cache
from math import log2
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.protocol import Options
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.verdict import relative_l2
from isomorph.spec import Architecture, Head, Stem, StemConvolution

Array = npt.NDArray[Any]

# A device that multiplies in TF32 may still take another way where there are few channels, as in images.
PROBE = Architecture(
    "isomorph/probe", Stem((StemConvolution("conv1", 64, 3), StemConvolution("conv2", 64, 3))), (), Head(num_classes=64)
)

# significant bits of what operands are rounded to
_BITS = {"float64": 53, "float32": 24, "tf32": 11, "float16": 11, "bfloat16": 8}
PRECISIONS = (*_BITS, "none")
"""All that `prove_precision` may answer."""

_POSSIBLE = {
    "float64": ("float64", "float32", "tf32", "bfloat16"),
    "float32": ("float32", "tf32", "bfloat16"),
    "float16": ("float16", "bfloat16"),
    "bfloat16": ("bfloat16",),
}


class Runs(Protocol):
    """A network, here or in another process."""

    def load(self, tensors: Any) -> Any:
        """Take over tensors."""

    def end_points(self, images: Any) -> dict[str, Array]:
        """All end points."""


@cache
def _case(seed: int) -> tuple[Array, dict[str, Array], dict[str, Array]]:
    images = draw_images(PROBE, 2, 8, 8, seed)
    tensors = draw_tensors(PROBE, images, seed)
    network = OracleNetwork(PROBE, Options(dtype="float64"))
    network.load(tensors)
    return images, tensors, network.end_points(images)


def prove_precision(build: Callable[[Architecture], Runs], dtype: str, seed: int = 0) -> str:
    """Name the precision in which a network that `build` makes in `dtype` computes: dtype itself, or a coarser one.

    seed: what its weights and images are drawn from; the answer does not depend on it.
    """
    images, tensors, reference = _case(seed)
    network = build(PROBE)
    network.load(tensors)
    found = network.end_points(images)
    error = max(relative_l2(found[name], reference[name]) for name in ("conv1", "conv2", "logits"))
    if not np.isfinite(error):
        return "none"
    bits = -log2(max(error, 2.0**-60))
    return min(_POSSIBLE[dtype], key=lambda name: abs(_BITS[name] - bits))
