"""HDF5 as this package reads it: from the bytes of the mapped file, and never by libhdf5.

libhdf5 (1.14.6) can be made to take any amount of memory by one byte: where the list of free places in a group's heap
of names points to itself, opening a group in it never ends; and a text of variable length takes as much as it declares.
Source of all of `hdf5_*`: HDF5 File Format Specification 3.0,
https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
"""

import numpy as np

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints.checkpoint import Tensor
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.wording import counted, shown


class Window:
    """`size` bytes of `file` from byte `start`, as a file of its own, which may stand inside an archive.

    most_names, most_nodes, most_chunks: how many children nodes have at most (III.A, III.B), in a symbol table, above
        those, and above chunks. The superblock may have others, and says so before any is read.
    """

    def __init__(self, file: MappedFile, start: int, size: int) -> None:
        self.file = file
        self.size = size
        self.most_names, self.most_nodes, self.most_chunks = 8, 32, 64
        self._start = start
        self._mapped = 0

    def bytes_at(self, start: int, count: int) -> bytes:
        """Return a copy of at most `count` bytes from byte `start` of the window; fewer where it ends."""
        return self.file.read(self._start + start, max(0, min(count, self.size - start)))

    def exactly(self, start: int, count: int) -> bytes:
        """Return a copy of `count` bytes from byte `start` of the window. Raises BadInput where it ends before."""
        data = self.bytes_at(start, count)
        if len(data) < count:
            raise self.unsound(f"{counted(count, 'byte')} at byte {start:,} are beyond its end")
        return data

    def unsound(self, sentence: str) -> BadInput:
        """Return the refusal of a file that is not HDF5 as it should be, to be raised."""
        return self.file.damaged(f"it is no sound HDF5 file ({sentence})")

    def array(self, name: str, dtype: np.dtype, shape: tuple[int, ...], start: int, nbytes: int) -> Tensor:
        """Return a view of the mapped file. Raises BadInput if it leaves the window, or all views together exceed it.

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
