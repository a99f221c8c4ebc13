"""The records of an HDF5 file, found from its superblock on: headers and their messages, B-trees, symbol tables, heaps.

Changed are sound files as h5py writes them; what was changed behind a checksum is given one that fits.
"""

import functools
import random

from isomorph.tools.checkpoints.keras.hdf5_checksum import SIZE, checksum
from isomorph.tools.checkpoints.recognition import HDF5_SIGNATURE
from mutations.records.layout import Layout, changed

_SUPERBLOCKS = {
    0: (("version", 8, 1), ("free space", 9, 1), ("root's version", 10, 1), ("shared", 12, 1), ("offsets", 13, 1),
        ("lengths", 14, 1), ("names of a node", 16, 2), ("nodes of a node", 18, 2), ("consistent", 20, 4),
        ("base", 24, 8), ("free", 32, 8), ("end", 40, 8), ("driver", 48, 8)),
    2: (("version", 8, 1), ("offsets", 9, 1), ("lengths", 10, 1), ("consistent", 11, 1), ("base", 12, 8),
        ("extension", 20, 8), ("end", 28, 8)),
}  # fmt: skip
_VARIABLE = 9  # the class of a datatype


def mutated_hdf5(chance: random.Random, content: bytes, _: bytes) -> bytes:
    """`content` with changed fields and records. ValueError where it is no HDF5."""
    if not content.startswith(HDF5_SIGNATURE):
        raise ValueError("it does not start as HDF5")
    layout = _layout(content)
    out = bytearray(changed(chance, content, layout))
    for start, end in layout.checked:
        out[end : end + SIZE] = checksum(bytes(out[start:end])).to_bytes(SIZE, "little")
    return bytes(out)


@functools.cache
def _layout(content: bytes) -> Layout:
    walk = _Walk(content)
    version = 0 if content[8] < 2 else 2
    for kind, start, width in _SUPERBLOCKS[version]:
        walk.layout.number(content, start, width, f"superblock {kind}")
    if version:
        walk.layout.checked.append((0, 44))
        walk.object(walk.layout.number(content, 36, 8, "address of a header"))
    else:
        walk.entry(56)
    return walk.layout


