"""The probe of precision against operands that surgery rounds: it names what a device was left in."""

from typing import Any

import pytest

from isomorph.backends.process import BackendProcess, RemoteNetwork
from isomorph.conformance.faults.surgery import SURGEONS, surgeon_of
from isomorph.conformance.precision import prove_precision
from isomorph.conformance.suite.conftest import Build
from isomorph.conformance.suite.selection import but_in_pytorch
from isomorph.spec import Architecture

BACKENDS = list(SURGEONS)

PRECISIONS = {24: "float32", 11: "tf32", 8: "bfloat16"}
OPERANDS = {"inputs": {"kernels": False}, "kernels": {"inputs": False}, "both": {}}


@pytest.mark.thorough_where(where=but_in_pytorch("operands", "both"))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("operands", OPERANDS)
@pytest.mark.parametrize("bits", PRECISIONS)
def test_operands_that_are_rounded_cannot_hide(
    bits: int, operands: str, dtype: str, process: BackendProcess, build: Build
) -> None:
    rounded: dict[str, Any] = {"bits": bits, **OPERANDS[operands]}

    def build_rounding(network: Architecture) -> RemoteNetwork:
        built = build(network, dtype)
        built.apply(f"{surgeon_of(process.name)}:round_operands", **rounded)
        return built

    # Kernels are drawn as float32's numbers, so that rounding them alone to as many bits changes nothing.
    really = dtype if (bits, operands) == (24, "kernels") else PRECISIONS[bits]
    assert {seed: prove_precision(build_rounding, dtype, seed) for seed in range(3)} == dict.fromkeys(range(3), really)
