"""The probe tells in which precision a device computes, whatever it was asked for; and pytest's process stays clean."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.oracle.operations import convolve
from isomorph.backends.protocol import Array, Options
from isomorph.conformance.precision import prove_precision
from isomorph.conformance.suite.conftest import Build
from isomorph.spec import Architecture

SEEDS = range(5)


def to_bits(x: Array, bits: int) -> Array:
    """Values rounded to `bits` significant bits, as TF32 rounds operands to 11."""
    mantissa, exponent = np.frexp(x.astype(np.float64))
    return np.ldexp(np.round(mantissa * 2.0**bits) / 2.0**bits, exponent)


# What a device may do to a product's operands, before it sums in float32 and calls the result what was asked for.
ROUNDINGS: dict[str, Callable[[Array], Array]] = {
    "tf32": lambda x: to_bits(x, 11),
    "bfloat16": lambda x: x.astype(ml_dtypes.bfloat16),
    "float32": lambda x: x,
}


# Devices have a switch for each.
KERNELS = {"convolutions": (3,), "matrix products": (1,), "both": (1, 3)}


def rounding(name: str, where: str, monkeypatch: pytest.MonkeyPatch, operands: str = "both") -> None:
    """Have the oracle compute so in convolutions, in 1x1 ones (matrix products), or in both.

    operands: the "inputs" alone, the "kernels" alone, or "both".
    """

    def rounded(x: Array, which: str) -> Array:
        return (ROUNDINGS[name](x) if operands in (which, "both") else x).astype("f4")

    def convolve_rounded(x: Array, weights: Array, *rest: Any) -> Array:
        if len(weights) in KERNELS[where]:
            return convolve(rounded(x, "inputs"), rounded(weights, "kernels"), *rest).astype(x.dtype)
        return convolve(x, weights, *rest)

    monkeypatch.setattr("isomorph.backends.oracle.layers.convolve", convolve_rounded)


def built(dtype: str) -> Callable[[Architecture], OracleNetwork]:
    return lambda network: OracleNetwork(network, Options(dtype=dtype))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_an_honest_network_computes_in_what_it_was_built_in(dtype: str) -> None:
    assert prove_precision(built(dtype), dtype) == dtype


@pytest.mark.parametrize(
    ("dtype", "really"),
    [
        ("float32", "tf32"),
        ("float32", "bfloat16"),
        ("float64", "float32"),
        ("float64", "tf32"),
        ("float64", "bfloat16"),
    ],
)
@pytest.mark.parametrize("where", KERNELS)
def test_rounded_operands_cannot_hide(dtype: str, really: str, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert prove_precision(built(dtype), dtype) == dtype  # and the probe's own reference is made before the fault
    rounding(really, where, monkeypatch)
    assert prove_precision(built(dtype), dtype) == really


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("really", ["tf32", "bfloat16"])
@pytest.mark.parametrize("operands", ["inputs", "kernels", "both"])
@pytest.mark.parametrize("seed", SEEDS)
def test_nor_can_those_of_one_side(
    seed: int, operands: str, really: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert prove_precision(built(dtype), dtype, seed) == dtype
    rounding(really, "both", monkeypatch, operands)
    assert prove_precision(built(dtype), dtype, seed) == really


def test_results_that_are_no_numbers_prove_nothing() -> None:
    class Broken(OracleNetwork):
        def _run(self, part: str | None, x: Array) -> dict[str, Array]:
            return {name: np.full_like(y, np.nan) for name, y in super()._run(part, x).items()}

    assert prove_precision(lambda network: Broken(network, Options(dtype="float32")), "float32") == "none"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_backend_computes_in_what_it_is_asked_for(dtype: str, build: Build) -> None:
    assert prove_precision(lambda network: build(network, dtype), dtype) == dtype


CLEAN = """
import sys
import isomorph.conformance.suite.conftest, isomorph.conformance.reference, isomorph.conformance.precision
import isomorph.conformance.faults.catalogue, isomorph.conformance.faults.planting
from isomorph.backends.process import BackendProcess
print(*{"torch", "tensorflow", "keras", "paddle", "jax"} & set(sys.modules))
"""


def test_what_this_suite_imports_brings_no_framework() -> None:
    run = subprocess.run([sys.executable, "-P", "-c", CLEAN], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.split()) == (0, []), run.stderr
