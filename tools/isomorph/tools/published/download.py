"""Download a file, which appears whole and with the right hash, or not at all.

An interrupted download stays beside it under a hidden name, and the next one goes on from there.
"""

import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable
from io import BufferedIOBase
from pathlib import Path

from isomorph.spec import BadInput
from isomorph.spec.input_files import open_input
from isomorph.tools.published.http import Interrupted, request

Progress = Callable[[str], None]
"""Called with how far the download is."""


def matches(path: Path, digest: str) -> bool:
    """Tell whether the hash of the file at `path` starts with the digits of `digest`, `algorithm:digits`.

    >>> from pathlib import Path
    >>> from isomorph.tools.published.download import matches
    >>> _ = Path("empty").write_bytes(b"")
    >>> matches(Path("empty"), "sha256:e3b0c442"), matches(Path("empty"), "md5:00")
    (True, False)
    """
    with open_input(path) as file:
        return _matches(file, digest)


def _matches(file: BufferedIOBase, digest: str) -> bool:
    algorithm, _, digits = digest.partition(":")
    file.seek(0)
    return hashlib.file_digest(file, algorithm).hexdigest().startswith(digits)


def download(url: str, target: Path, digest: str, most: int, progress: Progress = lambda what: None) -> int:
    """Download `url` to `target`, whose folder is made if it does not exist.

    digest: `algorithm:digits`, with which the file's hash must start.
    most: bytes that the file may have, whatever the server says.
    progress: called now and then with how far the download is.
    Returns how many bytes came; fewer than the file has if an earlier download was continued.

    Raises:
        BadInput: the server cannot be reached, has no such file, gives too much or stops before its end, the hash is
            another, another process is at it, or the file cannot be written.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _open_partial(partial) as file:
            _claim(file, partial)
            try:
                received = _transfer(url, file, most, progress)
            except BaseException:
                if file.seek(0, os.SEEK_END) == 0:
                    partial.unlink()
                raise
            progress("checking its hash")
            if not _matches(file, digest):
                partial.unlink()
                algorithm, _, digits = digest.partition(":")
                raise BadInput(
                    f"The {algorithm} hash of what {url} gave is not {digits}, as was published; it was removed, so"
                    " fetch it again, and if this stays so the file there is another one."
                )
            os.fsync(file.fileno())
            partial.replace(target)
    except OSError as problem:
        raise BadInput(f"{target} cannot be written: {problem.strerror}.") from None
    return received


def _open_partial(partial: Path) -> BufferedIOBase:
    """Open what an earlier download left, or a new file. Raises BadInput for what somebody else may have put there."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    planted = BadInput(
        f"{partial} is no file that an earlier download left, but a link, a pipe or another user's; remove it."
    )
    try:
        descriptor = os.open(partial, flags, 0o666)
    except OSError as problem:
        if problem.errno == errno.ELOOP:
            raise planted from None
        raise
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1 or status.st_uid != os.geteuid():
        os.close(descriptor)
        raise planted
    return os.fdopen(descriptor, "a+b")


def _claim(file: BufferedIOBase, partial: Path) -> None:
    """Lock the file. Raises BadInput where another process has it, or has just finished it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        mine = os.path.lexists(partial) and os.path.samestat(os.fstat(file.fileno()), partial.lstat())
    except BlockingIOError:
        mine = False
    if not mine:
        raise BadInput(f"{partial} is being fetched by another process; wait until that has ended.")


def _transfer(url: str, file: BufferedIOBase, most: int, progress: Progress) -> int:
    """Append to `file` what it lacks of `url`, or all of it if the server cannot start in the middle.

    Returns how many bytes came.
    """
    progress("connecting")
    with request(url, file.seek(0, os.SEEK_END), most) as answer:
        file.truncate(answer.start)
        size, how = answer.start, "was cut"
        whole = "" if answer.whole is None else f" of {in_mebibytes(answer.whole)}"
        try:
            for piece in answer.pieces:
                file.write(piece)
                size += len(piece)
                progress(f"{in_mebibytes(size)}{whole} MiB")
        except Interrupted as problem:
            how = str(problem)
        else:
            if size > most:
                file.truncate(0)
                raise BadInput(
                    f"{url} gives more than {most:,} bytes, the most that are expected of these weights, so it is"
                    " another file."
                )
            if answer.whole in (None, size):
                return size - answer.start
    file.flush()
    whole = "" if answer.whole is None else f" of {answer.whole:,}"
    raise BadInput(
        f"The connection to {url} {how} after {size:,}{whole} bytes; fetch it again, which goes on from there."
    )


def in_mebibytes(count: float) -> str:
    """Return a number of bytes in mebibytes: `97.8` for 102,530,333."""
    return f"{count / (1 << 20):.1f}"
