"""Where an HDF5 file begins, and the messages of its objects' headers: II.A (superblock) and IV.A of the specification.

Keras's files have addresses and lengths of 8 bytes, as all that h5py writes; others are refused.
"""

from collections.abc import Iterator
from typing import NamedTuple

from isomorph.tools.checkpoints.keras.hdf5_file import Window
from isomorph.tools.checkpoints.wording import counted

ADDRESS = 8
"""Bytes of an address and of a length."""

NOWHERE = (1 << 64) - 1
"""The address of what is not there."""

_CONTINUATION = 0x10
_SHARED = 0x02  # a bit of a message's flags: its content stands elsewhere
_NEVER_SHARED = 0x04
_ALIGNMENT = 8  # bytes, of messages of version 1
_COST = 64  # bytes of Python objects that one message becomes


class _Superblock(NamedTuple):
    """Where a version has the sizes of addresses and lengths, the base address, the file's end and its root group."""

    sizes: int
    base: int
    end: int
    root: int


_SUPERBLOCKS = {
    0: _Superblock(13, 24, 40, 64),
    1: _Superblock(13, 28, 44, 68),
    2: _Superblock(9, 12, 28, 36),
    3: _Superblock(9, 12, 28, 36),
}


class Message(NamedTuple):
    """One message: its type (IV.A.2) and its content."""

    kind: int
    content: bytes


def number(data: bytes, at: int, size: int = ADDRESS) -> int:
    """The little-endian integer of `size` bytes at byte `at`, as far as it is there."""
    return int.from_bytes(data[at : at + size], "little")


def root_of(window: Window) -> int:
    """The address of the root group.

    Raises:
        BadInput: the file is of an unknown version, has other addresses than h5py writes, or has been cut.
    """
    head = window.exactly(0, 48)
    if head[8] not in _SUPERBLOCKS:
        raise window.unsound(f"its superblock has version {head[8]}, 0 to {max(_SUPERBLOCKS)} were expected")
    known = _SUPERBLOCKS[head[8]]
    if number(head, known.sizes, 2) != ADDRESS << 8 | ADDRESS or number(head, known.base):
        raise window.unsound("its addresses are of another kind than those that Keras writes")
    if number(head, known.end) > window.size:
        raise window.unsound(f"a truncated file, of {window.size:,} of {counted(number(head, known.end), 'byte')}")
    root = number(window.exactly(known.root, ADDRESS), 0)
    window.size = number(head, known.end)  # what stands behind it is no part of it
    return root


def messages(window: Window, address: int) -> Iterator[Message]:
    """The messages of the object at byte `address`, less those of which other headers share the content.

    Raises:
        BadInput: there is no header of a known version, or it does not end inside the file.
    """
    head = window.bytes_at(address, 34)
    if head[:5] == b"OHDR\2" and len(head) == 34:
        flags = head[5]
        before = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)  # times; limits of attributes
        width = 1 << (flags & 3)
        yield from _blocks(window, address + before + width, number(head, before, width), 2, 6 if flags & 4 else 4)
    elif head[:1] == b"\1":
        yield from _blocks(window, address + 16, number(head, 8, 4), 1, 8)
    else:
        raise window.unsound(f"there is no object at byte {address:,}")


def _blocks(window: Window, start: int, size: int, version: int, head: int) -> Iterator[Message]:
    """The messages in a header's first block and in those that continue it; `head` bytes stand before each."""
    seen: set[int] = set()
    waiting = [(start, size)]
    while waiting:
        start, size = waiting.pop(0)
        window.file.spend(size)
        block = window.exactly(start, size)
        if start in seen:
            raise window.unsound(f"the header at byte {start:,} continues itself")
        seen.add(start)
        at = 0
        while at + head <= size:
            kind, length, flags = _head(block, at, version)
            content = block[at + head : at + head + length]
            window.file.spend(_COST)
            if len(content) < length or (version == 1 and length % _ALIGNMENT):
                raise window.unsound(
                    f"a message at byte {start + at:,} is longer than its header, or of no whole 8 bytes"
                )
            if flags & _SHARED and flags & _NEVER_SHARED:
                raise window.unsound(f"a message at byte {start + at:,} is shared and must not be")
            if kind == _CONTINUATION:
                waiting.append(_continued(content, version))
            elif not flags & _SHARED:
                yield Message(kind, content)
            at += head + length
        if version == 1 and at != size:
            raise window.unsound(f"the header at byte {start:,} has room that no message fills")


def _head(block: bytes, at: int, version: int) -> tuple[int, int, int]:
    """The type, the length and the flags of the message at byte `at`."""
    if version == 1:
        return number(block, at, 2), number(block, at + 2, 2), block[at + 4]
    return block[at], number(block, at + 1, 2), block[at + 3]


def _continued(content: bytes, version: int) -> tuple[int, int]:
    """Where the messages of the next block begin, and how many bytes they take; a checksum may stand behind them."""
    start, size = number(content, 0), number(content, ADDRESS)
    return (start, size) if version == 1 else (start + 4, max(0, size - 8))  # between OCHK and the checksum
