"""The suite that certifies backends, each in a process of its own; pytest's process never imports a framework.

    pytest conformance/isomorph/conformance --backend pytorch --backend keras:jax
    pytest --import-mode=importlib SITE-PACKAGES/isomorph/conformance --backend mine

Every backend that is named, or is among the four of DEFAULT and Keras's engines while none is, has to be there: one
that cannot be imported is an error. With `--device gpu` all of them compute there, and test_gpu.py joins the rest.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import pytest

from isomorph.backends import find_backend
from isomorph.backends.arrays import SharedArrays
from isomorph.backends.process import BackendFailed, BackendProcess, RemoteNetwork
from isomorph.conformance.drawn_case import DrawnCase, Share
from isomorph.conformance.lattice.drawn import DrawnLattice
from isomorph.spec import Architecture, BadInput

DEFAULT = ["oracle", "pytorch", "keras", "paddle"]
REQUIRE_PEERS = "ISOMORPH_REQUIRE_PEERS"


class Build(Protocol):
    """Build a network in the backend under test; `options` are those of `Backend.build`."""

    def __call__(self, architecture: Architecture, dtype: str = "float64", **options: Any) -> RemoteNetwork: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--backend`, `--device` and `--every-network`."""
    group = parser.getgroup("isomorph")
    group.addoption(
        "--backend", action="append", metavar="NAME", help=f"certify this one; default {', '.join(DEFAULT)}"
    )
    group.addoption("--every-network", action="store_true", help="also those that others stand for; half an hour")
    group.addoption("--device", choices=["auto", "cpu", "gpu"], default="cpu", help="where; default cpu")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out test_every_network.py unless it is asked for."""
    asked = config.getoption("--every-network", default=False)
    return True if collection_path.name == "test_every_network.py" and not asked else None


def pytest_configure(config: pytest.Config) -> None:
    """Refuse unknown backends. pytest-xdist's workers and their processes share the cores: each takes one thread."""
    under_test(config)
    config.addinivalue_line("markers", "thorough: what others stand for in `make test`")
    if config.getoption("numprocesses", default=None):
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ.setdefault(name, "1")


def under_test(config: pytest.Config, own: list[str] | None = None) -> list[str]:
    """The names of the backends under test, their aliases resolved.

    own: the only ones that a module is for; those of them are under test that were named, or all while none was.
    """
    try:
        named = [find_backend(name).name for name in config.getoption("--backend", default=None) or ()]
    except BadInput as error:
        raise pytest.UsageError(str(error)) from None
    if own is None:
        on_gpu = config.getoption("--device", default="cpu") == "gpu"
        return named or [name for name in DEFAULT if not (on_gpu and name == "oracle")]  # NumPy computes on no GPU
    return [name for name in own if name in named] if named else own


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for a backend's process, itself or through a network, in every backend under test.

    A module for certain backends alone lists them in BACKENDS.
    """
    if "process" in metafunc.fixturenames:
        own = getattr(metafunc.module, "BACKENDS", None)
        metafunc.parametrize("process", under_test(metafunc.config, own), indirect=True)


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
    """Build networks in the backend under test, which live as long as the test.

    Their fresh weights are zero: drawing those takes longer than most comparisons, which load others anyway.
    """
    built: list[RemoteNetwork] = []

    def build(architecture: Architecture, dtype: str = "float64", **options: Any) -> RemoteNetwork:
        device = pytestconfig.getoption("--device", default="cpu")
        built.append(process.build(architecture.undrawn(), device, dtype, **options))
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
