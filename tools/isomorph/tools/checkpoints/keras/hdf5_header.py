"""Where an HDF5 file begins, and the messages of its objects' headers: II.A (superblock) and IV.A of the specification.

Keras's files have addresses and lengths of 8 bytes, as all that h5py writes; others are refused.
"""

from collections.abc import Iterator
from typing import NamedTuple

from isomorph.tools.checkpoints.keras import hdf5_checksum
from isomorph.tools.checkpoints.keras.hdf5_file import Window
from isomorph.tools.checkpoints.wording import counted

ADDRESS = 8
"""Bytes of an address and of a length."""

NOWHERE = (1 << 64) - 1
"""The address of what is not there."""

_CONTINUATION = 0x10
_CONTINUED = b"OCHK"  # before the messages of a block that continues a header of version 2
_SHARED = 0x02  # a bit of a message's flags: its content stands elsewhere
_NEVER_SHARED = 0x04
_MISSED_WHERE_SHARED = {0x01, 0x03, 0x0C}  # shape, type, attribute: whoever needs one says that it is not there
_ALIGNMENT = 8  # bytes, of messages of version 1
_COST = 64  # bytes of Python objects that one message becomes
_LONGEST_HASHED = 1 << 17  # bytes of a header with a checksum: eight attributes of 16 KiB, more get an index
_COST_OF_HASHING = 16  # that many bytes are copied in the time in which one is hashed


class _Superblock(NamedTuple):
    """Where a version has the sizes of addresses and lengths, the base address, the file's end and its root group.

    checksum: where that of all before it is, of the versions that have one.
    """

    sizes: int
    base: int
    end: int
    root: int
    checksum: int = 0


_SUPERBLOCKS = {
    0: _Superblock(13, 24, 40, 64),
    1: _Superblock(13, 28, 44, 68),
    2: _Superblock(9, 12, 28, 36, 44),
    3: _Superblock(9, 12, 28, 36, 44),
}


class Message(NamedTuple):
    """One message: its type (IV.A.2) and its content."""

    kind: int
    content: bytes


def number(data: bytes, at: int, size: int = ADDRESS) -> int:
    """Return the little-endian integer of `size` bytes at byte `at`, as far as it is there."""
    return int.from_bytes(data[at : at + size], "little")


def root_of(window: Window) -> int:
    """Return the address of the root group.

    Raises:
        BadInput: the file is of an unknown version, has other addresses than h5py writes, has been cut, or its
            superblock is not that of its checksum.
    """
    head = window.exactly(0, 48)
    if head[8] not in _SUPERBLOCKS:
        raise window.unsound(f"its superblock has version {head[8]}, 0 to {max(_SUPERBLOCKS)} were expected")
    known = _SUPERBLOCKS[head[8]]
    if number(head, known.sizes, 2) != ADDRESS << 8 | ADDRESS or number(head, known.base):
        raise window.unsound("its addresses are of another kind than those that Keras writes")
    if number(head, known.end) > window.size:
        raise window.unsound(f"a truncated file, of {window.size:,} of {counted(number(head, known.end), 'byte')}")
    if known.checksum:
        _check(window, 0, head[: known.checksum], number(head, known.checksum, hdf5_checksum.SIZE))
    elif not all(_node_sizes(window, head)):
        raise window.unsound("the nodes of its B-trees have room for nothing")
    root = number(window.exactly(known.root, ADDRESS), 0)
    window.size = number(head, known.end)  # what stands behind it is no part of it
    return root


def _node_sizes(window: Window, head: bytes) -> tuple[int, ...]:
    """Take from a superblock that is older than checksums how many children nodes have."""
    window.most_names, window.most_nodes = 2 * number(head, 16, 2), 2 * number(head, 18, 2)
    if head[8] == 1:
        window.most_chunks = 2 * number(head, 24, 2)
    return window.most_names, window.most_nodes, window.most_chunks


