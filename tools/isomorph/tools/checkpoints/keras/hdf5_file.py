"""HDF5 as this package reads it: h5py finds what is where, and the bytes come from the mapped file.

h5py is given a window of the mapped file and no path, so that a file inside an archive is read where it lies, and so
that what h5py sees is what is mapped. It parses the structure alone: data and filters are decoded in `hdf5_data`.
Source: HDF5 File Format Specification 3.0, https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
"""

import contextlib
import io
import os
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints.checkpoint import Tensor
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.wording import counted, shown

SIGNATURE = b"\x89HDF\r\n\x1a\n"


class Window(io.RawIOBase):
    """`size` bytes of `file` from byte `start`, as a file of its own: what h5py reads, and tensors are views of."""

    def __init__(self, file: MappedFile, start: int, size: int) -> None:
        super().__init__()
        self.file = file
        self.size = size
        self._start = start
        self._position = 0
        self._mapped = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to byte `offset` of the window, or to its end and `offset` further."""
        self._position = offset + (self.size if whence == os.SEEK_END else 0)
        return self._position

    def tell(self) -> int:
        """The byte that is read next."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer`, or as much of it as there are bytes left."""
        view = memoryview(buffer).cast("B")
        data = self.bytes_at(self._position, len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def bytes_at(self, start: int, count: int) -> bytes:
        """A copy of at most `count` bytes from byte `start` of the window; fewer where it ends."""
        return self.file.read(self._start + start, max(0, min(count, self.size - start)))

    def array(self, name: str, dtype: np.dtype, shape: tuple[int, ...], start: int, nbytes: int) -> Tensor:
        """A view of the mapped file. `BadInput` where it leaves the window, or all views are larger than it together.

        HDF5 does not forbid that two data sets lie in one place; no writer does it, and a hundred of them would be a
        hundred times the file for whoever copies them.
        """
        self._mapped += nbytes
        if start + nbytes > self.size or self._mapped > self.size:
            raise self.file.damaged(
                f"its data set {shown(name)} of shape {shown(shape)} takes {counted(nbytes, 'byte')} from byte "
                f"{start:,}, which are not all there"
            )
        return self.file.array(name, dtype, shape, self._start + start)


@contextlib.contextmanager
def opened(window: Window) -> Iterator[h5py.File]:
    """The HDF5 file in `window`. `BadInput` for whatever h5py finds wrong while it is open."""
    try:
        with h5py.File(window, "r") as root:
            yield root
    except BadInput:
        raise
    # What h5py makes of the library's errors, by their kind.
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, NotImplementedError, SystemError) as problem:
        raise window.file.damaged(f"it is no sound HDF5 file ({shown(str(problem), 200)})") from None
