"""New files appear whole, by rename, or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from isomorph.spec import BadInput


@contextmanager
def new_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A binary file that takes the name `path` once the block has ended well.

    Raises BadInput where it cannot be written; whatever was there before then stays.
    """
    target = Path(path)
    check_writable(target)
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}-", delete=False) as file:
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).chmod(0o666 & ~_umask())  # temporary files are private; this one is the user's
                Path(file.name).replace(target)
            except BaseException:
                with suppress(FileNotFoundError):
                    Path(file.name).unlink()
                raise
    except OSError as error:
        raise BadInput(f"{target} cannot be written: {error.strerror}.") from None


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise BadInput where no file of that name can be written, as far as that can be told beforehand."""
    target = Path(path)
    if target.is_dir():
        raise BadInput(f"{target} cannot be written: it is a folder; name a file in it.")
    if not target.parent.is_dir():
        raise BadInput(f"{target} cannot be written: there is no folder {target.parent}.")
    if not os.access(target.parent, os.W_OK):
        raise BadInput(f"{target} cannot be written: its folder may not be written to.")


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file in UTF-8."""
    with new_file(path) as file:
        file.write(text.encode())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
