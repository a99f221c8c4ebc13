"""The probe of precision against operands that surgery rounds: it names what a device was left in."""

import pytest

from isomorph.backends.process import BackendProcess, RemoteNetwork
from isomorph.conformance.faults.catalogue import CATALOGUE
from isomorph.conformance.faults.fault import Surgery
from isomorph.conformance.faults.surgery import SURGEONS, surgeon_of
from isomorph.conformance.precision import prove_precision
from isomorph.conformance.suite.conftest import Build
from isomorph.spec import Architecture

BACKENDS = list(SURGEONS)


@pytest.mark.parametrize(
    ("name", "dtype", "really"),
    [
        ("tf32-left-on", "float32", "tf32"),
        ("tf32-left-on", "float64", "tf32"),
        ("bfloat16-left-on", "float32", "bfloat16"),
        ("float32-for-float64", "float64", "float32"),
        ("float32-for-float64", "float32", "float32"),
    ],
)
def test_the_probe_names_the_precision_that_was_left_on(
    name: str, dtype: str, really: str, process: BackendProcess, build: Build
) -> None:
    surgery = CATALOGUE[name].plant
    assert isinstance(surgery, Surgery)

    def build_rounding(network: Architecture) -> RemoteNetwork:
        built = build(network, dtype)
        built.apply(f"{surgeon_of(process.name)}:{surgery.function}", **surgery.arguments)
        return built

    assert prove_precision(build_rounding, dtype) == really