def messages(window: Window, address: int) -> Iterator[Message]:
    """Yield the messages of the object at byte `address`, less those of which other headers share the content.

    Raises:
        BadInput: there is no header of a known version, it does not end inside the file, or a part of it is not that
            of its checksum.
    """
    head = window.bytes_at(address, 34)
    if head[:5] == b"OHDR\2" and len(head) == 34:
        flags = head[5]
        before = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)  # times; limits of attributes
        width = 1 << (flags & 3)
        before += width
        size = before + number(head, before - width, width) + hdf5_checksum.SIZE
        yield from _blocks(window, _Block(address, size, before), 2, 6 if flags & 4 else 4)
    elif head[:1] == b"\1":
        yield from _blocks(window, _Block(address + 16, number(head, 8, 4), 0), 1, 8)
    else:
        raise window.unsound(f"there is no object at byte {address:,}")


class _Block(NamedTuple):
    """A header's first block, or one that continues it: `before` bytes stand before the messages."""

    start: int
    size: int
    before: int


def _blocks(window: Window, block: _Block, version: int, head: int) -> Iterator[Message]:
    """Yield the messages in a header's first block and in those that continue it; `head` bytes stand before each."""
    seen: set[int] = set()
    waiting = [block]
    while waiting:
        block = waiting.pop(0)
        start = block.start + block.before
        if block.start in seen:
            raise window.unsound(f"the header at byte {start:,} continues itself")
        seen.add(block.start)
        content = _content(window, block) if version > 1 else _plain(window, block)
        at = 0
        while at + head <= len(content):
            kind, length, flags = _head(content, at, version)
            message = content[at + head : at + head + length]
            window.file.spend(_COST)
            if len(message) < length or (version == 1 and length % _ALIGNMENT):
                raise window.unsound(
                    f"a message at byte {start + at:,} is longer than its header, or of no whole 8 bytes"
                )
            if flags & _SHARED and flags & _NEVER_SHARED:
                raise window.unsound(f"a message at byte {start + at:,} is shared and must not be")
            if kind == _CONTINUATION:
                before = 0 if version == 1 else len(_CONTINUED)
                waiting.append(_Block(number(message, 0), number(message, ADDRESS), before))
            elif not flags & _SHARED:
                yield Message(kind, message)
            elif kind not in _MISSED_WHERE_SHARED:
                raise window.unsound(f"a message at byte {start + at:,} stands elsewhere, which Keras does not write")
            at += head + length
        if version == 1 and at != len(content):
            raise window.unsound(f"the header at byte {start:,} has room that no message fills")


def _plain(window: Window, block: _Block) -> bytes:
    window.file.spend(block.size)
    return window.exactly(block.start, block.size)


def _content(window: Window, block: _Block) -> bytes:
    """Return the messages of a block that ends with a checksum, once that has been verified."""
    end = block.size - hdf5_checksum.SIZE
    if not block.before <= end <= _LONGEST_HASHED:
        raise window.unsound(f"the header at byte {block.start:,} has {counted(block.size, 'byte')}")
    window.file.spend(_COST_OF_HASHING * block.size)
    content = window.exactly(block.start, block.size)
    if block.before == len(_CONTINUED) and not content.startswith(_CONTINUED):
        raise window.unsound(f"no header is continued at byte {block.start:,}")
    _check(window, block.start, content[:end], number(content, end, hdf5_checksum.SIZE))
    return content[block.before : end]


def _check(window: Window, start: int, content: bytes, expected: int) -> None:
    if hdf5_checksum.checksum(content) != expected:
        raise window.unsound(f"the checksum of its header at byte {start:,} is not that of its bytes")


def _head(block: bytes, at: int, version: int) -> tuple[int, int, int]:
    """Return the type, the length and the flags of the message at byte `at`."""
    if version == 1:
        return number(block, at, 2), number(block, at + 2, 2), block[at + 4]
    return block[at], number(block, at + 1, 2), block[at + 3]
