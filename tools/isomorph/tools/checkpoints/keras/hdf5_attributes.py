"""One text attribute of an HDF5 object, parsed from the file's bytes and never read by libhdf5.

Keras's attributes are texts of variable length, for which libhdf5 (1.14.6) takes and fills as much memory as the
reference to the text declares, before it looks whether the text is there: 11 KB became 4 GiB. Here a text is never
longer than what the file holds of it.

Source: HDF5 File Format Specification 3.0, III.E (global heap), IV.A.2.b (dataspace), d (datatype), m (attribute)
"""

from collections.abc import Iterator

import h5py

from isomorph.tools.checkpoints.keras.hdf5_file import Window
from isomorph.tools.checkpoints.keras.hdf5_header import ADDRESS, has_plain_addresses, messages
from isomorph.tools.checkpoints.wording import counted, shown

_ATTRIBUTE = 0x0C
_STRING, _VARIABLE = 3, 9  # classes of datatypes
_NULL = 2  # the type of a dataspace (version 2) that holds nothing
_HEAP_HEAD = 16  # bytes before a global heap's objects, and before each of them
_COST = 128  # bytes of Python objects that one object of a heap becomes


def address_of(thing: h5py.HLObject) -> int:
    """Where the header of a group or data set starts."""
    return int(h5py.h5o.get_info(thing.id).addr)


class Attributes:
    """The text attributes of the objects in an HDF5 file."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._readable = has_plain_addresses(window)
        self._heaps: dict[int, dict[int, tuple[int, int]]] = {}

    def text(self, address: int, name: str) -> str | None:
        """The attribute `name` of the object at byte `address`; None where it has none, or none that is a single text.

        None as well where it is stored in a way that neither h5py nor Keras chooses: among so many that they got an
        index, with a type or a shape that is shared, with addresses that are not of 8 bytes.

        Raises:
            BadInput: what holds the attribute, or its text, is not inside the file, or the text is no UTF-8.
        """
        if not self._readable:
            return None
        for kind, content in messages(self._window, address):
            if kind == _ATTRIBUTE and (parts := _parts(content)) and parts[0] == name.encode():
                _, datatype, dataspace, data = parts
                raw = self._raw(datatype, data) if _is_scalar(dataspace) else None
                return None if raw is None else self._decoded(raw, name)
        return None

    def _raw(self, datatype: bytes, data: bytes) -> bytes | None:
        """The bytes of a text; None where the datatype is none."""
        if len(datatype) < 8:
            return None
        kind, of = datatype[0] & 0x0F, datatype[1] & 0x0F
        if kind == _STRING:
            return data[: int.from_bytes(datatype[4:8], "little")]
        return self._from_heap(data) if kind == _VARIABLE and of == 1 else None

    def _from_heap(self, reference: bytes) -> bytes:
        length = int.from_bytes(reference[:4], "little")
        address = int.from_bytes(reference[4 : 4 + ADDRESS], "little")
        index = int.from_bytes(reference[4 + ADDRESS : 8 + ADDRESS], "little")
        if length == 0:
            return b""
        start, size = self._heap(address).get(index, (0, 0))
        if length > size:
            raise self._window.file.damaged(
                f"a text of {counted(length, 'byte')} is not in the global heap at byte {address:,} of its HDF5"
            )
        self._window.file.spend(length)
        return self._window.bytes_at(start, length)

    def _heap(self, address: int) -> dict[int, tuple[int, int]]:
        """Index -> start and size of every object in the global heap collection at `address`."""
        if address not in self._heaps:
            head = self._window.bytes_at(address, _HEAP_HEAD)
            size = int.from_bytes(head[8:], "little")
            if head[:5] != b"GCOL\1" or address + size > self._window.size:
                raise self._window.file.damaged(f"there is no global heap at byte {address:,} of its HDF5")
            self._heaps[address] = dict(self._objects(address + _HEAP_HEAD, address + size))
        return self._heaps[address]

    def _objects(self, at: int, end: int) -> Iterator[tuple[int, tuple[int, int]]]:
        while at + _HEAP_HEAD <= end:
            head = self._window.bytes_at(at, _HEAP_HEAD)
            index, size = int.from_bytes(head[:2], "little"), int.from_bytes(head[8:], "little")
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
            return raw.partition(b"\0")[0].decode()
        except UnicodeDecodeError:
            raise self._window.file.damaged(f"an attribute {name} is {shown(raw)}, which is no UTF-8") from None


def _parts(content: bytes) -> tuple[bytes, bytes, bytes, bytes] | None:
    """The name, datatype, dataspace and data of an attribute; None where it shares one, or is of an unknown version."""
    if len(content) < 8 or content[0] not in (1, 2, 3) or (content[0] > 1 and content[1]):
        return None
    version, at = content[0], 9 if content[0] == 3 else 8
    parts: list[bytes] = []
    for position in (2, 4, 6):
        size = int.from_bytes(content[position : position + 2], "little")
        parts.append(content[at : at + size])
        at += -(-size // 8) * 8 if version == 1 else size
    name, datatype, dataspace = parts
    return name.partition(b"\0")[0], datatype, dataspace, content[at:]


def _is_scalar(dataspace: bytes) -> bool:
    """Whether it is that of one element: without axes, and not of nothing."""
    return len(dataspace) >= 4 and dataspace[1] == 0 and not (dataspace[0] == 2 and dataspace[3] == _NULL)
