"""Run the conformance suite by pytest in a process of its own, and read each test's result as it ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from isomorph.backends.scratch import ScratchFolder, temporary_file
from isomorph.conformance import suite
from isomorph.spec import BadInput

SUITE = "isomorph.conformance.suite"
PYTEST = (sys.executable, "-P", "-m", "pytest", "--pyargs", SUITE)

CONFIGURATION = """[pytest]
addopts = --import-mode=importlib --strict-markers --strict-config -p no:cacheprovider
consider_namespace_packages = true
xfail_strict = true
filterwarnings = error
"""
"""Pytest's configuration, used instead of one in the working directory."""

PATIENCE = 10.0
"""Seconds for a run to end by itself after an interrupt."""


class SuiteProcess:
    """One run of the suite; iterating over it yields the lines of `isomorph.conformance.suite.stream`, until it ends.

    arguments: pytest's, beside the suite itself. jobs: how many processes of pytest run tests.

    It has a process group of its own, so that ctrl-C reaches only the caller, and a folder for the temporary files of
    all its processes, which is removed when it is closed.
    """

    def __init__(self, arguments: Sequence[str], jobs: int = 1) -> None:
        self._folder = ScratchFolder()
        folder = self._folder.path
        configuration, self._log = folder / "pytest.ini", folder / "log"
        with temporary_file(configuration):
            configuration.write_text(CONFIGURATION)
        plugins = [f"{SUITE}.plugin"]
        distribution = []
        if jobs > 1:
            plugins.append("xdist.plugin")
            distribution = ["-n", str(jobs), "--dist", "worksteal"]
        unwanted = {"PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"}  # the latter, as this may be a test of somebody's own
        added = {"PYTEST_PLUGINS": ",".join(plugins), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "TMPDIR": str(folder)}
        added |= self._folder.environment
        inherited = {name: value for name, value in os.environ.items() if name not in unwanted}
        where = ["-c", str(configuration), "--rootdir", ".", "--confcutdir", str(Path(suite.__path__[0]))]
        read_end, write_end = os.pipe()
        self._lines = os.fdopen(read_end)
        try:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    [*PYTEST, *where, *distribution, *arguments, "--stream", str(write_end)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[write_end],
                    env=inherited | added,
                    start_new_session=True,
                )
        finally:
            os.close(write_end)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for line in self._lines:
            yield json.loads(line)

    def wait(self) -> int:
        """Wait until it has ended, and return its exit status."""
        return self._process.wait()

    def last_words(self) -> str:
        """Return pytest's errors, or else the last lines that it wrote."""
        lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        complaints = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
        return " / ".join(complaints or lines[-3:])

    def interrupt(self) -> None:
        """Interrupt it; `close` then ends what is left."""
        self._process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE)

    def close(self) -> None:
        """End it and all of its processes, and remove their files. It may be called again."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._lines.close()
        self._folder.close()


def check_pytest() -> None:
    """Raise BadInput where pytest, which runs the suite, is not installed."""
    absent = [name for name, module in (("pytest", "pytest"), ("pytest-xdist", "xdist")) if find_spec(module) is None]
    if absent:
        verb = "is" if len(absent) == 1 else "are"
        raise BadInput(
            f"The suite is run by pytest, and {' and '.join(absent)} {verb} not installed;"
            " `pip install 'isomorph[conformance]'` adds what it needs."
        )
