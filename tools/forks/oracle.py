"""Starts the oracle's process as a fork of this one, which has imported all that it needs.

Every other backend's process starts as ever, and so does an oracle with another interpreter, or with little memory.
"""

import os
import signal
import subprocess
import sys
import traceback
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, cast

from isomorph.backends import process, worker

AMPLE = 4 << 30
"""A limit in bytes within which it makes no difference that a fork holds what its parent has imported."""

start_process = process.start

import_module("isomorph.backends.oracle.backend")


class Fork:
    """A child of this process, with what `BackendProcess` uses of a `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        """The exit status, or minus the signal that ended it; None while it runs."""
        return self._ended(os.WNOHANG)

    def wait(self) -> int | None:
        """The same, once it has ended."""
        return self._ended(0)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _ended(self, options: int) -> int | None:
        if self._status is None:
            pid, status = os.waitpid(self.pid, options)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status


def start_oracle_forked(
    command: Sequence[str], output: IO[bytes], descriptor: int, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """As `isomorph.backends.process.start`; the oracle is a fork where its memory is ample."""
    name, _, memory, arithmetic = command[-4:]
    ample = memory == "0" or int(memory) >= AMPLE
    if not ample or command[:-3] != [sys.executable, "-P", "-m", worker.__name__, "oracle"]:
        return start_process(command, output, descriptor, environment)
    if child := os.fork():
        return cast("subprocess.Popen[bytes]", Fork(child))
    status = 1
    try:
        with Path(os.devnull).open("rb") as nothing:
            enter(environment, (nothing.fileno(), output.fileno(), output.fileno()))
        os.closerange(3, descriptor)  # or the other ends of what its parent holds would stay open
        os.closerange(descriptor + 1, os.sysconf("SC_OPEN_MAX"))
        warnings.simplefilter("default")  # only the command makes errors of them
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        worker.main(name, descriptor, int(memory), arithmetic)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)  # what its parent does at its end is not its own to do


def enter(environment: Mapping[str, str], streams: Sequence[int]) -> None:
    """Take these variables and descriptors for one's own."""
    for descriptor, stream in enumerate(streams):
        os.dup2(stream, descriptor)
    os.environ.clear()
    os.environ.update(environment)
