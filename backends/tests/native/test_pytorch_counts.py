"""Multiply-accumulates as the specification infers them, against those that PyTorch counts while the network runs."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from isomorph.backends import load_backend
from isomorph.spec import Architecture, infer

Array = npt.NDArray[Any]


@pytest.mark.parametrize("size", [(33, 30), (48, 65)], ids=["33x30", "48x65"])
def test_pytorch_counts_as_many(design: Architecture, size: tuple[int, int]) -> None:
    """Two operations each, those of all convolutions; the auxiliary heads do not run at inference."""
    native = load_backend("pytorch").build(design).native
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        native(torch.from_numpy(np.ones((1, design.in_channels, *size), np.float32)))
    macs = infer(design, *size).macs
    assert macs is not None
    assert counter.get_total_flops() == 2 * macs
