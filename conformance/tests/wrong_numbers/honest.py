"""The network without a mistake: the oracle's, with what the oracle lacks."""

from dataclasses import replace

import ml_dtypes
import numpy as np

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.protocol import Array, Tensors


def rounded(x: Array) -> Array:
    """To bfloat16's numbers, in the array's own dtype."""
    return x.astype(ml_dtypes.bfloat16).astype(x.dtype)


class HonestNetwork(OracleNetwork):
    """The oracle's; under autocast it computes in bfloat16."""

    def _answer(self, images: Array) -> Array:
        if self.options.autocast is None:
            return super()._answer(images)
        network = OracleNetwork(self.architecture, replace(self.options, dtype="bfloat16", autocast=None))
        network.load(self.loaded)
        return network.answer(images).astype(np.float32)

    def load(self, tensors: Tensors, partial: bool = False) -> tuple[list[str], list[str]]:
        told = super().load(tensors, partial)
        self.loaded = dict(tensors)
        return told
