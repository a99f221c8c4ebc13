"""Pass arrays between processes: one flat file, an index of its contents, and no copy on reading."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.protocol import as_dtype
from isomorph.backends.scratch import temporary_file

_ALIGNMENT = 64  # bytes; a cache line, and more than any framework asks for


@dataclass(frozen=True)
class SharedArrays:
    """A file of arrays, to be mapped by another process.

    path: the file.
    index: name -> dtype, shape and offset in bytes, in order.

    >>> shared = SharedArrays.write("arrays", {"images": np.zeros((8, 32, 32, 3), np.float32)})
    >>> SharedArrays.from_document(shared.to_document()).open()["images"].shape
    (8, 32, 32, 3)
    """

    path: str
    index: dict[str, tuple[str, tuple[int, ...], int]]

    @classmethod
    def write(cls, path: str | os.PathLike[str], arrays: Mapping[str, Array] | Iterable[tuple[str, Array]]) -> Self:
        """Write `arrays` to a new file; an iterator's arrays are in memory one at a time.

        Raises DiskFull, and removes the file, where there is no room for them.
        """
        index: dict[str, tuple[str, tuple[int, ...], int]] = {}
        with temporary_file(path), _removed_on_failure(Path(path)) as file:
            for name, array in arrays.items() if isinstance(arrays, Mapping) else arrays:
                offset = file.seek(-(-file.tell() // _ALIGNMENT) * _ALIGNMENT)
                index[name] = (array.dtype.name, tuple(array.shape), offset)
                # A dtype's name does not say its byte order, so that it is this machine's; bfloat16 has no buffer of
                # its own, so that the bytes go.
                native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
                file.write(native.reshape(-1).view(np.uint8).data)
        return cls(os.fspath(path), index)

    def open(self) -> dict[str, Array]:
        """Map the arrays copy-on-write: changes stay in this process."""
        if not self.index:
            return {}
        is_empty = not Path(self.path).stat().st_size  # such a file cannot be mapped
        content = np.empty(0, np.uint8) if is_empty else np.memmap(self.path, np.uint8, mode="c")
        return {name: self._view(content, *entry) for name, entry in self.index.items()}

    @staticmethod
    def _view(content: Array, dtype: str, shape: tuple[int, ...], offset: int) -> Array:
        size = as_dtype(dtype).itemsize * int(np.prod(shape))
        return np.asarray(content[offset : offset + size]).view(as_dtype(dtype)).reshape(shape)

    def to_document(self) -> dict[str, Any]:
        """Return it in a form that JSON can carry."""
        return {"path": self.path, "index": self.index}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Return the arrays that `to_document` described."""
        index = {name: (dtype, tuple(shape), offset) for name, (dtype, shape, offset) in document["index"].items()}
        return cls(document["path"], index)


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file, and remove it where it cannot be written to its end: others may need its room."""
    try:
        with path.open("wb") as file:
            yield file
    except OSError:
        path.unlink(missing_ok=True)
        raise


def mapped(document: dict[str, Any]) -> dict[str, Array]:
    """Map the arrays that a process wrote; the mapping outlives the file's name."""
    shared = SharedArrays.from_document(document)
    arrays = shared.open()
    Path(shared.path).unlink()
    return arrays
