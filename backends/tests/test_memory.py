"""How much memory there is: the least of what the system, control groups and the process's own limit leave."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from isomorph.backends import memory
from isomorph.backends.memory import available_memory

GIB = 2**30

MEMINFO = f"MemTotal: {64 * GIB // 1024} kB\nMemAvailable:   {16 * GIB // 1024} kB\n"


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a system in which 16 GiB are free, and that says nothing else."""
    monkeypatch.setattr(memory, "PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "cgroup")
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text(MEMINFO)
    return tmp_path


def group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"memory.{name}").write_text(text)


def test_it_is_what_is_free(system: Path) -> None:
    assert available_memory() == 16 * GIB


def test_a_system_that_says_nothing(system: Path) -> None:
    (system / "proc" / "meminfo").unlink()
    assert available_memory() is None


def test_a_container_has_less(system: Path) -> None:
    (system / "proc" / "self" / "cgroup").write_text("0::/\n")
    group(system / "cgroup", max=f"{8 * GIB}\n", current=f"{5 * GIB}\n", stat=f"anon {3 * GIB}\ninactive_file {GIB}\n")
    assert available_memory() == 4 * GIB


def test_a_group_around_its_own_has_less(system: Path) -> None:
    (system / "proc" / "self" / "cgroup").write_text("0::/users/me/job\n")
    group(system / "cgroup" / "users", max=f"{3 * GIB}\n", current=f"{GIB}\n", stat="inactive_file 0\n")
    group(system / "cgroup" / "users" / "me" / "job", max="max\n", current=f"{GIB}\n", stat="inactive_file 0\n")
    assert available_memory() == 2 * GIB


def test_a_group_of_the_first_version_has_less(system: Path) -> None:
    (system / "proc" / "self" / "cgroup").write_text("5:devices:/\n4:memory:/job\n0::/\n")
    unlimited = {"limit_in_bytes": "9223372036854771712\n", "usage_in_bytes": f"{GIB}\n"}
    group(system / "cgroup" / "memory", **unlimited)
    group(system / "cgroup" / "memory" / "job", limit_in_bytes=f"{GIB}\n", usage_in_bytes=f"{3 * GIB // 4}\n")
    assert available_memory() == GIB // 4


def test_a_group_that_takes_more_than_its_limit_leaves_none(system: Path) -> None:
    (system / "proc" / "self" / "cgroup").write_text("0::/\n")
    group(system / "cgroup", max=f"{GIB}\n", current=f"{2 * GIB}\n")
    assert available_memory() == 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which tells what a process takes")
def test_a_limit_of_the_process_leaves_less() -> None:
    script = "from isomorph.backends.memory import available_memory; print(available_memory())"
    most = GIB // 2
    done = subprocess.run(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)),
    )
    assert 0 < int(done.stdout) < most
