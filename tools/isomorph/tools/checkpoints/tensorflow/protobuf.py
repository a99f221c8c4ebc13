"""The wire format of protocol buffers, read and written as far as the messages of a TensorFlow checkpoint need it.

https://protobuf.dev/programming-guides/encoding
"""

from collections.abc import Iterator

from isomorph.tools.checkpoints.wording import shown

Value = int | bytes

_LONGEST_VARINT = 10  # bytes: 64 bits, seven in each


class Fixed32(int):
    """An integer that is written in four bytes, whatever it is."""


def varint(data: bytes, position: int) -> tuple[int, int]:
    """Return the unsigned number of at most 64 bits at `position`, and the position after it. Raises ValueError."""
    number = 0
    for length, byte in enumerate(data[position : position + _LONGEST_VARINT], start=1):
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
    position = 0
    while position < len(message):
        key, position = varint(message, position)
        if not 1 <= key >> 3 < 1 << 29:
            raise ValueError(f"a field has the number {shown(key >> 3)}, which is none")
        match key & 7:
            case 0:
                value, position = varint(message, position)
                yield key >> 3, value
                continue
            case 1:
                count = 8
            case 2:
                count, position = varint(message, position)
            case 5:
                count = 4
            case kind:
                raise ValueError(f"a field has the wire type {kind}, which is none")
        if count > len(message) - position:
            raise ValueError("a field ends beyond its message")
        raw = message[position : position + count]
        position += count
        yield key >> 3, raw if key & 7 == 2 else int.from_bytes(raw, "little")


def singular(message: bytes, names: dict[int, tuple[str, type]]) -> dict[str, Value]:
    """Return name -> value of the fields in a message, each of which may stand once.

    names: number -> name and type, int or bytes.
    Raises ValueError for a field of another number or type, or one that stands twice.
    """
    values: dict[str, Value] = {}
    for number, value in fields(message):
        name, kind = names.get(number, ("", int))
        if not name or not isinstance(value, kind):
            raise ValueError(f"a message has the field {shown(number)} of type {type(value).__name__}, unknown here")
        if name in values:
            raise ValueError(f"a message has the field {name} twice")
        values[name] = value
    return values


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
    out = b""
    for number, value in fields:
        if isinstance(value, bytes):
            out += varint_of(number << 3 | 2) + varint_of(len(value)) + value
        elif value and isinstance(value, Fixed32):
            out += varint_of(number << 3 | 5) + value.to_bytes(4, "little")
        elif value:
            out += varint_of(number << 3) + varint_of(value)
    return out
