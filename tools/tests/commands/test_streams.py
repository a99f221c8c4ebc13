"""What the command line says and how it ends where its streams are closed, full or read by nobody; and ctrl-C."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import pytest

from isomorph.tools import cli

from ..command import COMMAND, environment

pytestmark = pytest.mark.usefixtures("empty_folder")

SHOW = ("show", "cifar/resnet20")

REPORTS = {
    "a table": SHOW,
    "JSON": (*SHOW, "--json", "-"),
    "a .toml": (*SHOW, "--toml", "-"),
    "help": ("--help",),
    "a command's help": ("check", "--help"),
    "the version": ("--version",),
    "a comparison that differs": ("compare", "cifar/resnet20", "cifar/resnet32"),
}


def run(arguments: Sequence[str], redirected: str) -> subprocess.CompletedProcess[str]:
    """As a shell runs it, with these redirections."""
    command = ["sh", "-c", f'exec "$@" {redirected}', "sh", *COMMAND, *arguments]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=300)


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk without any room")


@needs_full
@pytest.mark.parametrize("arguments", REPORTS.values(), ids=REPORTS)
def test_a_report_that_has_no_room_is_undecided(arguments: tuple[str, ...]) -> None:
    done = run(arguments, ">/dev/full")
    assert (done.returncode, done.stdout, done.stderr) == (
        3,
        "",
        "isomorph: The report cannot be written to stdout: No space left on device.\n",
    )


@pytest.mark.parametrize("arguments", REPORTS.values(), ids=REPORTS)
def test_a_report_that_nobody_reads_ends_as_the_signal_would(arguments: tuple[str, ...]) -> None:
    """As of `isomorph ... | head -1` once `head` has gone: neither agreement nor difference."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [*COMMAND, *arguments]
    done = subprocess.run(
        command, env=environment(), stdout=writing, stderr=subprocess.PIPE, text=True, check=False, timeout=300
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


@pytest.mark.parametrize("arguments", REPORTS.values(), ids=REPORTS)
def test_a_stdout_that_is_closed_is_refused_before_the_work(arguments: tuple[str, ...]) -> None:
    done = run(arguments, ">&-")
    assert (done.returncode, done.stderr) == (
        3,
        "isomorph: stdout is closed, and reports go there; give it a file, such as /dev/null.\n",
    )


@pytest.mark.parametrize("redirected", [pytest.param("2>/dev/full", marks=needs_full, id="full"), "2>&-"])
@pytest.mark.parametrize("arguments", [("show", "none/such"), ("show",)], ids=["a bad request", "a wrong use"])
def test_a_stderr_that_takes_nothing_changes_no_status(arguments: tuple[str, ...], redirected: str) -> None:
    done = run(arguments, redirected)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


# Ctrl-C while all is imported: a module of another package sends it, and says what becomes of it there.

INTERRUPTED = """
import importlib.abc, os, signal, sys

class Interrupting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupting())
sys.argv = ["isomorph", "inspect", "absent.pth"]
from isomorph.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("module", "said"),
    {
        "click": "interrupted",
        "isomorph.tools.cli": "interrupted",
        "rich.console": "interrupted",
        "numpy": "interrupted: nothing was written",
        "numpy.linalg": "interrupted: nothing was written",
        "isomorph.tools.weights.inspect": "interrupted: nothing was written",
    }.items(),
)
def test_ctrl_c_while_it_is_imported_says_so_and_nothing_else(module: str, said: str) -> None:
    command = [sys.executable, "-c", INTERRUPTED.format(module=module)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", said)


def test_the_door_imports_nothing_heavy() -> None:
    script = (
        "import sys, isomorph.__main__; print(sorted({'numpy', 'click', 'rich', 'isomorph.tools'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


def test_an_interrupt_that_python_wraps_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Before 3.12, what is raised in a class's `__set_name__` is the cause of a RuntimeError."""
    wrapped = RuntimeError("Error calling __set_name__ on 'field' instance")
    wrapped.__cause__ = KeyboardInterrupt()
    with patch.object(cli.app, "main", side_effect=wrapped), pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code, *capsys.readouterr()) == (130, "", "interrupted\n")
