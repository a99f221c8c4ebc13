"""The command line as a user meets it: in a process of its own, 80 columns wide, and no terminal."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import pytest

from forks.warm_process import WarmProcess
from isomorph.tools.cli import main

T = TypeVar("T")

PATIENCE = 300.0
"""Seconds until a test is taken to wait for ever; no machine is so busy."""

COMMAND = [sys.executable, "-W", "error", "-m", "isomorph"]


def environment(**more: str) -> dict[str, str]:
    """This process's own, less what colours or sizes terminals."""
    unwanted = {"FORCE_COLOR", "NO_COLOR", "TERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "LINES"}
    return {name: value for name, value in os.environ.items() if name not in unwanted} | {"COLUMNS": "80"} | more


WARM = WarmProcess(environment())


def isomorph(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `isomorph` with these arguments; `more` are variables of its environment."""
    variables = environment(**more)
    if WARM.serves(variables):
        return WARM.run([*map(str, arguments)], variables, PATIENCE)
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=PATIENCE)


def started(*arguments: str | Path, **more: str) -> subprocess.Popen[str]:
    """Start `isomorph`, to be sent a signal; `more` are variables of its environment.

    A ctrl-C inside Python's own `open` leaves the file to be closed by the collector, which warns of it.
    """
    return subprocess.Popen(
        [*COMMAND[:3], "-W", "ignore::ResourceWarning", *COMMAND[3:], *map(str, arguments)],
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hear_signals,  # noqa: PLW1509 - no threads here
    )


def _hear_signals() -> None:
    """Shells start what runs in the background with ctrl-C ignored, `nohup` with SIGHUP; children inherit that."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def wait_for(what: Callable[[], T | None], process: subprocess.Popen[Any] | None = None) -> T:
    """The first result of `what` that is something: an event of a `process`, which must not end before it."""
    deadline = time.monotonic() + PATIENCE
    while not (seen := what()):
        assert process is None or process.poll() is None, f"it ended with status {process and process.returncode}"
        assert time.monotonic() < deadline, f"nothing came in {PATIENCE:g} s"
        time.sleep(0.02)
    return seen


def children(process: int) -> list[int]:
    """The processes that `process` has started."""
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def state(process: int) -> str:
    """What `ps` calls it: "T" stopped, "Z" ended but for its parent's notice; "" where there is none any more."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def gone(process: int) -> bool:
    """Whether it has ended."""
    return state(process) in ("", "Z")


def answered(*arguments: str | Path, **more: str) -> str:
    """What `isomorph` says on stdout where all goes well."""
    done = isomorph(*arguments, **more)
    assert (done.returncode, done.stderr) == (0, ""), f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def refused(*arguments: str | Path, **more: str) -> str:
    """The one sentence on stderr with which bad input is refused, and nothing else happens."""
    done = isomorph(*arguments, **more)
    return _sentence(done.returncode, done.stdout, done.stderr)


def answered_here(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """What `answered` gives, in this process."""
    with pytest.raises(SystemExit) as ended, patch.object(sys, "argv", ["isomorph", *map(str, arguments)]):
        main()
    out, err = capsys.readouterr()
    assert (ended.value.code, err) == (0, ""), f"status {ended.value.code}\n{out}\n{err}"
    return out


def refused_here(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The same in this process, for many requests: starting another takes most of a second."""
    with pytest.raises(SystemExit) as ended, patch.object(sys, "argv", ["isomorph", *map(str, arguments)]):
        main()
    return _sentence(ended.value.code, *capsys.readouterr())


def _sentence(status: object, out: str, err: str) -> str:
    assert (status, out) == (2, ""), f"status {status}\n{out}\n{err}"
    start, end = "isomorph: ", "\n"
    assert err.startswith(start)
    assert err.endswith(end)
    sentence = err.removeprefix(start).removesuffix(end)
    assert sentence.isprintable(), f"more than one line: {sentence}"
    assert sentence.endswith((".", "?")), f"no full stop: {sentence}"
    assert not sentence.endswith(".."), f"two full stops: {sentence}"
    assert re.search(r"(?<!\.)\. ", sentence) is None, f"more than one sentence: {sentence}"
    return sentence


def left() -> list[str]:
    """The names of what stands in the folder in which the commands run."""
    return sorted(path.name for path in Path().iterdir())
