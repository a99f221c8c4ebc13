"""The probe sees what a real framework's convolutions do to their operands, not only what the oracle's do."""

import json
import subprocess
import sys
from typing import Any

import pytest

from isomorph.backends.process import BackendProcess

BACKENDS = ["pytorch"]

MODULE = "isomorph.conformance.suite.rounded_in_pytorch"
PRECISIONS = {24: "float32", 11: "tf32", 8: "bfloat16"}


@pytest.fixture(scope="module")
def proved() -> list[list[Any]]:
    """[dtype, bits, operands, seed, what was proved] of every combination, in a process of its own."""
    run = subprocess.run([sys.executable, "-P", "-m", MODULE], capture_output=True, text=True, check=False, timeout=300)
    assert run.returncode == 0, run.stderr
    found: list[list[Any]] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("operands", ["inputs", "kernels", "both"])
@pytest.mark.parametrize("bits", PRECISIONS)
def test_operands_rounded_in_pytorch_cannot_hide(
    bits: int, operands: str, dtype: str, process: BackendProcess, proved: list[list[Any]]
) -> None:
    found = {seed: precision for *key, seed, precision in proved if key == [dtype, bits, operands]}
    # Kernels are drawn as float32's numbers, so that rounding them alone to as many bits changes nothing.
    really = dtype if (bits, operands) == (24, "kernels") else PRECISIONS[bits]
    assert found == dict.fromkeys(range(3), really)
