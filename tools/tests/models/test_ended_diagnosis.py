"""A diagnosis that is interrupted, terminated, or short of disk while somebody's code runs: nothing of it stays."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..command import children, gone, left, started, wait_for
from ..full_disk import isomorph_on_full_disk
from .ports import LENET, needs_pytorch, write

pytestmark = [
    needs_pytorch,
    pytest.mark.usefixtures("empty_folder"),
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc, which tells a process's children"),
]

HANGING = """
import os
import time
from pathlib import Path

import torch
from torch import nn


def wait(where):
    if os.environ["HANGS_IN"] == where:
        Path(os.environ["HANGS"]).touch()
        time.sleep(900)


class Net(nn.Module):
    def forward(self, x):
        wait("a layer")
        return x * 2


def make():
    wait("the factory")
    return Net().eval()
"""

COMMANDS = {
    "diagnose": ("diagnose", "cifar/resnet20", "hanging.py:make", "--json", "x.json"),
    "check": ("check", "cifar/resnet20", "--against", "hanging.py:make", "--json", "x.json"),
    "map": ("map", "cifar/resnet20", "hanging.py:make", "--out", "x.toml"),
}

WRITTEN_BY_PYTORCH = "torchinductor_"
"""What the names of PyTorch's own folder of compiled code start with, which it keeps from one use to the next."""


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """A folder for temporary files, which holds nothing of isomorph's in the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    yield folder
    assert [path for path in folder.iterdir() if not path.name.startswith(WRITTEN_BY_PYTORCH)] == []


@pytest.mark.parametrize(
    ("command", "where", "number", "status"),
    [
        ("diagnose", "a layer", signal.SIGINT, 130),
        pytest.param("check", "the factory", signal.SIGINT, 130, marks=pytest.mark.thorough),
        pytest.param("map", "a layer", signal.SIGINT, 130, marks=pytest.mark.thorough),
        pytest.param("diagnose", "a layer", signal.SIGTERM, 143, marks=pytest.mark.thorough),
    ],
)
def test_a_signal_ends_it_and_its_process(
    command: str, where: str, number: signal.Signals, status: int, temporary: Path, tmp_path: Path
) -> None:
    write({"hanging.py": HANGING})
    hangs = tmp_path / "hangs"
    process = started(*COMMANDS[command], TMPDIR=str(temporary), HANGS=str(hangs), HANGS_IN=where)
    try:
        wait_for(hangs.exists, process)
        workers = children(process.pid)
        process.send_signal(number)
        said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    words = "interrupted: nothing was written\n" if number == signal.SIGINT else ""
    assert (*said, process.returncode) == ("", words, status)
    assert workers
    assert all(map(gone, workers))
    assert left() == ["hanging.py"]


def test_a_killed_process_is_undecided(temporary: Path, tmp_path: Path) -> None:
    """As by the system, where memory is short."""
    write({"hanging.py": HANGING})
    hangs = tmp_path / "hangs"
    process = started(*COMMANDS["diagnose"], TMPDIR=str(temporary), HANGS=str(hangs), HANGS_IN="a layer")
    wait_for(hangs.exists, process)
    (worker,) = children(process.pid)
    subprocess.run(["kill", "-KILL", str(worker)], check=True)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (3, "")
    assert err.startswith("isomorph: hanging.py:make: trace, the process was ended by SIGKILL")
    assert left() == ["hanging.py"]


@pytest.mark.parametrize("command", ["diagnose", pytest.param("map", marks=pytest.mark.thorough)])
def test_a_full_disk_is_undecided(command: str, temporary: Path) -> None:
    write({"lenet.py": LENET})
    done = isomorph_on_full_disk(command, "paddle/LeNet", "lenet.py:make", "--json", "x.json", temporary=temporary)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        f"isomorph: Temporary files cannot be written in {temporary}: File too large; set TMPDIR to a folder with more"
        " room.\n"
    )
    assert left() == ["lenet.py"]
