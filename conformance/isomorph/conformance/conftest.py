"""The suite that certifies backends, each in a process of its own; pytest's process never imports a framework.

    pytest conformance/isomorph/conformance --backend pytorch --backend keras:jax
    pytest --import-mode=importlib SITE-PACKAGES/isomorph/conformance --backend mine

Every backend that is named, or is among the four of DEFAULT while none is, has to be there: one that cannot be imported
is an error.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt
import pytest

from isomorph.backends import find_backend
from isomorph.backends.arrays import SharedArrays
from isomorph.backends.process import BackendFailed, BackendProcess, RemoteNetwork
from isomorph.spec import Architecture, BadInput

DEFAULT = ["oracle", "pytorch", "keras", "paddle"]
REQUIRE_PEERS = "ISOMORPH_REQUIRE_PEERS"


Share = Callable[[Mapping[str, npt.NDArray[Any]]], SharedArrays]


class Build(Protocol):
    """Build a network in the backend under test."""

    def __call__(self, architecture: Architecture, dtype: str = "float64") -> RemoteNetwork: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--backend` and `--device`."""
    group = parser.getgroup("isomorph")
    group.addoption(
        "--backend", action="append", metavar="NAME", help=f"certify this one; default {', '.join(DEFAULT)}"
    )
    group.addoption("--device", choices=["auto", "cpu", "gpu"], default="cpu", help="where; default cpu")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse unknown backends. pytest-xdist's workers and their processes share the cores: each takes one thread."""
    under_test(config)
    if config.getoption("numprocesses", default=None):
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ.setdefault(name, "1")


def under_test(config: pytest.Config) -> list[str]:
    """The names of the backends under test, their aliases resolved."""
    try:
        return [find_backend(name).name for name in config.getoption("--backend", default=None) or DEFAULT]
    except BadInput as error:
        raise pytest.UsageError(str(error)) from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for a backend's process, itself or through a network, in every backend under test."""
    if "process" in metafunc.fixturenames:
        metafunc.parametrize("process", under_test(metafunc.config), indirect=True)


@pytest.fixture(scope="session")
def start() -> Iterator[Callable[[str], BackendProcess]]:
    """Start a backend's process, or give back the one that runs; all end with the session."""
    with ExitStack() as stack:
        yield cache(lambda name: stack.enter_context(BackendProcess(name, timeout=300)))


@pytest.fixture
def process(request: pytest.FixtureRequest, start: Callable[[str], BackendProcess]) -> BackendProcess:
    """The process of one backend under test."""
    process = start(request.param)
    process.describe()
    return process


@pytest.fixture
def build(process: BackendProcess, pytestconfig: pytest.Config) -> Iterator[Build]:
    """Build networks in the backend under test, which live as long as the test."""
    built: list[RemoteNetwork] = []

    def build(architecture: Architecture, dtype: str = "float64") -> RemoteNetwork:
        built.append(process.build(architecture, pytestconfig.getoption("--device", default="cpu"), dtype))
        return built[-1]

    yield build
    with suppress(BackendFailed):  # a process that ended has nothing left to discard
        for network in built:
            network.discard()


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Share]:
    """Write arrays once for all backends to map; the files go with the module."""
    folder = tmp_path_factory.mktemp("shared")
    numbers = count()
    yield lambda arrays: SharedArrays.write(folder / str(next(numbers)), arrays)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def need_peers() -> Callable[[str], None]:
    """Skip, giving a reason, what needs a peer that is not here; where peers are required, fail."""

    def need(reason: str) -> None:
        if os.environ.get(REQUIRE_PEERS) == "1":
            pytest.fail(f"{REQUIRE_PEERS} is 1, but this test {reason}")
        pytest.skip(reason)

    return need


@pytest.fixture(scope="session")
def shared(pytestconfig: pytest.Config, need_peers: Callable[[str], None]) -> Path:
    """The folder of peer fixtures beside the repository."""
    folder = pytestconfig.rootpath.parent / "shared"
    if not (folder / "peers").is_dir():
        need_peers(f"needs the peer fixtures in {folder / 'peers'}")
    return folder
