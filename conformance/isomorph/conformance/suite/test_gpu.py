"""What a GPU adds: other algorithms at other batch sizes, and TF32, off and on. Runs with --device gpu alone.

A unit of every kind, drawn from five seeds, on batches of two and of eight images: in float64, in float32 of proved
precision and in bfloat16 against the oracle's noise, and on a lattice with TF32 on, which holds its integers.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

import pytest

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendProcess
from isomorph.conformance.drawn_case import Case, DrawnCase
from isomorph.conformance.lattice.drawn import DrawnLattice, Lattice
from isomorph.conformance.precision import prove_precision
from isomorph.conformance.small_networks import KIN, RIGID, shortened
from isomorph.conformance.suite.assertions import assert_agrees
from isomorph.conformance.suite.conftest import Build
from isomorph.conformance.suite.network_cases import DENSE, LACKING

SEEDS = range(5)
BATCHES = (2, 8)

# One of each kind of unit, with stem, shortcuts and head. Two blocks of two units: deeper ones run in other modules,
# and bfloat16's noise drowns what they answer.
NETWORKS = {
    name: replace(shortened(KIN[name]), blocks=shortened(KIN[name]).blocks[:2])
    for name in (
        "slim's bottlenecks",
        "basic units, the first striding",
        "zero channels",
        "grouped bottlenecks",
        "pre-activated bottlenecks",
        "separable units",
        "inverted residuals",
    )
} | {name: RIGID[name] for name in ("inceptions", "dense layers behind a flattened map")}

DRAWS = list(product(SEEDS, BATCHES))
CASES = {
    f"{name}, seed {seed}, {batch} images": Case(network, 49, 64, batch, seed)
    for name, network in NETWORKS.items()
    for seed, batch in DRAWS
}

# The means of the last two leave no powers of two: of the one the body alone is on a lattice that TF32 holds.
INTEGERS = {name: network for name, network in NETWORKS.items() if name in KIN} | {
    "inceptions without a head": NETWORKS["inceptions"].with_options(**DENSE)
}
LATTICES = {
    f"{name}, seed {seed}, {batch} images": Lattice(network, 49, 64, batch, seed)
    for name, network in INTEGERS.items()
    for seed, batch in DRAWS
}

# Keras computes parts of float64 in float32 there, and says so.
LACKS_FLOAT64 = {"keras:jax", "keras:torch"}

ON_A_GPU = pytest.mark.skip(reason="compares what a GPU computes; --device gpu runs it where there is one")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All draws on a GPU; elsewhere one that is skipped, and says why."""
    asked = metafunc.config.getoption("--device", default="cpu") == "gpu"
    draws: dict[str, list[Any]] = {"case": [*CASES], "lattice": [*LATTICES], "seed": [*SEEDS]}
    for name in draws.keys() & set(metafunc.fixturenames):
        chosen = draws[name] if asked else [pytest.param(None, marks=ON_A_GPU, id="on a GPU")]
        metafunc.parametrize(name, chosen, indirect=name != "seed")


@pytest.fixture(scope="module")
def start_in_tf32() -> Iterator[Callable[[str], BackendProcess]]:
    """Start a backend's process with TF32 on, or give back the one that runs; all end with the module."""
    with ExitStack() as stack:
        yield cache(lambda name: stack.enter_context(BackendProcess(name, timeout=300, tf32=True)))


@pytest.fixture
def in_tf32(process: BackendProcess, start_in_tf32: Callable[[str], BackendProcess]) -> BackendProcess:
    """The process of the backend under test that may use TF32."""
    return start_in_tf32(process.name)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_it_computes_in_what_it_is_asked_for(dtype: str, seed: int, build: Build, process: BackendProcess) -> None:
    if dtype == "float64" and process.name in LACKS_FLOAT64:
        pytest.skip("has no float64, as test_engines.py proves")
    assert prove_precision(lambda probe: build(probe, dtype), dtype, seed) == dtype


def test_tf32_where_it_is_on_is_what_the_probe_finds(seed: int, in_tf32: BackendProcess) -> None:
    """The probe's own test: it tells float32 from TF32 on a device, too. GPUs older than Ampere have none."""
    found = prove_precision(lambda probe: in_tf32.build(probe, "gpu"), "float32", seed)
    assert found == "tf32", in_tf32.describe()["gpu_name"]


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_its_end_points_are_the_oracles_but_for_noise(
    case: DrawnCase, dtype: str, build: Build, process: BackendProcess
) -> None:
    if dtype == "float64" and process.name in LACKS_FLOAT64:
        pytest.skip("has no float64, as test_engines.py proves")
    if (process.name, dtype, "gpu") in LACKING:
        with pytest.raises(Unavailable, match=f"has no {dtype}"):
            build(case.network, dtype)
        return
    assert_agrees(case, build(case.network, dtype), dtype)


def test_with_tf32_on_a_lattice_is_the_same_numbers(lattice: DrawnLattice, in_tf32: BackendProcess) -> None:
    assert lattice.case.exact_in("tf32")
    network = in_tf32.build(lattice.case.architecture.undrawn(), "gpu")
    verdict = lattice.run(network)
    network.discard()
    assert verdict.passed, verdict.message


def test_with_tf32_on_float32_is_not_what_it_should_be(case: DrawnCase, in_tf32: BackendProcess) -> None:
    """The tests' own test: what TF32 rounds is far more than float32's noise."""
    network = in_tf32.build(case.network.undrawn(), "gpu")
    _, run = case.run(network, "float32")
    network.discard()
    assert run.verdict == "fail"
