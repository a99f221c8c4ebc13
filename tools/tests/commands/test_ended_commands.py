"""Commands that are interrupted, terminated or killed while they work: nothing of theirs stays."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec import architecture
from isomorph.tools.checkpoints import write_safetensors

from ..command import children, gone, isomorph, left, started, state, wait_for
from ..tensors import plain

pytestmark = [
    pytest.mark.usefixtures("empty_folder"),
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc, which tells a process's children"),
]

Install = Callable[[str], str]

SMALL = ("cifar/resnet20", "--input", "8x10", "--batch", "1")
QUICK = ("bench", *SMALL[:3], "--batch", "1", "--training-batch", "0", "--modes", "eager")
POOLS = "test_a_max_pool_of and zeros and even"

TWO_JOBS = "conformance run in two jobs"

COMMANDS = {
    "check": ("check", *SMALL, "--backends", "NAME", "--json", "x.json"),
    "check --training": ("check", *SMALL, "--training", "--backends", "NAME"),
    "run": ("run", *SMALL, "--backend", "NAME", "--out", "x.npz"),
    "predict": ("predict", "../x.pth", "../x.npy", "--backends", "NAME"),
    "bench": (*QUICK, "--backends", "NAME", "--json", "x.json"),
    "list --capabilities": ("list", "--capabilities", "--backends", "NAME"),
    "conformance run": ("conformance", "run", "--backends", "NAME", "--only", POOLS, "--jobs", "1"),
    TWO_JOBS: ("conformance", "run", "--backends", "NAME", "--only", POOLS, "--jobs", "2"),
    "conformance faults": ("conformance", "faults", "--backends", "NAME", "--json", "x.json"),
}
"""That ask a backend for end points, in which it hangs."""

# All hear signals alike: a check, a bench, whose processes stand still in turns, and the suite stand for them.
EVERY_TIME = ("check", "bench", TWO_JOBS)
THOROUGH = {command: pytest.mark.thorough for command in COMMANDS if command not in EVERY_TIME}


class Hanging:
    """A command at work, whose backend hangs.

    temporary: its folder for temporary files. workers: all processes below its own.
    """

    def __init__(self, process: subprocess.Popen[str], temporary: Path) -> None:
        self.process = process
        self.temporary = temporary
        self.workers = _descendants(process.pid)


@pytest.fixture
def hang(install: Install, tmp_path: Path) -> Callable[[str], Hanging]:
    """Start one of COMMANDS, and wait until its backend hangs."""

    def hang(command: str) -> Hanging:
        name = install("misbehaving:hang@end_points")
        write_safetensors(tmp_path / "x.pth", plain(architecture("cifar/resnet20")), {})
        np.save(tmp_path / "x.npy", np.ones((1, 8, 10, 3)))
        hangs, temporary = tmp_path / "hangs", tmp_path / "temporary"
        temporary.mkdir()
        arguments = [name if argument == "NAME" else argument for argument in COMMANDS[command]]
        process = started(*arguments, TMPDIR=str(temporary), MISBEHAVING_HANGS=str(hangs))
        try:
            wait_for(hangs.exists, process)
            return Hanging(process, temporary)
        except BaseException:
            process.kill()
            process.communicate()
            raise

    return hang


def _descendants(process: int) -> list[int]:
    return [each for child in children(process) for each in (child, *_descendants(child))]


@pytest.mark.parametrize(
    "command",
    [pytest.param(each, marks=THOROUGH.get(each, ())) for each in ("check", "run", "predict", "conformance faults")],
)
def test_ctrl_c_ends_it_and_leaves_nothing(hang: Callable[[str], Hanging], command: str) -> None:
    """Even while a backend hangs, whose call would be waited for."""
    hanging = hang(command)
    hanging.process.send_signal(signal.SIGINT)
    stdout, stderr = hanging.process.communicate(timeout=60)
    assert hanging.process.returncode == 130
    assert (stdout, stderr) == ("", "interrupted: nothing was written\n")
    assert hanging.workers
    assert all(map(gone, hanging.workers))
    assert left() == []
    assert list(hanging.temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "number", "status"),
    [
        *(pytest.param(command, signal.SIGTERM, 143, marks=THOROUGH.get(command, ())) for command in COMMANDS),
        ("check", signal.SIGHUP, 129),
    ],
    ids=[*COMMANDS, "check, whose terminal is closed"],
)
def test_a_signal_ends_it_and_leaves_nothing(
    hang: Callable[[str], Hanging], command: str, number: signal.Signals, status: int
) -> None:
    hanging = hang(command)
    hanging.process.send_signal(number)
    assert (*hanging.process.communicate(timeout=60), hanging.process.returncode) == ("", "", status)
    assert hanging.workers
    assert all(map(gone, hanging.workers))
    assert left() == []
    assert list(hanging.temporary.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [pytest.param(each, marks=THOROUGH.get(each, ())) for each in ("check", "bench", "conformance run", TWO_JOBS)],
)
def test_a_killed_command_takes_its_processes_with_it_and_the_next_one_its_files(
    hang: Callable[[str], Hanging], command: str
) -> None:
    hanging = hang(command)
    hanging.process.kill()
    hanging.process.communicate(timeout=60)
    assert hanging.workers
    wait_for(lambda: all(map(gone, hanging.workers)))
    assert list(hanging.temporary.iterdir()) != []
    done = isomorph("check", *SMALL, "--backends", "oracle", TMPDIR=str(hanging.temporary))
    assert (done.returncode, done.stderr) == (0, "")
    assert list(hanging.temporary.iterdir()) == []


def test_ctrl_c_in_a_bench_reports_what_was_measured() -> None:
    """Once the modes take turns: their processes are paused then."""
    with started(*QUICK, "--backends", "oracle", "--rounds", "100000", "--json", "x.json") as process:
        try:
            # Of two competitors the second one stands still as soon as both are prepared.
            wait_for(lambda: "T" in map(state, children(process.pid)[1:]), process)
            workers = children(process.pid)
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, stderr) == (130, "")
    assert stdout.startswith("cifar/resnet20\n")
    assert json.loads(Path("x.json").read_text())["interrupted"] is True
    assert all(map(gone, workers))
