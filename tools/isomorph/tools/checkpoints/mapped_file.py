"""Map a file that may be hostile into memory; every format is read through this only."""

import contextlib
import copy
import mmap
import os
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import numpy as np

from isomorph.spec.errors import BadInput
from isomorph.spec.input_files import NotRegular, open_input
from isomorph.tools.checkpoints.checkpoint import Tensor
from isomorph.tools.checkpoints.wording import counted, refusal, shown

MOST_AXES = 16
"""No network has tensors of more axes, and NumPy's own limit depends on its version."""

ALLOWANCE = 32 << 20
"""Bytes of objects that any file may become, beyond its own size."""

MOST_TENSORS = 1 << 15
"""Of one file: twice those of the deepest network here, of 1,202 layers, with the slots of its optimizer beside it."""


@contextlib.contextmanager
def opened(path: Path, kind: str = "checkpoint") -> Iterator[BufferedReader]:
    """`path` opened for reading. Raises BadInput where that is not possible, or it is not a regular file.

    kind: what was expected of it, as a refusal calls it.
    """
    try:
        file = open_input(path)
    except FileNotFoundError:
        raise refusal(path, "there is no such file: check the name and the folder") from None
    except PermissionError:
        raise refusal(path, "cannot be read for lack of permission: ask its owner, or chmod it") from None
    except IsADirectoryError:
        raise refusal(path, f"is a folder, a file was expected: name the {kind} file in it") from None
    except NotRegular:
        raise refusal(path, "is a device, pipe or socket, a regular file was expected: save it to disk first") from None
    except (OSError, ValueError) as problem:  # ValueError: the name itself is impossible
        reason = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise refusal(repr(str(path)), f"cannot be opened: {reason}") from None
    with file:
        yield file


def sha256(*paths: str | Path) -> str:
    """Return the SHA-256 digest of a file, or of several one after the other, in hexadecimal, read in pieces.

    `BadInput` where one cannot be read.
    """
    import hashlib  # noqa: PLC0415 - it loads OpenSSL, and most files are read without a digest

    digest = hashlib.sha256()
    for path in paths:
        with opened(Path(path)) as file:
            try:
                hashlib.file_digest(file, lambda: digest)
            except OSError as problem:
                raise refusal(path, f"cannot be read: {problem.strerror}") from None
    return digest.hexdigest()


class MappedFile:
    """A regular file of at least one byte, mapped read-only. Positions and counts are in bytes.

    kind: what was expected of it, as a refusal calls it.
    """

    def __init__(self, path: Path, kind: str = "checkpoint") -> None:
        self.path = path
        self.kind = kind
        with opened(path, kind) as file:
            self.size = os.fstat(file.fileno()).st_size
            if self.size == 0:
                raise self.bad(f"the file is empty, a {kind} was expected: fetch or save it again")
            try:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError) as problem:
                raise self.bad(f"cannot be mapped into memory: {problem}") from None
        self._view = memoryview(self._map)
        self._start = 0
        self._left = [self.size + ALLOWANCE]
        self._tensors = [0]

    def part(self, start: int, size: int) -> "MappedFile":
        """Return `size` bytes from `start` as a file of their own, which shares what objects may take.

        Raises ValueError where they are not all inside.
        """
        if start + size > self.size:
            raise ValueError(f"byte {start + size:,} of a file of {counted(self.size, 'byte')} was expected")
        part = copy.copy(self)
        part.size, part._start, part._view = size, self._start + start, self._view[start : start + size]
        return part

    def bad(self, sentence: str) -> BadInput:
        """Return the refusal of this file, to be raised."""
        return refusal(self.path, sentence)

    def damaged(self, sentence: str) -> BadInput:
        """Return the refusal of a file that is not as its writer left it, with the one thing that helps."""
        return self.bad(f"{sentence}: fetch or save the file again")

    def spend(self, count: int) -> None:
        """Account for `count` bytes of Python objects built from this file, before they are built.

        A pickle needs one byte to make an object of a hundred, so a small file could otherwise fill the memory.
        """
        self._left[0] -= count
        if self._left[0] < 0:
            raise self.bad(
                f"its {counted(self.size, 'byte')} open to far more objects than a {self.kind} of that size holds: it "
                "holds very many very small tensors, is damaged, or is made to exhaust the memory"
            )

    def check_number(self, tensors: int) -> None:
        """Raise BadInput for more tensors than any network has, before they are objects; a file may be large enough."""
        if tensors > MOST_TENSORS:
            raise self.bad(
                f"it holds at least {tensors:,} tensors, and {MOST_TENSORS:,} are the most of any network: is it the"
                f" {self.kind} of one?"
            )

    def __getitem__(self, place: slice) -> bytes:
        """Return a copy of the bytes at `place`, as of `bytes`."""
        return bytes(self._view[place])

    def read(self, start: int, count: int) -> bytes:
        """Return a copy of at most `count` bytes from `start`; fewer where the file ends."""
        return bytes(self._view[start : start + count])

    def find(self, needle: bytes, start: int, end: int) -> int:
        """Return where `needle` first stands in `[start, end)`, or -1."""
        found = self._map.find(needle, self._start + start, self._start + min(end, self.size))
        return found if found < 0 else found - self._start

    def array(
        self, name: str, dtype: np.dtype, shape: tuple[int, ...], start: int, strides: tuple[int, ...] | None = None
    ) -> Tensor:
        """Return a read-only view: `shape` elements of `dtype` from byte `start`, C order or by `strides` in bytes.

        Every way out of the file is an error, so that callers need only say what the format says.
        """
        self._tensors[0] += 1
        self.check_number(self._tensors[0])
        if len(shape) > MOST_AXES:
            raise self.bad(f"tensor {shown(name)} has {len(shape)} axes, at most {MOST_AXES} were expected")
        try:
            array: Tensor = np.ndarray(shape, dtype, buffer=self._view, offset=start, strides=strides)
        except (ValueError, TypeError, OverflowError) as problem:
            raise self.bad(f"tensor {shown(name)} of shape {shown(shape)} is not inside the file ({problem})") from None
        if dtype == np.bool_ and array.size and array.view(np.uint8).max() > 1:
            raise self.damaged(f"tensor {shown(name)} is boolean, but holds bytes other than 0 and 1")
        return array


def mapped_beside(file: MappedFile, path: Path, missing: str) -> MappedFile:
    """Map a file that `file` needs beside it. Raises BadInput with the sentence `missing` where it is not there."""
    try:
        there = path.exists()
    except OSError:
        there = False
    if not there:
        raise file.bad(missing)
    return MappedFile(path)
