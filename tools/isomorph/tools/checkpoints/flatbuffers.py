"""FlatBuffers, read as far as programs beside tensors need it: tables of numbered fields, which point to each other.

Every place is checked against the file before it is read. Nothing says that a place is used once, so that a small file
may show very many tables: each is accounted for.

https://flatbuffers.dev/internals
"""

from collections.abc import Iterator

import numpy as np

from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.wording import shown

_COST = 512  # bytes of Python objects for one table
_OFFSET, _VTABLE_ENTRY = 4, 2  # bytes


class Table:
    """A table of a file. Fields have the numbers that they have in the schema; one that is not there has its default.

    All methods raise ValueError where a field, or what it points to, is not inside the file.
    """

    def __init__(self, file: MappedFile, position: int) -> None:
        """Read the table at byte `position` of a file."""
        file.spend(_COST)
        self._file, self._position = file, position
        self._vtable = position - _number(file, position, _OFFSET, signed=True)
        self._vtable_size = _number(file, self._vtable, _VTABLE_ENTRY)
        if self._vtable_size < 2 * _VTABLE_ENTRY or self._vtable_size % _VTABLE_ENTRY:
            raise ValueError(f"the list of a table's fields has {self._vtable_size:,} bytes")

    @classmethod
    def root(cls, file: MappedFile) -> "Table":
        """Return the table that a file starts with the place of."""
        return cls(file, _number(file, 0, _OFFSET))

    def number(self, field: int, width: int, signed: bool = False) -> int:
        """Return a number of `width` bytes; 0 where there is none."""
        place = self._place(field)
        return _number(self._file, place, width, signed) if place is not None else 0

    def text(self, field: int) -> bytes:
        """Return the bytes of a text, which should be UTF-8; empty where there is none."""
        place = self.raw(field)
        self._file.spend(place.stop - place.start)  # many tables may point to one long text
        return self._file[place]

    def raw(self, field: int) -> slice:
        """Return where the bytes of a vector are in the file; an empty place where there is none."""
        start, count = self._vector(field, 1)
        return slice(start, start + count)

    def numbers(self, field: int) -> tuple[int, ...]:
        """Return a vector of signed numbers of four bytes; empty where there is none."""
        start, count = self._vector(field, 4)
        self._file.spend(32 * count)
        return tuple(np.frombuffer(self._file[slice(start, start + 4 * count)], "<i4").tolist())

    def tables(self, field: int) -> Iterator["Table"]:
        """Yield the tables of a vector in turn; none where there is none."""
        start, count = self._vector(field, _OFFSET)
        for place in range(start, start + _OFFSET * count, _OFFSET):
            yield Table(self._file, place + _number(self._file, place, _OFFSET))

    def table(self, field: int) -> "Table | None":
        """Return the table that a field points to; None where it points to none."""
        place = self._place(field)
        return Table(self._file, place + _number(self._file, place, _OFFSET)) if place is not None else None

    def _place(self, field: int) -> int | None:
        """Return where a field is in the file; None where the table has none."""
        entry = 2 * _VTABLE_ENTRY + _VTABLE_ENTRY * field
        if entry >= self._vtable_size:
            return None
        offset = _number(self._file, self._vtable + entry, _VTABLE_ENTRY)
        return self._position + offset if offset else None

    def _vector(self, field: int, width: int) -> tuple[int, int]:
        """Return where the elements of a vector start, and how many there are, of `width` bytes each."""
        place = self._place(field)
        if place is None:
            return 0, 0
        start = place + _number(self._file, place, _OFFSET)
        count = _number(self._file, start, _OFFSET)
        start += _OFFSET
        if count * width > self._file.size - start:
            raise ValueError(f"its {count:,} elements at byte {shown(start)} end beyond the file")
        return start, count


def _number(file: MappedFile, position: int, width: int, signed: bool = False) -> int:
    if not 0 <= position <= file.size - width:
        raise ValueError(f"it points to byte {shown(position)} of {file.size:,}")
    return int.from_bytes(file.read(position, width), "little", signed=signed)
