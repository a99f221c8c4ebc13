"""The text attributes of HDF5 objects: III.E (global heap) and IV.A.2.b, d and m (attribute) of the specification.

Keras's are texts of variable length, for which libhdf5 (1.14.6) takes and fills as much memory as the reference to the
text declares, before it looks whether the text is there: 11 KB became 4 GiB. Here a text is never longer than what the
file holds of it.
"""

from collections.abc import Iterator

from isomorph.tools.checkpoints.keras.hdf5_file import Window
from isomorph.tools.checkpoints.keras.hdf5_header import ADDRESS, messages, number
from isomorph.tools.checkpoints.wording import counted, shown

_ATTRIBUTE = 0x0C
_STRING, _VARIABLE = 3, 9  # classes of datatypes
_NULL = 2  # the type of a dataspace (version 2) that holds nothing
_HEAP_HEAD = 16  # bytes before a global heap's objects, and before each of them
_COST = 128  # bytes of Python objects that one object of a heap becomes


class Attributes:
    """The text attributes of the objects in an HDF5 file."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._heaps: dict[int, dict[int, tuple[int, int]]] = {}

    def text(self, address: int, name: str) -> str | None:
        """The attribute `name` of the object at byte `address`; None where it has none, or none that is a single text.

        None as well where it is stored in a way that neither h5py nor Keras chooses: among so many that they got an
        index, or with a type or a shape that is shared.

        Raises:
            BadInput: what holds the attribute, or its text, is not inside the file, or the text is no UTF-8.
        """
        for kind, content in messages(self._window, address):
            if kind == _ATTRIBUTE and (parts := _parts(content)) and parts[0] == name.encode():
                _, datatype, dataspace, data = parts
                raw = self._raw(datatype, data) if _is_scalar(dataspace) else None
                return None if raw is None else self._decoded(raw, name)
        return None

    def has(self, address: int, name: str) -> bool:
        """Whether the object at byte `address` has an attribute `name` in its header, of any type."""
        attributes = (_parts(content) for kind, content in messages(self._window, address) if kind == _ATTRIBUTE)
        return any(parts is not None and parts[0] == name.encode() for parts in attributes)

    def _raw(self, datatype: bytes, data: bytes) -> bytes | None:
        """The bytes of a text; None where the datatype is none."""
        if len(datatype) < 8:
            return None
        kind, of = datatype[0] & 0x0F, datatype[1] & 0x0F
        if kind == _STRING:
            return data[: number(datatype, 4, 4)]
        return self._from_heap(data) if kind == _VARIABLE and of == 1 else None

    def _from_heap(self, reference: bytes) -> bytes:
        length = number(reference, 0, 4)
        address = number(reference, 4)
        index = number(reference, 4 + ADDRESS, 4)
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
        size = number(content, position, 2)
        parts.append(content[at : at + size])
        at += -(-size // 8) * 8 if version == 1 else size
    name, datatype, dataspace = parts
    return name.partition(b"\0")[0], datatype, dataspace, content[at:]


def _is_scalar(dataspace: bytes) -> bool:
    """Whether it is that of one element: without axes, and not of nothing."""
    return len(dataspace) >= 4 and dataspace[1] == 0 and not (dataspace[0] == 2 and dataspace[3] == _NULL)
