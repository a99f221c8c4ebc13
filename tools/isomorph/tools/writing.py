"""Write new files that appear whole, by rename, or not at all."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

from isomorph.spec import BadInput


@contextmanager
def new_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a binary file that gets the name `path` if the block succeeds, and is removed if it does not.

    >>> from isomorph.tools.writing import new_file
    >>> with new_file("answer.txt") as file:
    ...     _ = file.write(b"42")
    >>> from pathlib import Path
    >>> Path("answer.txt").read_bytes()
    b'42'

    Raises BadInput where it cannot be written; a file that was there before then stays. A process that is killed
    meanwhile leaves a hidden folder with the unfinished file beside `path`.
    """
    target = named(path)
    check_writable(target)
    try:
        # A folder of its own in the same place: the file in it has ordinary permissions, and renaming stays atomic.
        with _hidden_folder(target) as folder:
            unfinished = Path(folder) / "unfinished"
            with unfinished.open("w+b") as file:  # h5py reads what it has written
                yield file
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(target)
    except OSError as error:
        raise BadInput(f"{target} cannot be written: {error.strerror}.") from None


@contextmanager
def new_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Make a folder that gets the name `path` if the block succeeds, and is removed if it does not.

    Raises BadInput where it cannot be written, or something of that name exists. A process that is killed meanwhile
    leaves a hidden folder with the unfinished one beside `path`.
    """
    target = named(path)
    if target.exists():
        raise BadInput(f"{target} cannot be written: it is there already; name a new folder.")
    check_writable(target)
    try:
        with _hidden_folder(target) as hidden:
            unfinished = Path(hidden) / "unfinished"
            unfinished.mkdir()
            yield unfinished
            unfinished.rename(target)
    except OSError as error:
        raise BadInput(f"{target} cannot be written: {error.strerror}.") from None


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise BadInput where no file of that name can be written, as far as that can be known beforehand."""
    target = named(path)
    if target.is_dir():
        raise BadInput(f"{target} cannot be written: it is a folder; name a file in it.")
    if target.exists() and not target.is_file():
        raise BadInput(f"{target} cannot be written: it is no ordinary file, which a new one could replace.")
    if target.exists() and _is_stream(target):  # /dev/stdout, which would turn into a file for all of the machine
        raise BadInput(f"{target} cannot be written: it stands for an open stream, not for a file; name a new file.")
    _check_takes_files(target.parent, target)


def check_folder(path: str | os.PathLike[str]) -> None:
    """Raise BadInput where no files can be written to a folder of that name, as far as that can be known beforehand.

    The folder need not exist yet.
    """
    target = named(path)
    if target.exists() and not target.is_dir():
        raise BadInput(f"{target} is a file; expected a folder, or a new name.")
    _check_takes_files(target if target.exists() else target.parent, target)


def named(path: str | os.PathLike[str]) -> Path:
    """Return the path to write to. Raises BadInput if it is empty, which would mean the current folder."""
    if not os.fspath(path):
        raise BadInput("The name of what is to be written is empty; give it one.")
    return Path(path)


def _check_takes_files(folder: Path, target: Path) -> None:
    """Raise BadInput, of `target`, where nothing new can be written to `folder`."""
    if not folder.is_dir():
        raise BadInput(f"{target} cannot be written: there is no folder {folder}; make it, or name another.")
    advice = f"cannot be written: the folder {folder} takes no new files"
    if not os.access(folder, os.W_OK):
        raise BadInput(f"{target} {advice}; name another.")
    try:
        with _hidden_folder(folder / target.name):  # what the system says to root of a folder's permissions is not all
            pass
    except OSError as error:
        raise BadInput(f"{target} {advice} ({error.strerror}); name another.") from None


def _is_stream(path: Path) -> bool:
    """Tell whether `path` is a link to an open descriptor, whatever file that is open on."""
    while path.is_symlink():
        path = path.parent / path.readlink()
        folder = path.parent.resolve()
        if folder == Path("/dev/fd") or folder.match("/proc/*/fd"):
            return True
    return False


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file in UTF-8."""
    with new_file(path) as file:
        file.write(text.encode())


def _hidden_folder(target: Path) -> AbstractContextManager[str]:
    """Make a temporary folder beside `target`, which is removed with everything in it."""
    import tempfile  # noqa: PLC0415 - most commands write no file

    return tempfile.TemporaryDirectory(prefix=f".{target.name[:32]}-", dir=target.parent)
