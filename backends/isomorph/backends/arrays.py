"""Arrays on their way between processes: one flat file, an index that says what is where, and no copy on reading."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from isomorph.backends.protocol import as_dtype
from isomorph.backends.scratch import temporary_file

Array = npt.NDArray[Any]

_ALIGNMENT = 64  # bytes; a cache line, and more than any framework asks for


@dataclass(frozen=True)
class SharedArrays:
    """A file of arrays.

    path: the file.
    index: name -> dtype, shape and offset in bytes, in order.
    """

    path: str
    index: dict[str, tuple[str, tuple[int, ...], int]]

    @classmethod
    def write(cls, path: str | os.PathLike[str], arrays: Mapping[str, Array] | Iterable[tuple[str, Array]]) -> Self:
        """Write `arrays` to a new file; of an iterator's, one at a time is in memory.

        Raises DiskFull where there is no room for them; what has been written of them then goes.
        """
        index: dict[str, tuple[str, tuple[int, ...], int]] = {}
        with temporary_file(path), _whole(Path(path)) as file:
            for name, array in arrays.items() if isinstance(arrays, Mapping) else arrays:
                offset = file.seek(-(-file.tell() // _ALIGNMENT) * _ALIGNMENT)
                index[name] = (array.dtype.name, tuple(array.shape), offset)
                # A dtype's name does not say its byte order, so that it is this machine's; bfloat16 has no buffer of
                # its own, so that the bytes go.
                native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
                file.write(native.reshape(-1).view(np.uint8).data)
        return cls(os.fspath(path), index)

    def open(self) -> dict[str, Array]:
        """The arrays, mapped copy-on-write: what is written to them stays in this process."""
        if not self.index:
            return {}
        empty = not Path(self.path).stat().st_size  # what cannot be mapped
        whole = np.empty(0, np.uint8) if empty else np.memmap(self.path, np.uint8, mode="c")
        return {name: self._one(whole, *entry) for name, entry in self.index.items()}

    @staticmethod
    def _one(whole: Array, dtype: str, shape: tuple[int, ...], offset: int) -> Array:
        size = as_dtype(dtype).itemsize * int(np.prod(shape))
        return np.asarray(whole[offset : offset + size]).view(as_dtype(dtype)).reshape(shape)

    def to_document(self) -> dict[str, Any]:
        """As JSON can carry it."""
        return {"path": self.path, "index": self.index}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """What `to_document` wrote."""
        index = {name: (dtype, tuple(shape), offset) for name, (dtype, shape, offset) in document["index"].items()}
        return cls(document["path"], index)


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """A new file, which goes where it cannot be written to its end: others may need its room."""
    try:
        with path.open("wb") as file:
            yield file
    except OSError:
        path.unlink(missing_ok=True)
        raise
