"""The command line as a user meets it: in a process of its own, 80 columns wide, and no terminal."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from isomorph.tools.cli import main

COMMAND = [sys.executable, "-W", "error", "-m", "isomorph.tools.cli"]


def environment(**more: str) -> dict[str, str]:
    """This process's own, less what colours or sizes terminals."""
    unwanted = {"FORCE_COLOR", "NO_COLOR", "TERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "LINES"}
    return {name: value for name, value in os.environ.items() if name not in unwanted} | {"COLUMNS": "80"} | more


def isomorph(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `isomorph` with these arguments; `more` are variables of its environment."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, env=environment(**more), capture_output=True, text=True, check=False, timeout=300)


def started(*arguments: str | Path, **more: str) -> subprocess.Popen[str]:
    """Start `isomorph`, to be sent ctrl-C; `more` are variables of its environment."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Shells start what runs in the background with ctrl-C ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )


def answered(*arguments: str | Path, **more: str) -> str:
    """What `isomorph` says on stdout where all goes well."""
    done = isomorph(*arguments, **more)
    assert (done.returncode, done.stderr) == (0, ""), f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def refused(*arguments: str | Path, **more: str) -> str:
    """The one sentence on stderr with which bad input is refused, and nothing else happens."""
    done = isomorph(*arguments, **more)
    return _sentence(done.returncode, done.stdout, done.stderr)


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
