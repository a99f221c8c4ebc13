"""Runs `isomorph` in forks of a process that has imported it, as importing takes longer than most commands do.

A command is a process of its own all the same, with its arguments, folder, environment, streams and exit status; so is
the oracle that it starts. What is read before its imports are done, such as PYTHONPATH, or is inherited, such as a
limit of memory, is that of the process that forks: `serves` tells where that is another one.
"""

import atexit
import json
import os
import resource
import select
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

READ_EARLY = ("PYTHON", "LD_", "MALLOC_", "OPENBLAS_", "OMP_", "LANG", "LC_", "COLUMNS", "LINES", "TERM", "TTY_")
"""What the names of those variables start with that a command reads, or may read, by the end of its imports."""

LIMITS = (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE)


class WarmProcess:
    """A process that has imported `isomorph`, and runs one command at a time in a fork of itself.

    environment: that in which it is started, at the first command; it ends with this process.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._limits = _limits()

    @cached_property
    def _server(self) -> subprocess.Popen[str]:
        # A fork has the thread alone that forks: those of OpenBLAS would be missing.
        one_thread = {**self._environment, "OPENBLAS_NUM_THREADS": "1"}
        pipe = subprocess.PIPE
        server = subprocess.Popen(
            [sys.executable, "-P", "-m", "forks.server"], env=one_thread, stdin=pipe, stdout=pipe, text=True
        )
        atexit.register(server.communicate)
        return server

    def serves(self, environment: Mapping[str, str]) -> bool:
        """Whether a command in this environment, and with the limits of now, runs in a fork as it would by itself."""
        return _read_early(environment) == _read_early(self._environment) and _limits() == self._limits

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """As `subprocess.run` with text captured."""
        assert self._server.stdin
        assert self._server.stdout
        with tempfile.TemporaryDirectory() as folder:
            streams = [Path(folder) / name for name in ("stdout", "stderr")]
            for stream in streams:
                stream.touch()
            request = {
                "arguments": arguments,
                "environment": dict(environment),
                "folder": str(Path.cwd()),
                "streams": [os.devnull, *map(str, streams)],
            }
            self._server.stdin.write(json.dumps(request) + "\n")
            self._server.stdin.flush()
            if not select.select([self._server.stdout], [], [], timeout)[0]:
                self._server.kill()
                raise TimeoutError(f"{arguments} took more than {timeout:g} s")
            status = int(self._server.stdout.readline())
            out, err = (stream.read_text() for stream in streams)
        return subprocess.CompletedProcess(arguments, status, out, err)


def _read_early(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_EARLY)}


def _limits() -> list[tuple[int, int]]:
    return [resource.getrlimit(limit) for limit in LIMITS]