class _Walk:
    """Every object is visited once."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.layout = Layout()
        self._seen: set[int] = set()

    def _number(self, start: int, width: int, kind: str) -> int:
        return self.layout.number(self.content, start, width, kind)

    def _there(self, start: int, signature: bytes) -> bool:
        new = start not in self._seen and self.content.startswith(signature, start)
        if new:
            self._seen.add(start)
        return new

    def entry(self, start: int) -> None:
        """An entry of a symbol table."""
        self._number(start, 8, "place of a name")
        header = self._number(start + 8, 8, "address of a header")
        self._number(start + 16, 4, "cache type")
        self._number(start + 24, 8, "cached address")
        self._number(start + 32, 8, "cached address")
        self.object(header)

    def object(self, start: int) -> None:
        """A header, of version 1 or 2, and all that it leads to."""
        if self._there(start, b"OHDR"):
            self._number(start + 4, 1, "header version")
            flags = self._number(start + 5, 1, "header flags")
            at = start + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
            width = 1 << (flags & 3)
            size = self._number(at, width, "header size")
            end = at + width + size
            self.layout.checked.append((start, end))
            self._messages(at + width, end, 2, 6 if flags & 4 else 4)
        elif self._there(start, b"\1"):
            for kind, at, width in (("version", 0, 1), ("messages", 2, 2), ("references", 4, 4)):
                self._number(start + at, width, f"header {kind}")
            size = self._number(start + 8, 4, "header size")
            self._messages(start + 16, start + 16 + size, 1, 8)

    def _messages(self, at: int, end: int, version: int, head: int) -> None:
        while at + head <= end:
            kind_width = 2 if version == 1 else 1
            kind = self._number(at, kind_width, "message type")
            length = self._number(at + kind_width, 2, "message size")
            self._number(at + kind_width + 2, 1, "message flags")
            self.layout.record(at, head + length, "message")
            self._message(kind, at + head, length, version, head)
            at += head + length

    def _message(self, kind: int, at: int, length: int, version: int, head: int) -> None:
        match kind:
            case 0x01:
                self._dataspace(at)
            case 0x02:
                self._number(at, 1, "link info version")
                flags = self._number(at + 1, 1, "link info flags")
                self._number(at + (10 if flags & 1 else 2), 8, "link info address")
            case 0x03:
                self._datatype(at, length)
            case 0x05:
                for field, name in enumerate(("version", "allocated", "written", "defined")):
                    self._number(at + field, 1, f"fill value {name}")
                self._number(at + 4, 4, "fill value size")
            case 0x06:
                self._link(at)
            case 0x08:
                self._storage(at)
            case 0x0B:
                self._filters(at)
            case 0x0C:
                self._attribute(at, length)
            case 0x10:
                start = self._number(at, 8, "continued at")
                size = self._number(at + 8, 8, "continued size")
                if version == 1:
                    self._messages(start, start + size, 1, head)
                else:
                    self.layout.checked.append((start, start + size - SIZE))
                    self._messages(start + 4, start + size - SIZE, 2, head)
            case 0x11:
                tree = self._number(at, 8, "address of a tree")
                heap = self._number(at + 8, 8, "address of a heap")
                self._heap(heap)
                self._tree(tree, 8)

    def _dataspace(self, at: int) -> None:
        version = self._number(at, 1, "shape version")
        rank = self._number(at + 1, 1, "shape rank")
        limited = self._number(at + 2, 1, "shape flags") & 1
        if version == 2:
            self._number(at + 3, 1, "shape type")
        first = at + (8 if version == 1 else 4)
        for axis in range(rank):
            self._number(first + 8 * axis, 8, "size")
            if limited:
                self._number(first + 8 * (rank + axis), 8, "largest size")

    def _datatype(self, at: int, length: int) -> None:
        self._number(at, 1, "type class and version")
        for byte in (1, 2, 3):
            self._number(at + byte, 1, f"type bits {byte}")
        self._number(at + 4, 4, "type size")
        for byte in range(8, min(length, 20)):
            self._number(at + byte, 1, f"type property {byte}")
        self.layout.record(at, min(length, 20), "type")

    def _link(self, at: int) -> None:
        self._number(at, 1, "link version")
        flags = self._number(at + 1, 1, "link flags")
        at += 2 + (1 if flags & 8 else 0) + (8 if flags & 4 else 0) + (1 if flags & 16 else 0)
        width = 1 << (flags & 3)
        length = self._number(at, width, "link length")
        self.layout.record(at + width, length, "name")
        self.object(self._number(at + width + length, 8, "address of a header"))

    def _storage(self, at: int) -> None:
        self._number(at, 1, "layout version")
        kind = self._number(at + 1, 1, "layout class")
        if kind == 0:
            self._number(at + 2, 2, "compact size")
        elif kind == 1:
            start = self._number(at + 2, 8, "address of values")
            self.layout.record(start, min(16, self._number(at + 10, 8, "size of values")), "values")
        elif kind == 2 and self.content[at] == 3:
            rank = self._number(at + 2, 1, "chunk rank")
            tree = self._number(at + 3, 8, "address of chunks")
            for axis in range(rank):
                self._number(at + 11 + 4 * axis, 4, "chunk size" if axis < rank - 1 else "chunk element")
            self._tree(tree, 8 + 8 * rank)

    def _filters(self, at: int) -> None:
        version = self._number(at, 1, "filters version")
        count = self._number(at + 1, 1, "filters count")
        at += 8 if version == 1 else 2
        for _ in range(count):
            start = at
            self._number(at, 2, "filter")
            named = version == 1
            length = self._number(at + 2, 2, "filter name length") if named else 0
            at += 4 if named else 2
            self._number(at, 2, "filter flags")
            values = self._number(at + 2, 2, "filter count")
            at += 4 + length
            for value in range(values):
                self._number(at + 4 * value, 4, "filter value")
            at += 4 * values + (4 * (values % 2) if version == 1 else 0)
            self.layout.record(start, at - start, "filter")

    def _attribute(self, at: int, length: int) -> None:
        version, end = self._number(at, 1, "attribute version"), at + length
        self._number(at + 1, 1, "attribute flags")
        sizes = [self._number(at + 2 + 2 * part, 2, f"attribute part {part}") for part in range(3)]
        at += 9 if version == 3 else 8
        starts = []
        for size in sizes:
            starts.append(at)
            at += -(-size // 8) * 8 if version == 1 else size
        name, datatype, dataspace = starts
        self.layout.record(name, sizes[0], "attribute name")
        self._datatype(datatype, sizes[1])
        self._dataspace(dataspace)
        if self.content[datatype] & 0x0F == _VARIABLE:
            for reference in range(at, end - 15, 16):
                self._number(reference, 4, "text length")
                self._number(reference + 12, 4, "text index")
                self.layout.record(reference, 16, "text")
                self._texts(self._number(reference + 4, 8, "text heap"))
        elif end > at:
            width = max(1, int.from_bytes(self.content[datatype + 4 : datatype + 8], "little"))
            for text in range(at, end - width + 1, width):
                self.layout.record(text, width, "text")

    def _texts(self, start: int) -> None:
        if not self._there(start, b"GCOL"):
            return
        self._number(start + 4, 1, "heap version")
        end = start + self._number(start + 8, 8, "heap size")
        at = start + 16
        while at + 16 <= end and (index := self._number(at, 2, "object index")):
            size = self._number(at + 8, 8, "object size")
            self.layout.record(at, 16 + size, "object" if index else "room")
            at += 16 + -(-size // 8) * 8

    def _heap(self, start: int) -> None:
        if not self._there(start, b"HEAP"):
            return
        self._number(start + 4, 1, "names version")
        size = self._number(start + 8, 8, "names size")
        free = self._number(start + 16, 8, "names room")
        names = self._number(start + 24, 8, "names address")
        if free < size:
            self._number(names + free, 8, "room next")
            self._number(names + free + 8, 8, "room size")
        for at in range(names, names + min(size, free), 8):
            self.layout.record(at, 8, "name")

    def _tree(self, start: int, width: int) -> None:
        if not self._there(start, b"TREE"):
            return
        kind = self._number(start + 4, 1, "node type")
        level = self._number(start + 5, 1, "node level")
        count = self._number(start + 6, 2, "node count")
        self._number(start + 8, 8, "node beside")
        self._number(start + 16, 8, "node beside")
        at = start + 24
        for number in range(count + 1):
            if kind == 0:
                self._number(at, 8, "key" if number < count else "last key")
            else:
                self._number(at, 4, "chunk bytes")
                self._number(at + 4, 4, "chunk mask")
                last = number == count
                for axis in range(8, width, 8):
                    inside = "inside" if axis == width - 8 else "axis"
                    self._number(at + axis, 8, f"{'last ' if last else ''}key {inside}")
            self.layout.record(at, width, "key")
            if number == count:
                break
            child = self._number(at + width, 8, "child")
            self.layout.record(at, width + 8, "child")
            if level:
                self._tree(child, width)
            elif kind == 0:
                self._symbols(child)
            at += width + 8

    def _symbols(self, start: int) -> None:
        if not self._there(start, b"SNOD"):
            return
        self._number(start + 4, 1, "symbols version")
        count = self._number(start + 6, 2, "symbols count")
        for number in range(count):
            self.layout.record(start + 8 + 40 * number, 40, "symbol")
            self.entry(start + 8 + 40 * number)
