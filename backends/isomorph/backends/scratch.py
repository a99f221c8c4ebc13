"""Folders for temporary files, and processes, that do not outlive their owner.

A folder is locked as long as its owner lives. The lock ends with the owner, however that ends, and the next run that
needs a folder removes all unlocked ones. A process that is started with a folder's `environment` puts its own temporary
files into it, and `end_with_owner` has the system end it with the owner: there is a pipe in the folder of which the
owner alone holds the writing end.
"""

import errno
import fcntl
import os
import shutil
import signal
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import TracebackType

from isomorph.backends.failures import PREFIX, DiskFull

OWNER = "ISOMORPH_OWNER"
"""The variable that holds the folder of the process that started this one."""

LIFELINE = "lifeline"
"""The name of the pipe in a folder."""

_PIPELESS = (errno.EPERM, errno.ENOSYS, errno.ENOTSUP)  # what file systems say that have no pipes


class ScratchFolder:
    """A new folder for temporary files, removed when it is closed and, if its owner is killed, by the next run.

    It is in the folder of the process that started this one, or else in the system's for temporary files (TMPDIR).
    Raises DiskFull where it cannot be made.

    path: the folder.

    >>> with ScratchFolder() as folder:
    ...     folder.is_dir()
    True
    >>> folder.exists()
    False
    """

    def __init__(self) -> None:
        name, lock = _locked_folder()
        self.path = Path(name)
        self._descriptors = [lock]
        self._remove = weakref.finalize(self, _remove, name, self._descriptors)

    @property
    def environment(self) -> dict[str, str]:
        """Variables for a process that puts its temporary files in this folder, and that calls `end_with_owner`."""
        pipe = self.path / LIFELINE
        if not pipe.exists():
            try:
                os.mkfifo(pipe)
                self._descriptors.append(os.open(pipe, os.O_RDWR | os.O_NONBLOCK))
            except OSError as error:
                if error.errno not in _PIPELESS:
                    raise DiskFull.of(error, pipe) from None
        return {OWNER: str(self.path)}

    def close(self) -> None:
        """Remove the folder with all that is in it. Harmless when repeated."""
        self._remove()

    def __enter__(self) -> Path:
        return self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def temporary_file(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raise DiskFull for an OSError while a temporary file is written."""
    try:
        yield
    except OSError as error:
        raise DiskFull.of(error, Path(path)) from None


def end_with_owner() -> None:
    """Have the system end this process at once when its owner ends, also within a call and while it is stopped.

    The owner is the process whose folder's `environment` this one was started with; without one nothing changes.
    It needs no thread, which would wait for a call that holds the interpreter's lock. (Linux sends SIGKILL; other
    systems SIGIO, for which a stopped process waits until it goes on.)
    """
    folder = os.environ.get(OWNER)
    if folder is None:
        return
    try:
        pipe = os.open(Path(folder) / LIFELINE, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        if Path(folder).exists():  # on a file system without pipes
            return
        os._exit(1)
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    with suppress(BlockingIOError):  # which says that there is a writer, and that it has written nothing
        if not os.read(pipe, 1):
            os._exit(1)  # the owner had ended before the system was told


@cache
def remove_abandoned(folder: str) -> None:
    """Remove this user's folders in `folder` that no process holds, of runs that were killed; once.

    Links, other users' folders and other files, which others can put into a shared folder, are left alone.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX):
                with suppress(OSError):
                    _remove_unless_held(entry.path)


def _locked_folder() -> tuple[str, int]:
    """Return the path of a new folder, and a descriptor that holds its lock."""
    try:
        place = os.environ.get(OWNER)
        if place is None:
            place = tempfile.gettempdir()
            remove_abandoned(place)
    except OSError as error:
        raise DiskFull.of(error) from None
    with temporary_file(Path(place) / PREFIX):
        while True:
            name = tempfile.mkdtemp(prefix=PREFIX, dir=place)
            with suppress(FileNotFoundError):  # another run found it before it was locked, and took it for abandoned
                lock = _open_folder(name)
                fcntl.flock(lock, fcntl.LOCK_EX)
                if os.path.exists(name):  # noqa: PTH110 - a path is made of it by who asked
                    return name, lock
                os.close(lock)


def _remove_unless_held(name: str) -> None:
    folder = _open_folder(name)
    try:
        if os.fstat(folder).st_uid == os.geteuid():
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(name)
    finally:
        os.close(folder)


def _open_folder(name: str) -> int:
    """Return a descriptor of a folder; raises OSError for a link to one, and for anything else."""
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def _remove(name: str, descriptors: list[int]) -> None:
    """Remove a folder, and only then release its lock."""
    shutil.rmtree(name, ignore_errors=True)
    while descriptors:
        os.close(descriptors.pop())
