"""Open files that a person names, without ever waiting for a writer that may not exist.

A regular file is opened as it is. A pipe, such as a shell's `<(...)` or `/dev/stdin`, is read to its end if something
writes to it, however long that takes, and refused if nothing does. Devices, terminals and sockets are refused before
they are opened, as opening some of them has effects.
"""

import errno
import io
import os
import stat
from contextlib import ExitStack
from pathlib import Path

PIECE = 1 << 16
"""Bytes that are read from a pipe at a time: the capacity of Linux's pipes."""


class NotRegular(OSError):  # noqa: N818 - it names what was found
    """The path is neither a regular file nor a pipe that can be read; `strerror` says what it is, and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(errno.EINVAL, sentence)


def open_input(path: str | Path, most_of_a_pipe: int | None = None) -> io.BufferedReader:
    """Open `path` as a seekable binary file, at its start.

    most_of_a_pipe: the most bytes that a pipe may give, all of which are read into memory; None refuses pipes.

    Raises:
        OSError: what `open` raises; `IsADirectoryError` for a folder; `NotRegular` for all else that is no regular
            file, a pipe that nothing writes to, and one that gives too much.
        ValueError: an impossible name, such as one with a null byte.
    """
    _check_kind(Path(path).stat().st_mode, most_of_a_pipe)
    # Without waiting for a pipe's other end, and with no effect on a terminal put in the file's place meanwhile.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with ExitStack() as stack:
        stack.callback(os.close, descriptor)
        mode = os.fstat(descriptor).st_mode
        _check_kind(mode, most_of_a_pipe)
        if most_of_a_pipe is not None and stat.S_ISFIFO(mode):
            return io.BufferedReader(io.BytesIO(_drained(descriptor, most_of_a_pipe)))
        stack.pop_all()
    return os.fdopen(descriptor, "rb")


def _check_kind(mode: int, most_of_a_pipe: int | None) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISFIFO(mode) and most_of_a_pipe is None:
        raise NotRegular("it is a pipe, and a regular file was expected; save what it gives to one first")
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        kind = "a socket" if stat.S_ISSOCK(mode) else "a device"
        raise NotRegular(f"it is {kind}, and a regular file was expected; name the file that holds the data")


def _drained(descriptor: int, most: int) -> bytes:
    """Return all bytes of a pipe that was opened without waiting."""
    try:
        content = bytearray(os.read(descriptor, PIECE))
        if not content:  # the end, where a writer that is still there would have had this read come again
            raise NotRegular("it is a pipe that nothing writes to; start what writes first, or name a regular file")
    except BlockingIOError:
        content = bytearray()
    os.set_blocking(descriptor, True)
    while len(content) <= most and (piece := os.read(descriptor, PIECE)):
        content += piece
    if len(content) > most:
        raise NotRegular(f"it is a pipe that gives more than {most:,} bytes; save what is needed to a regular file")
    return bytes(content)
