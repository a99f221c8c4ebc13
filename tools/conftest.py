"""What the tests of this floor share. They stand in tests/; this does not, as mypy takes all tests/ for one package.

This process never imports a framework: one after another can end the interpreter, and backends run in processes of
their own anyway.
"""

import os
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forks import oracle
from isomorph.backends import process

REQUIRE_PEERS = "ISOMORPH_REQUIRE_PEERS"
FRAMEWORKS = {"torch", "tensorflow", "keras", "paddle", "jax"}


@pytest.fixture(scope="session", autouse=True)
def no_framework_in_this_process() -> Iterator[None]:
    yield
    imported = sorted(FRAMEWORKS & sys.modules.keys())
    assert not imported, f"the tests' own process has imported {', '.join(imported)}"


@pytest.fixture(scope="session", autouse=True)
def oracles_start_as_forks() -> Iterator[None]:
    """Those of a tenth of all tests; backends/tests/test_process.py starts them as users do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "start", oracle.start_oracle_forked)
        yield


@pytest.fixture(scope="session")
def shared(pytestconfig: pytest.Config) -> Path:
    """The folder of published weights and photographs beside the repository."""
    folder = pytestconfig.rootpath.parent / "shared"
    if not (folder / "weights").is_dir():
        if os.environ.get(REQUIRE_PEERS) == "1":
            pytest.fail(f"{REQUIRE_PEERS} is 1, but {folder / 'weights'} is not there")
        pytest.skip(f"needs the published weights in {folder / 'weights'}")
    return folder


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder that holds nothing, below the one in which other fixtures leave theirs."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def little_memory() -> Iterator[None]:
    """2 GiB more than this process takes, for it and for each that it starts.

    What a test says is refused would otherwise, where it is not, take all the memory of the machine.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    status = Path("/proc/self/status")  # without which there is no limit that could be kept
    if status.exists():
        taken = next(line for line in status.read_text().splitlines() if line.startswith("VmSize:"))
        resource.setrlimit(resource.RLIMIT_AS, (int(taken.split()[1]) * 1024 + 2 * 2**30, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.fixture
def install(tmp_path: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Offer the misbehaving backend of the backends' own tests under given names, as another package would.

    Finds it here and in the processes that are started from here. Returns the name that it is called with.
    """
    site = tmp_path / "site-packages"
    offered: list[str] = []

    def offer(name: str) -> str:
        metadata = site / "misbehaving-1.0.dist-info"
        metadata.mkdir(parents=True, exist_ok=True)
        shutil.copy(pytestconfig.rootpath / "backends" / "tests" / "misbehaving.py", site)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: misbehaving\nVersion: 1.0\n")
        offered.append(f"{name} = misbehaving\n")
        (metadata / "entry_points.txt").write_text("".join(["[isomorph.backends]\n", *offered]))
        monkeypatch.syspath_prepend(site)
        paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
        return name

    return offer
