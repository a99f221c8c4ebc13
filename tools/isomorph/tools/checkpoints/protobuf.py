"""The wire format of protocol buffers, read and written as far as the messages beside tensors need it.

https://protobuf.dev/programming-guides/encoding
"""

from collections.abc import Iterator, Mapping
from typing import Protocol

from isomorph.tools.checkpoints.wording import shown

Value = int | bytes

LONGEST_VARINT = 10
"""Bytes: 64 bits, seven in each."""


class Data(Protocol):
    """What messages are read from: `bytes`, or a file of which a message is a part."""

    def __getitem__(self, place: slice, /) -> bytes:
        """Return the bytes at `place`."""


class Fixed32(int):
    """An integer that is written in four bytes, whatever it is."""


def varint(data: Data, position: int) -> tuple[int, int]:
    """Return the unsigned number of at most 64 bits at `position`, and the position after it. Raises ValueError."""
    number = 0
    for length, byte in enumerate(data[position : position + LONGEST_VARINT], start=1):
        number |= (byte & 0x7F) << 7 * (length - 1)
        if byte < 0x80:
            if number >= 1 << 64:
                break
            return number, position + length
    raise ValueError("a number has no end or more than 64 bits")


def fields(message: bytes) -> Iterator[tuple[int, Value]]:
    """Yield every field's number and value in turn: int of a varint or of fixed width, bytes of what has a length.

    A `ValueError` says what is wrong. What the numbers mean, and how often each may stand, is the caller's.
    """
    for number, value in placed_fields(message, slice(0, len(message))):
        yield number, message[value] if isinstance(value, slice) else value


def placed_fields(data: Data, message: slice) -> Iterator[tuple[int, int | slice]]:
    """Yield as `fields`, of the message at a place in `data`; but the place of what has a length, which is not copied.

    Both places count from the start of `data`.
    """
    position, end = message.start, message.stop
    while position < end:
        key, position = varint(data, position)
        if not 1 <= key >> 3 < 1 << 29:
            raise ValueError(f"a field has the number {shown(key >> 3)}, which is none")
        match key & 7:
            case 0:
                count = 0
                value, position = varint(data, position)
            case 1:
                count = 8
            case 2:
                count, position = varint(data, position)
            case 5:
                count = 4
            case kind:
                raise ValueError(f"a field has the wire type {kind}, which is none")
        if count > end - position:
            raise ValueError("a field ends beyond its message")
        place = slice(position, position + count)
        position += count
        match key & 7:
            case 0:
                yield key >> 3, value
            case 2:
                yield key >> 3, place
            case _:
                yield key >> 3, int.from_bytes(data[place], "little")


class Message:
    """A message of known fields, each of which may stand once, or, if its type is `list`, again and again.

    >>> from isomorph.tools.checkpoints.protobuf import Message, message
    >>> dim = Message.of(message((1, 7), (2, b"rows")), {1: ("size", int), 2: ("name", bytes)})
    >>> dim.number("size"), dim.raw("name")
    (7, b'rows')

    As proto3 has it, a field that is not there is 0, or empty.
    """

    def __init__(self, data: Data, place: slice, names: Mapping[int, tuple[str, type]]) -> None:
        """Read the message at a place of `data`.

        names: number -> name and type: int, bytes, str, or list for repeated ones that have a length.
        Raises ValueError for a field of another number or type, one that stands twice, or text that is no UTF-8.
        """
        self._data, self._place, self._names = data, place, names
        self._values: dict[str, int | slice] = {}
        for number, value in placed_fields(data, place):
            name, kind = names.get(number, ("", int))
            if not name or isinstance(value, int) != (kind is int):
                written = "int" if isinstance(value, int) else "bytes"
                raise ValueError(f"a message has the field {shown(number)} of type {written}, unknown here")
            if kind is list:
                continue
            if name in self._values:
                raise ValueError(f"a message has the field {name} twice")
            self._values[name] = value
            if kind is str:
                self.text(name)

    @classmethod
    def of(cls, message: bytes, names: Mapping[int, tuple[str, type]]) -> "Message":
        """Read a message that stands alone."""
        return cls(message, slice(0, len(message)), names)

    def has(self, name: str) -> bool:
        """Tell whether a field is there that is not repeated."""
        return name in self._values

    def number(self, name: str) -> int:
        """Return a number."""
        value = self._values.get(name, 0)
        assert isinstance(value, int)
        return value

    def place(self, name: str) -> slice:
        """Return where in the data a field is that has a length; an empty place where there is none."""
        value = self._values.get(name, slice(self._place.stop, self._place.stop))
        assert isinstance(value, slice)
        return value

    def raw(self, name: str) -> bytes:
        """Return the bytes of a field that has a length."""
        return self._data[self.place(name)]

    def text(self, name: str) -> str:
        """Return a field that is text."""
        return self.raw(name).decode()

    def each(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a repeated field in turn."""
        for number, value in placed_fields(self._data, self._place):
            if self._names[number][0] == name and isinstance(value, slice):
                yield self._data[value]


def varint_of(number: int) -> bytes:
    """Return `number` as `varint` reads it; a negative one in 64 bits."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def message(*fields: tuple[int, Value]) -> bytes:
    """Return a message of fields, each a number and a value; as proto3 has it, an integer of 0 is left out."""
    parts: list[bytes] = []
    for number, value in fields:
        if isinstance(value, bytes):
            parts += (varint_of(number << 3 | 2), varint_of(len(value)), value)
        elif value and isinstance(value, Fixed32):
            parts += (varint_of(number << 3 | 5), value.to_bytes(4, "little"))
        elif value:
            parts += (varint_of(number << 3), varint_of(value))
    return b"".join(parts)
