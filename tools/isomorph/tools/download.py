"""Downloads over HTTP: a file appears whole and with the right hash, or not at all.

What was interrupted stays beside it under a hidden name, and the next download goes on where that stopped.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from isomorph.spec import BadInput

PIECE = 1 << 18
"""Bytes that are written, and told of, at a time."""

Progress = Callable[[str], None]


def matches(path: Path, digest: str) -> bool:
    """Whether the hash of the file at `path` starts with the digits of `digest`, which is `algorithm:digits`."""
    algorithm, _, digits = digest.partition(":")
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest().startswith(digits)


def download(url: str, target: Path, digest: str, progress: Progress = lambda what: None) -> int:
    """Fetch `url` to `target`, whose folder is made where there is none.

    digest: `algorithm:digits`, with which the file's hash must start.
    progress: told now and then how far this is.
    Returns how many bytes came; fewer than the file has where an earlier download had left some.

    Raises:
        BadInput: the server cannot be reached, has no such file or stops before its end, the hash is another, another
            process is at it, or the file cannot be written.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("ab") as file:
            _claim(file, partial)
            try:
                received = _transfer(url, file, progress)
            except BaseException:
                if file.tell() == 0:
                    partial.unlink()
                raise
            progress("checking its hash")
            if not matches(partial, digest):
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


def _claim(file: IO[bytes], partial: Path) -> None:
    """Raise BadInput where another process is at the file, or was until now and has given it its name."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        mine = partial.exists() and os.path.samestat(os.fstat(file.fileno()), partial.stat())
    except BlockingIOError:
        mine = False
    if not mine:
        raise BadInput(f"{partial} is being fetched by another process; wait until that has ended.")


class _Answer:
    """What a server's answer says of the whole file, and pooch's progress bar, which counts by the file itself."""

    def __init__(self, file: IO[bytes], progress: Progress) -> None:
        self.file = file
        self.progress = progress
        self.response: Any = None
        self.start = file.tell()
        self.whole: int | None = None  # bytes
        self.total = 0  # pooch sets it to the bytes of this answer

    def begin(self, response: Any, *_: Any, **__: Any) -> None:
        """Called by requests before the first byte of every answer, of redirections too."""
        self.response = response
        if response.status_code == 200:  # all of it, whatever was asked for
            self.start = self.file.seek(0)
            self.file.truncate()
        length = response.headers.get("Content-Length", "")
        if response.status_code == 206:
            length = response.headers.get("Content-Range", "").rpartition("/")[2]
        self.whole = int(length) if length.isdecimal() else None

    def update(self, _: int) -> None:
        """Called by pooch after every piece."""
        whole = "" if self.whole is None else f" of {in_mebibytes(self.whole)}"
        self.progress(f"{in_mebibytes(self.file.tell())}{whole} MiB")

    def reset(self) -> None:
        """Called by pooch at the end, as is `close`; there is nothing to do."""

    close = reset


def _transfer(url: str, file: IO[bytes], progress: Progress) -> int:
    """Append to `file` what it lacks of `url`, or all of it where the server cannot start in the middle.

    Returns how many bytes came.
    """
    import pooch  # noqa: PLC0415 - it takes 0.1 s, which no other command should pay

    answer = _Answer(file, progress)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={answer.start}-"} if answer.start else {})
    fetch = pooch.HTTPDownloader(answer, chunk_size=PIECE, headers=headers, hooks={"response": answer.begin})
    progress("connecting")
    try:
        fetch(url, file, None)
    except OSError as problem:
        if problem.errno is not None:
            raise  # the disk's; those of requests have no number
        response = getattr(problem, "response", None)
        if response is not None:  # not its truth, which is that of a status below 400
            if response.status_code == 416:  # nothing is left to come: it was interrupted behind its last byte
                return 0
            raise BadInput(
                f"{url} is answered with status {response.status_code} ({response.reason}) in place of a file; see in a"
                " browser whether it has moved."
            ) from None
        if answer.response is None:
            raise BadInput(
                f"{url} cannot be reached ({type(problem).__name__}); see whether this machine is online, or needs a"
                " proxy in HTTPS_PROXY."
            ) from None
    else:
        if answer.whole is None or file.tell() >= answer.whole:
            return file.tell() - answer.start
    finally:
        if answer.response is not None:
            answer.response.close()  # pooch leaves it open where it fails
    whole = "" if answer.whole is None else f" of {answer.whole:,}"
    raise BadInput(
        f"The connection to {url} was cut after {file.tell():,}{whole} bytes; fetch it again, which goes on from there."
    )


def in_mebibytes(count: float) -> str:
    """`97.8` for 102,530,333 bytes."""
    return f"{count / (1 << 20):.1f}"
