"""The attributes of HDF5 objects that are texts: III.E (global heap) and IV.A.2.b, d and m (attribute) of the
specification.

Keras's are texts of variable length, for which libhdf5 (1.14.6) takes and fills as much memory as the reference to the
text declares, before it looks whether the text is there: 11 KB became 4 GiB. Here a text is never longer than what the
file holds of it.
"""

from collections.abc import Iterator
from typing import NamedTuple

from isomorph.tools.checkpoints.keras.hdf5_file import Window
from isomorph.tools.checkpoints.keras.hdf5_header import ADDRESS, NOWHERE, messages, number
from isomorph.tools.checkpoints.wording import counted, shown

_ATTRIBUTE = 0x0C
_STRING, _VARIABLE = 3, 9  # classes of datatypes
_TERMINATED, _SPACES = 0, 2  # how a text of fixed length ends: with a zero, or filled up with spaces
_REFERENCE = 16  # bytes of one to a text in a heap
_SCALAR, _SIMPLE, _NULL = range(3)  # the types of a dataspace of version 2; the last holds nothing
_HEAP_HEAD = 16  # bytes before a global heap's objects, and before each of them
_COST = 128  # bytes of Python objects that one object of a heap becomes


class Attributes:
    """The text attributes of the objects in an HDF5 file."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._heaps: dict[int, dict[int, tuple[int, int]]] = {}

    def text(self, address: int, name: str) -> str | None:
        """Return the attribute `name` of the object at byte `address`; None where it has none that is a single text.

        None as well where it is stored in a way that neither h5py nor Keras chooses: among so many that they got an
        index, or with a type or a shape that is shared.

        Raises:
            BadInput: what holds the attribute, or its text, is not inside the file, or the text is no UTF-8, or two
                attributes have that name.
        """
        parts = self._parts(address, name)
        if parts is None or _shape(parts.dataspace) != () or not _is_text(parts.datatype):
            return None
        return self._decoded(self._raw(parts.datatype, parts.data, 0), name)

    def texts(self, address: int, name: str) -> tuple[str, ...] | None:
        """Return the attribute `name` of the object at byte `address` as texts along one axis; None where it has none.

        Raises:
            BadInput: as `text`, or it is of another type or shape; an empty one may be of any type, as NumPy's are.
        """
        parts = self._parts(address, name)
        if parts is None:
            return None
        shape = _shape(parts.dataspace)
        if shape is not None and 0 in shape:
            return ()
        if shape is None or len(shape) != 1 or not _is_text(parts.datatype):
            raise self._window.file.damaged(f"an attribute {name} is no list of texts, which was expected")
        width = number(parts.datatype, 4, 4)
        if not width or shape[0] > len(parts.data) // width:
            raise self._window.file.damaged(f"an attribute {name} of {shape[0]:,} texts holds less than those")
        self._window.file.spend(_COST * shape[0])
        return tuple(self._decoded(self._raw(parts.datatype, parts.data, at * width), name) for at in range(shape[0]))

    def has(self, address: int, name: str) -> bool:
        """Tell whether the object at byte `address` has an attribute `name` in its header, of any type."""
        return self._parts(address, name) is not None

    def _parts(self, address: int, name: str) -> "_Parts | None":
        attributes = (_parts(content) for kind, content in messages(self._window, address) if kind == _ATTRIBUTE)
        named = [parts for parts in attributes if parts is not None and parts.name == name.encode()]
        if len(named) > 1:
            raise self._window.file.damaged(f"an object in it has {len(named)} attributes {name}, one was expected")
        return named[0] if named else None

    def _raw(self, datatype: bytes, data: bytes, at: int) -> bytes:
        """Return the bytes of the text at byte `at`, less what fills them up."""
        if datatype[0] & 0x0F == _VARIABLE:
            return self._from_heap(data[at : at + _REFERENCE]).partition(b"\0")[0]
        size, padding = number(datatype, 4, 4), datatype[1] & 0x0F
        raw = data[at : at + size]
        if len(raw) < size:
            raise self._window.file.damaged(f"a text of {counted(size, 'byte')} in it does not end in its attribute")
        return raw.partition(b"\0")[0] if padding == _TERMINATED else raw.rstrip(b" " if padding == _SPACES else b"\0")

    def _from_heap(self, reference: bytes) -> bytes:
        length = number(reference, 0, 4)
        address = number(reference, 4)
        index = number(reference, 4 + ADDRESS, 4)
        if len(reference) < _REFERENCE:
            raise self._window.file.damaged("a reference to a text in its HDF5 does not end in its attribute")
        if address in (0, NOWHERE):  # an empty text, whatever its length
            return b""
        start, size = self._heap(address).get(index, (0, 0))
        if length != size:
            raise self._window.file.damaged(
                f"a text of {counted(length, 'byte')} is not in the global heap at byte {address:,} of its HDF5"
            )
        self._window.file.spend(length)
        return self._window.bytes_at(start, length)

    def _heap(self, address: int) -> dict[int, tuple[int, int]]:
        """Return index -> start and size of every object in the global heap collection at `address`."""
        if address not in self._heaps:
            head = self._window.bytes_at(address, _HEAP_HEAD)
            size = number(head, 8)
            if head[:5] != b"GCOL\1" or address + size > self._window.size:
                raise self._window.file.damaged(f"there is no global heap at byte {address:,} of its HDF5")
            self._heaps[address] = dict(self._objects(address + _HEAP_HEAD, address + size))
        return self._heaps[address]

    def _objects(self, at: int, end: int) -> Iterator[tuple[int, tuple[int, int]]]:
        while at + _HEAP_HEAD <= end:
            head = self._window.bytes_at(at, _HEAP_HEAD)
            index, size = number(head, 0, 2), number(head, 8)
            if index == 0:
                return  # what is left of the collection
            at += _HEAP_HEAD
            if at + size > end:
                raise self._window.file.damaged(f"an object in its global heap at byte {at:,} does not end in it")
            self._window.file.spend(_COST)
            yield index, (at, size)
            at += -(-size // 8) * 8

    def _decoded(self, raw: bytes, name: str) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise self._window.file.damaged(f"an attribute {name} is {shown(raw)}, which is no UTF-8") from None


class _Parts(NamedTuple):
    """The content of an attribute's message."""

    name: bytes
    datatype: bytes
    dataspace: bytes
    data: bytes


