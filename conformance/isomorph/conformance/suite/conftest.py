"""The suite that certifies backends, each in a process of its own; pytest's process never imports a framework.

    pytest conformance/isomorph/conformance --backend pytorch --backend keras:jax
    pytest --pyargs isomorph.conformance --backend mine
    isomorph conformance run --backends mine

Every backend that is named, or is among the four of DEFAULT and Keras's engines while none is, has to be there: one
that cannot be imported is an error. With `--device gpu` all of them compute there, and test_gpu.py joins the rest.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import pytest

from isomorph.backends.arrays import SharedArrays
from isomorph.backends.process import BackendFailed, BackendProcess, RemoteNetwork
from isomorph.backends.timeouts import SUITE_TIMEOUT
from isomorph.conformance.drawn_case import DrawnCase, Share
from isomorph.conformance.lattice.drawn import DrawnLattice
from isomorph.conformance.suite.learning import Learning
from isomorph.conformance.suite.selection import AGAINST_THE_ORACLE, ORACLE, under_test
from isomorph.conformance.training.drawn import DrawnTraining
from isomorph.spec import Architecture, BadInput, count_parameters

REQUIRE_PEERS = "ISOMORPH_REQUIRE_PEERS"

MANY_VALUES = 100_000_000
"""Frameworks keep most of what they once took: a process that built a network of more ends with the test."""


class Build(Protocol):
    """Build a network in the backend under test; `options` are those of `Backend.build`."""

    def __call__(self, architecture: Architecture, dtype: str = "float64", **options: Any) -> RemoteNetwork: ...


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out test_every_network.py without `--every-network`."""
    every_network = config.getoption("--every-network", default=False)
    return True if collection_path.name == "test_every_network.py" and not every_network else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests that use a backend's process, directly or through a network, in every backend under test.

    A module for certain backends alone lists them in BACKENDS. A comparison with the oracle's own answers says nothing
    about the oracle, which is on both sides: such tests are marked, and not run for it.
    """
    if "process" in metafunc.fixturenames:
        names = under_test(metafunc.config, getattr(metafunc.module, "BACKENDS", None))
        if metafunc.definition.get_closest_marker(AGAINST_THE_ORACLE):
            names = [name for name in names if name != ORACLE]
        metafunc.parametrize("process", names, indirect=True)


@pytest.fixture(scope="session")
def start(pytestconfig: pytest.Config) -> Iterator[Callable[[str], BackendProcess]]:
    """Start a backend's process, or return the one that runs; all end with the session.

    A crash or a hang fails the test in which it happens, and the next test gets a new process; so it does after a test
    that closes its process.
    """
    timeout = pytestconfig.getoption("--call-timeout", default=SUITE_TIMEOUT)
    running: dict[str, BackendProcess] = {}

    def start(name: str) -> BackendProcess:
        if name in running and (running[name].is_spent or running[name].closed):
            running.pop(name).close()
        if name not in running:
            running[name] = BackendProcess(name, timeout=timeout)
        return running[name]

    yield start
    for process in running.values():
        process.close()


@pytest.fixture
def process(request: pytest.FixtureRequest, start: Callable[[str], BackendProcess]) -> BackendProcess:
    """Return the process of one backend under test."""
    process = start(request.param)
    process.describe()
    return process


@pytest.fixture
def device(process: BackendProcess, pytestconfig: pytest.Config) -> str:
    """Return the device of the backend under test, "cpu" or "gpu"; "auto" is a GPU where it sees one."""
    option: str = pytestconfig.getoption("--device", default="cpu")
    return option if option != "auto" else "gpu" if process.describe()["gpu"] else "cpu"


@pytest.fixture
def build(process: BackendProcess, device: str) -> Iterator[Build]:
    """Build networks in the backend under test; they are discarded after the test."""
    with building(process, device) as build:
        yield build


@contextmanager
def building(process: BackendProcess, device: str) -> Iterator[Build]:
    """Build networks that are discarded in the end; after a very large one, close the process.

    Their fresh weights are zero: drawing them takes longer than most comparisons, which load others anyway.
    """
    networks: list[RemoteNetwork] = []
    architectures: list[Architecture] = []

    def build(architecture: Architecture, dtype: str = "float64", **options: Any) -> RemoteNetwork:
        architectures.append(architecture)
        networks.append(process.build(architecture.undrawn(), device, dtype, **options))
        return networks[-1]

    yield build
    with suppress(BackendFailed):  # a process that ended has nothing left to discard
        for network in networks:
            network.discard()
    if any(_is_large(architecture) for architecture in architectures):
        process.close()


def _is_large(architecture: Architecture) -> bool:
    try:
        return count_parameters(architecture)[1] > MANY_VALUES
    except BadInput:  # it was to be refused
        return False


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Share]:
    """Write arrays once for all backends to map; the files are removed after the module."""
    folder = tmp_path_factory.mktemp("shared")
    numbers = count()
    yield lambda arrays: SharedArrays.write(folder / str(next(numbers)), arrays)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def case(request: pytest.FixtureRequest, share: Share) -> DrawnCase:
    """One of the module's CASES, drawn once for all backends."""
    drawn: DrawnCase = request.module.CASES[request.param].with_tensors(share)
    return drawn


@pytest.fixture(scope="module")
def lattice(request: pytest.FixtureRequest, share: Share) -> DrawnLattice:
    """One of the module's LATTICES, drawn once for all backends."""
    drawn: DrawnLattice = request.module.LATTICES[request.param].with_tensors(share)
    return drawn


@pytest.fixture(scope="module")
def training(request: pytest.FixtureRequest) -> DrawnTraining:
    """One of the module's CASES of training, drawn once for all backends."""
    drawn: DrawnTraining = request.module.CASES[request.param].draw()
    return drawn


@pytest.fixture(scope="module")
def learners(training: DrawnTraining) -> Iterator[dict[tuple[BackendProcess, str], RemoteNetwork]]:
    """Return the case's networks for training, by process and dtype, as compiling takes longer than training."""
    networks: dict[tuple[BackendProcess, str], RemoteNetwork] = {}
    yield networks
    for network in networks.values():
        with suppress(BackendFailed):
            network.discard()


@pytest.fixture
def learning(
    process: BackendProcess,
    device: str,
    training: DrawnTraining,
    learners: dict[tuple[BackendProcess, str], RemoteNetwork],
) -> Learning:
    """Build the case's network for training in the backend under test; tests share it, and load their tensors."""

    def learning(dtype: str) -> RemoteNetwork:
        if (process, dtype) not in learners:
            options = {"training": True, "freeze_batch_norm": training.case.freeze_batch_norm}
            learners[process, dtype] = process.build(training.case.architecture.undrawn(), device, dtype, **options)
        return learners[process, dtype]

    return learning


@pytest.fixture(scope="session")
def need_peers() -> Callable[[str], None]:
    """Skip, with a reason, a test that needs a missing peer; where peers are required, fail."""

    def need(reason: str) -> None:
        if os.environ.get(REQUIRE_PEERS) == "1":
            pytest.fail(f"{REQUIRE_PEERS} is 1, but this test {reason}")
        pytest.skip(reason)

    return need


@pytest.fixture(scope="session")
def shared(pytestconfig: pytest.Config, need_peers: Callable[[str], None]) -> Path:
    """Return the folder of peer fixtures beside the repository."""
    folder = pytestconfig.rootpath.parent / "shared"
    if not (folder / "peers").is_dir():
        need_peers(f"needs the peer fixtures in {folder / 'peers'}")
    return folder
