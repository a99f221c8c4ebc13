"""Folders for temporary files, and the processes that go with them: neither outlives its owner."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from isomorph.backends.arrays import SharedArrays
from isomorph.backends.failures import PREFIX
from isomorph.backends.process import BackendFailed, BackendProcess, DiskFull
from isomorph.backends.scratch import OWNER, ScratchFolder, end_with_owner, remove_abandoned
from isomorph.spec import Architecture

KILLED = """
import os, signal
from isomorph.backends.scratch import ScratchFolder

folder = ScratchFolder()
(folder.path / "arrays").write_bytes(bytes(1000))
print(folder.path.name, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder for temporary files, as in a process that has not used it yet."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.delenv(OWNER, raising=False)
    remove_abandoned.cache_clear()
    return folder


def python(script: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env=os.environ | more, stdout=subprocess.PIPE, text=True, check=False, timeout=60)


def test_a_folder_goes_when_it_is_closed(temporary: Path) -> None:
    folder = ScratchFolder()
    assert [path.name for path in temporary.iterdir()] == [folder.path.name]
    (folder.path / "inner").mkdir()
    folder.close()
    folder.close()
    assert list(temporary.iterdir()) == []


def test_what_a_killed_run_left_is_removed_by_the_next_one(temporary: Path) -> None:
    name = python(KILLED).stdout.strip()
    assert (temporary / name / "arrays").exists()
    with ScratchFolder() as folder:
        assert list(temporary.iterdir()) == [folder]


def test_the_folder_of_a_run_that_lives_stays(temporary: Path) -> None:
    with ScratchFolder() as living:
        script = "from isomorph.backends.scratch import ScratchFolder; ScratchFolder()"
        assert python(script).returncode == 0
        assert list(temporary.iterdir()) == [living]


def test_a_folder_of_another_name_stays(temporary: Path) -> None:
    (temporary / "isomorph-notes").mkdir()
    with ScratchFolder() as folder:
        assert sorted(temporary.iterdir()) == sorted([folder, temporary / "isomorph-notes"])


def test_a_link_to_somebody_elses_folder_is_not_followed(temporary: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis").write_text("all of it")
    (temporary / f"{PREFIX}planted").symlink_to(precious)
    (temporary / f"{PREFIX}file").write_text("no folder")
    os.mkfifo(temporary / f"{PREFIX}pipe")
    with ScratchFolder():
        assert (precious / "thesis").read_text() == "all of it"
        assert {f"{PREFIX}{name}" for name in ("planted", "file", "pipe")} < {path.name for path in temporary.iterdir()}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder another user's")
def test_another_users_folder_stays(temporary: Path) -> None:
    theirs = temporary / f"{PREFIX}theirs"
    theirs.mkdir()
    os.chown(theirs, 12345, 12345)
    with ScratchFolder():
        assert theirs.exists()


def test_a_process_puts_its_own_into_its_owners(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScratchFolder() as outer:
        monkeypatch.setenv(OWNER, str(outer))
        with ScratchFolder() as inner:
            assert inner.parent == outer


# Ending with the owner. The child writes to the owner's stdout, which is at its end once both have ended.

CHILD = """
import ctypes, os, signal, sys
from isomorph.backends.scratch import end_with_owner

end_with_owner()
print("ready", flush=True)
{waiting}
"""

OWNING = """
import os, subprocess, sys
from isomorph.backends.scratch import ScratchFolder

folder = ScratchFolder()
subprocess.Popen([sys.executable, "-c", sys.argv[1]], env=os.environ | folder.environment).wait()
"""

WAITING = {
    "in a call that holds the interpreter's lock": "ctypes.PyDLL(None).sleep(600)",
    "and hears no signal that can be ignored": "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()",
}
if sys.platform == "linux":
    WAITING["while it is stopped"] = "os.kill(os.getpid(), signal.SIGSTOP)"


@pytest.mark.parametrize("waiting", WAITING.values(), ids=WAITING)
def test_a_process_ends_with_its_owner(temporary: Path, waiting: str) -> None:
    command = [sys.executable, "-c", OWNING, CHILD.format(waiting=waiting)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "ready\n"
        owner.kill()
        assert owner.communicate(timeout=60)[0] == ""


def test_a_process_lives_as_long_as_its_owner(temporary: Path) -> None:
    """And not only as long as the thread that started it."""
    script = """
import threading
from isomorph.backends.process import BackendProcess

started = []
thread = threading.Thread(target=lambda: started.append(BackendProcess("oracle", timeout=60)))
thread.start()
thread.join()
with started[0] as process:
    assert process.describe() == process.call("describe")
"""
    assert python(script).returncode == 0


def test_a_process_whose_owner_has_ended_before_it_says_so_ends_at_once(temporary: Path) -> None:
    with ScratchFolder() as folder:
        os.mkfifo(folder / "lifeline")  # of which nobody holds the other end
        script = "from isomorph.backends.scratch import end_with_owner; end_with_owner()"
        assert python(script, **{OWNER: str(folder)}).returncode == 1
        assert python(script, **{OWNER: str(folder / "gone")}).returncode == 1


def test_nothing_ends_a_process_without_an_owner(temporary: Path) -> None:
    end_with_owner()


# Full disks.


@contextmanager
def small_files(most: int) -> Iterator[None]:
    """No file may grow beyond `most` bytes: the nearest to a full disk that any user can have.

    Python compiles no module there, as it would leave one cut short, which every process after this one would fail to
    import.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with patch.object(sys, "dont_write_bytecode", True):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_arrays_that_have_no_room_are_told_with_the_folder(temporary: Path) -> None:
    with ScratchFolder() as folder, small_files(1000):
        with pytest.raises(DiskFull) as caught:
            SharedArrays.write(folder / "arrays", {"small": np.ones(10), "large": np.ones(1000)})
        assert str(caught.value) == (
            f"Temporary files cannot be written in {temporary}: File too large; set TMPDIR to a folder with more room."
        )
        assert list(folder.iterdir()) == []


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs a system that can limit another process")
def test_a_worker_that_has_no_room_is_told_with_the_folder(
    temporary: Path, tiny: Architecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And goes on: what is small enough still fits."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    with BackendProcess("oracle", timeout=60) as process:
        network = process.build(tiny)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1000, 1000))
        with pytest.raises(DiskFull, match=f"^Temporary files cannot be written in {temporary}: File too large; set"):
            network.end_points(np.zeros((1, 33, 33, 3)))
        assert network.answer(np.zeros((1, 5, 5, 3))).shape == (1, 4)


def test_no_folder_can_be_made(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(temporary / "absent"))
    sentence = f"^Temporary files cannot be written in {temporary / 'absent'}: No such file or directory; set TMPDIR"
    with pytest.raises(BackendFailed, match=sentence):
        BackendProcess("oracle")