def _parts(content: bytes) -> _Parts | None:
    """Return the parts of an attribute's message; None where it shares one, or is of an unknown version."""
    if len(content) < 8 or content[0] not in (1, 2, 3) or (content[0] > 1 and content[1]):
        return None
    version, at = content[0], 9 if content[0] == 3 else 8
    parts: list[bytes] = []
    for position in (2, 4, 6):
        size = number(content, position, 2)
        parts.append(content[at : at + size])
        at += -(-size // 8) * 8 if version == 1 else size
    name, datatype, dataspace = parts
    return _Parts(name.partition(b"\0")[0], datatype, dataspace, content[at:])


def _is_text(datatype: bytes) -> bool:
    if len(datatype) < 8:
        return False
    return datatype[0] & 0x0F == _STRING or (datatype[0] & 0x0F == _VARIABLE and datatype[1] & 0x0F == 1)


def _shape(dataspace: bytes) -> tuple[int, ...] | None:
    """Return the sizes of a dataspace; None where it is that of nothing, or does not end."""
    if len(dataspace) < 4 or (dataspace[0] == 2 and dataspace[3] == _NULL):
        return None
    before, rank = 4 if dataspace[0] == 2 else 8, dataspace[1]
    if dataspace[0] not in (1, 2) or len(dataspace) < before + ADDRESS * rank:
        return None
    if dataspace[0] == 2 and dataspace[3] != (_SIMPLE if rank else _SCALAR):
        return None
    return tuple(number(dataspace, before + ADDRESS * axis) for axis in range(rank))
