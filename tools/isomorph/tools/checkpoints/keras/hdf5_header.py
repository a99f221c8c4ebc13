"""The messages of an HDF5 object header, parsed from its bytes: what libhdf5 would read at the price of its memory.

Source: HDF5 File Format Specification 3.0, II (superblock) and IV.A (object headers)
"""

from collections.abc import Iterator
from typing import NamedTuple

from isomorph.tools.checkpoints.keras.hdf5_file import Window
from isomorph.tools.checkpoints.wording import counted

ADDRESS = 8
"""Bytes of an address and of a length, where `has_plain_addresses`."""

_CONTINUATION = 0x10
_SHARED = 0x02  # a bit of a message's flags: its content stands elsewhere
_COST = 64  # bytes of Python objects that one message becomes
# Superblock version -> where the size of addresses stands, and the base address; the size of lengths is behind the one.
_SUPERBLOCKS = {0: (13, 24), 1: (13, 28), 2: (9, 12), 3: (9, 12)}


class Message(NamedTuple):
    """One message: its type (IV.A.2) and its content."""

    kind: int
    content: bytes


def has_plain_addresses(window: Window) -> bool:
    """Whether addresses and lengths are of 8 bytes and count from the file's start, as in all that h5py writes."""
    head = window.bytes_at(0, 48)
    if head[8] not in _SUPERBLOCKS:
        return False
    sizes, base = _SUPERBLOCKS[head[8]]
    return head[sizes : sizes + 2] == bytes([ADDRESS, ADDRESS]) and not any(head[base : base + ADDRESS])


def messages(window: Window, address: int) -> Iterator[Message]:
    """The messages of the object at byte `address`, less those of which other headers share the content.

    Headers of a version that is not known have none. `BadInput` where one does not end inside the file.
    """
    head = window.bytes_at(address, 34)
    if head[:5] == b"OHDR\2":
        flags = head[5]
        before = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)  # times; limits of attributes
        width = 1 << (flags & 3)
        size = int.from_bytes(head[before : before + width], "little")
        yield from _blocks(window, address + before + width, size, 2, 6 if flags & 4 else 4)
    elif head[:1] == b"\1":
        yield from _blocks(window, address + 16, int.from_bytes(head[8:12], "little"), 1, 8)


def _blocks(window: Window, start: int, size: int, version: int, head: int) -> Iterator[Message]:
    """The messages in a header's first block and in those that continue it; `head` bytes stand before each."""
    seen: set[int] = set()
    waiting = [(start, size)]
    while waiting:
        start, size = waiting.pop(0)
        window.file.spend(size)
        block = window.bytes_at(start, size)
        if start in seen or len(block) < size:
            raise window.file.damaged(
                f"an object header of {counted(size, 'byte')} at byte {start:,} of its HDF5 does not end in it"
            )
        seen.add(start)
        at = 0
        while at + head <= size:
            kind, length, flags = _head(block, at, version)
            content = block[at + head : at + head + length]
            window.file.spend(_COST)
            if len(content) < length:
                raise window.file.damaged(f"a message at byte {start + at:,} of its HDF5 is longer than its header")
            if kind == _CONTINUATION:
                waiting.append(_continued(content, version))
            elif not flags & _SHARED:
                yield Message(kind, content)
            at += head + length


def _head(block: bytes, at: int, version: int) -> tuple[int, int, int]:
    """The type, the length and the flags of the message at byte `at`."""
    if version == 1:
        kind, length, flags = block[at : at + 2], block[at + 2 : at + 4], block[at + 4]
    else:
        kind, length, flags = block[at : at + 1], block[at + 1 : at + 3], block[at + 3]
    return int.from_bytes(kind, "little"), int.from_bytes(length, "little"), flags


def _continued(content: bytes, version: int) -> tuple[int, int]:
    """Where the messages of the next block begin, and how many bytes they take; a checksum may stand behind them."""
    start = int.from_bytes(content[:ADDRESS], "little")
    size = int.from_bytes(content[ADDRESS : 2 * ADDRESS], "little")
    return (start, size) if version == 1 else (start + 4, max(0, size - 8))  # between OCHK and the checksum
