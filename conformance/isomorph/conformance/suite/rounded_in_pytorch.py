"""PyTorch networks whose convolutions round their operands, as a GPU does that is set to TF32, and what the probe says.

PYTHON -P -m isomorph.conformance.suite.rounded_in_pytorch   writes JSON: dtype, bits, operands, seed, what was proved
"""

import json
import sys
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from isomorph.backends.pytorch.backend import PyTorch
from isomorph.conformance.precision import prove_precision
from isomorph.conformance.small_networks import Array
from isomorph.spec import Architecture

DTYPES = ("float64", "float32")
BITS = (24, 11, 8)  # float32's, TF32's and bfloat16's
OPERANDS = ("inputs", "kernels", "both")
SEEDS = range(3)


class Rounded:
    """A network on the CPU whose convolutions see their inputs, their kernels or both in `bits` significant bits."""

    def __init__(self, architecture: Architecture, dtype: str, bits: int, operands: str) -> None:
        self.network = PyTorch().build(architecture, dtype=dtype)
        self.bits = bits
        self.operands = operands
        self.convolutions = [module for module in self.network.native.modules() if isinstance(module, nn.Conv2d)]
        if operands != "kernels":
            for convolution in self.convolutions:
                convolution.register_forward_pre_hook(lambda _, inputs: tuple(to_bits(x, bits) for x in inputs))

    def load(self, tensors: Any) -> None:
        """Take over tensors, and round the kernels."""
        self.network.load(tensors)
        if self.operands != "inputs":
            with torch.no_grad():
                for convolution in self.convolutions:
                    convolution.weight.copy_(to_bits(convolution.weight, self.bits))

    def end_points(self, images: Any) -> dict[str, Array]:
        """All end points."""
        return self.network.end_points(images)


def to_bits(x: Tensor, bits: int) -> Tensor:
    """Values rounded to `bits` significant bits, in their own dtype."""
    mantissa, exponent = torch.frexp(x.double())
    return torch.ldexp(torch.round(mantissa * 2.0**bits) / 2.0**bits, exponent).to(x.dtype)


def main() -> None:
    """Prove the precision of every combination."""
    proved = [
        (dtype, bits, operands, seed, prove_precision(lambda a: Rounded(a, dtype, bits, operands), dtype, seed))  # noqa: B023 - called at once
        for dtype, bits, operands, seed in product(DTYPES, BITS, OPERANDS, SEEDS)
    ]
    json.dump(proved, sys.stdout)


if __name__ == "__main__":
    main()
