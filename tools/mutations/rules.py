"""How a sound file is broken: seeded rules, each of which changes a few bytes as damage or malice would."""

import random
from collections.abc import Callable

Rule = Callable[[random.Random, bytearray, bytes], None]
"""Changes the bytes in place; the last argument is another sound file of the same format."""

BOUNDARIES = (0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF)
INTERESTING = (0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 1 << 16, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 32) - 1,
               1 << 32, 1 << 40, 1 << 48, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)  # fmt: skip
_LONGEST = 64  # bytes put in, taken out or copied at once


def mutated(chance: random.Random, content: bytes, other: bytes) -> bytes:
    """`content` after one to four rules; the same for the same state of `chance`."""
    out = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 1, 2, 4))):
        chance.choice(RULES)(chance, out, other)
    return bytes(out)


def _position(chance: random.Random, out: bytearray) -> int:
    """Where to change something: anywhere, or close to a byte that is not zero, of which formats with room have few."""
    position = chance.randrange(len(out) + 1)
    if chance.random() < 0.7:
        for _ in range(64):
            if any(out[max(0, position - 2) : position + 2]):
                break
            position = chance.randrange(len(out) + 1)
    return position


def _number(chance: random.Random, out: bytearray) -> tuple[slice, int]:
    """Where a little-endian number stands that could count or place something in the file, and its value."""
    for _ in range(64):
        start, width = _position(chance, out), chance.choice((1, 2, 4, 8))
        where = slice(start, start + width)
        value = int.from_bytes(out[where], "little")
        if start + width <= len(out) and 0 < value <= len(out):
            return where, value
    return slice(0, 0), 0


def _put(out: bytearray, where: slice, value: int) -> None:
    width = where.stop - where.start
    out[where] = (value % (1 << 8 * width)).to_bytes(width, "little")


def flip_a_bit(chance: random.Random, out: bytearray, _: bytes) -> None:
    """One bit turned round."""
    position = _position(chance, out)
    out[position : position + 1] = bytes(byte ^ 1 << chance.randrange(8) for byte in out[position : position + 1])


def set_a_byte(chance: random.Random, out: bytearray, _: bytes) -> None:
    """A byte at the edge of what bytes can be, or any."""
    position = _position(chance, out)
    out[position : position + 1] = bytes([chance.choice((*BOUNDARIES, chance.randrange(256)))])


def edit_a_length(chance: random.Random, out: bytearray, _: bytes) -> None:
    """A number that could be a length, a count or an offset, a little off."""
    where, value = _number(chance, out)
    edits = (value - 1, value + 1, 2 * value, value // 2, value + 8, value - 8, len(out), len(out) - where.start)
    _put(out, where, chance.choice(edits))


def put_an_integer(chance: random.Random, out: bytearray, _: bytes) -> None:
    """An integer at which readers fail, in the place of a small one."""
    where, _value = _number(chance, out)
    _put(out, where, chance.choice(INTERESTING))


def insert(chance: random.Random, out: bytearray, _: bytes) -> None:
    """Bytes that were not there: noise, or one byte over and over."""
    position, count = _position(chance, out), chance.randrange(1, _LONGEST)
    noise = chance.randbytes(count) if chance.random() < 0.5 else bytes([chance.choice(BOUNDARIES)]) * count
    out[position:position] = noise


def delete(chance: random.Random, out: bytearray, _: bytes) -> None:
    """Bytes taken out."""
    position = _position(chance, out)
    del out[position : position + chance.randrange(1, _LONGEST)]


def duplicate(chance: random.Random, out: bytearray, _: bytes) -> None:
    """A block that stands in a second place, too: between the bytes there, or over them."""
    source, target, count = _position(chance, out), _position(chance, out), chance.randrange(1, _LONGEST)
    block = out[source : source + count]
    out[target : target + chance.choice((0, len(block)))] = block


def splice(chance: random.Random, out: bytearray, other: bytes) -> None:
    """The start of one file and the end of another, or a block of the other in the same place."""
    position, end = sorted((chance.randrange(len(out) + 1), chance.randrange(len(out) + 1)))
    out[position:] = other[position:] if chance.random() < 0.3 else other[position:end] + out[end:]


def truncate(chance: random.Random, out: bytearray, _: bytes) -> None:
    """The end cut off."""
    del out[chance.randrange(len(out) + 1) :]


RULES: tuple[Rule, ...] = (
    *(flip_a_bit, flip_a_bit, flip_a_bit),
    *(set_a_byte, set_a_byte, set_a_byte),
    *(edit_a_length, edit_a_length, edit_a_length),
    *(put_an_integer, put_an_integer, put_an_integer),
    *(insert, delete, duplicate, splice, truncate),
)
"""The rules, as often as they are taken."""
