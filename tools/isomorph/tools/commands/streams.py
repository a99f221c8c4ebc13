"""What the command line does where its streams are closed, full, or read by nobody any more."""

import io
import os
import sys
from typing import Any


class OutputFailed(Exception):  # noqa: N818 - it says what happened
    """A report cannot be written to stdout, or not to its end.

    No OSError: what prints reports would take that for its own, and end with a status that means something else here.
    """


class ReaderGone(OutputFailed):
    """Whoever read stdout has read enough, as `head` does."""


class _Stdout(io.FileIO):
    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise ReaderGone from None
        except OSError as error:
            raise OutputFailed(f"The report cannot be written to stdout: {error.strerror}.") from None


class _Stderr(io.FileIO):
    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:  # there is nobody left to tell; the exit status still says it
            return len(data)


def guard_streams() -> None:
    """Have what cannot be written to stdout raise OutputFailed, and what cannot be written to stderr be lost.

    Raises OutputFailed where stdout is closed. Streams that somebody else has put in their place stay as they are.
    """
    for descriptor in range(3):  # else the next file that is opened would get the number, and reports would go there
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _guarded(sys.stderr, _Stderr(2, "w", closefd=False))
    if sys.stdout is sys.__stdout__:
        if sys.stdout is None:
            raise OutputFailed("stdout is closed, and reports go there; give it a file, such as /dev/null.")
        sys.stdout = _guarded(sys.stdout, _Stdout(1, "w", closefd=False))


def give_up_stdout() -> None:
    """Lose what is still to be written to stdout, which nobody can read."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _guarded(stream: Any, raw: io.FileIO) -> Any:
    """A text stream like `stream`, over another way to its file; UTF-8 where it is closed and the file is none."""
    if stream is None:  # typer writes to stdout what it finds no stderr for
        return io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", line_buffering=True)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), stream.encoding, stream.errors, line_buffering=stream.line_buffering
    )
