"""The checksum behind the newer structures of HDF5: Bob Jenkins's lookup3, `hashlittle` with an initial value of 0.

Source: HDF5 File Format Specification 3.0, VII.A, which names http://burtleburtle.net/bob/hash/doobs.html.
"""

import struct
from collections.abc import Iterator

SIZE = 4
"""Bytes of a checksum."""

_MASK = 0xFFFFFFFF
_START = 0xDEADBEEF
_WORDS = struct.Struct("<3I")
_MIX = (4, 6, 8, 16, 19, 4)  # by how many bits each step rotates
_END = (14, 11, 25, 16, 4, 14, 24)


def checksum(data: bytes) -> int:
    """Return the lookup3 hash of `data`.

    >>> from isomorph.tools.checkpoints.keras.hdf5_checksum import checksum
    >>> hex(checksum(b"Four score and seven years ago"))
    '0x17770551'
    """
    a = b = c = (_START + len(data)) & _MASK
    if not data:
        return c
    *blocks, last = _blocks(data)
    for first, second, third in blocks:
        a, b, c = _mixed((a + first) & _MASK, (b + second) & _MASK, (c + third) & _MASK)
    first, second, third = last
    return _ended((a + first) & _MASK, (b + second) & _MASK, (c + third) & _MASK)


def _blocks(data: bytes) -> Iterator[tuple[int, ...]]:
    """Yield the data as triples of 32-bit words, filled up with zeros."""
    return _WORDS.iter_unpack(data + bytes(-len(data) % _WORDS.size))


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) & _MASK


def _mixed(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits in _MIX:
        a = ((a - c) & _MASK) ^ _rotated(c, bits)
        c = (c + b) & _MASK
        a, b, c = b, c, a  # each step does to the next word what this one did to its own
    return a, b, c


def _ended(a: int, b: int, c: int) -> int:
    for bits in _END:
        c = ((c ^ b) - _rotated(b, bits)) & _MASK
        a, b, c = b, c, a
    return b
