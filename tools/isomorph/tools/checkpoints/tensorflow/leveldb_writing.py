"""LevelDB's sorted table as TensorFlow writes it; `leveldb_table` says what is in it.

Sources: tensorflow/tsl (xla), lib/io/table_builder.cc and block_builder.cc; leveldb/util/comparator.cc.
"""

import struct
from collections.abc import Sequence

from isomorph.tools.checkpoints.protobuf import varint_of
from isomorph.tools.checkpoints.recognition import LEVELDB_MAGIC
from isomorph.tools.checkpoints.tensorflow.crc32c import masked_crc32c

Entries = Sequence[tuple[bytes, bytes]]

_BLOCK = 256 << 10  # bytes after which a block ends
_RESTART = 16  # entries from one restart to the next
_FOOTER = 40  # bytes before the last eight


def table(entries: Entries) -> bytes:
    """Return the table of `entries`, keys and values in the order of the keys."""
    out, places = b"", []
    blocks = _blocks(entries)
    for number, entries_of_block in enumerate(blocks):
        last = entries_of_block[-1][0]
        separator = _between(last, blocks[number + 1][0][0]) if number + 1 < len(blocks) else _beyond(last)
        content = block(entries_of_block)
        places.append((separator, handle(len(out), content)))
        out += closed(content)
    handles = b""
    for content in (block([]), block(places, every=1)):
        handles += handle(len(out), content)
        out += closed(content)
    return out + footer(handles)


def block(entries: Entries, every: int = _RESTART) -> bytes:
    """Return the entries, with a restart at `every` so many, and the restarts."""
    out, restarts, last = bytearray(), [0], b""
    for number, (key, value) in enumerate(entries):
        shared = _shared(key, last) if number % every else 0
        if number and not number % every:
            restarts.append(len(out))
        out += varint_of(shared) + varint_of(len(key) - shared) + varint_of(len(value)) + key[shared:] + value
        last = key
    return bytes(out) + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def closed(content: bytes, compression: int = 0) -> bytes:
    """Return a block and what follows it: how it is compressed, and the checksum of both."""
    content += bytes([compression])
    return content + masked_crc32c(content).to_bytes(4, "little")


def handle(start: int, content: bytes) -> bytes:
    """Return the handle of a block: where it is."""
    return varint_of(start) + varint_of(len(content))


def footer(handles: bytes) -> bytes:
    """Return the end of a table, with where its last two blocks are."""
    return handles.ljust(_FOOTER, b"\0") + LEVELDB_MAGIC


def _blocks(entries: Entries) -> list[Entries]:
    """Return the entries dealt out: a block ends with the entry that fills it."""
    blocks, start, size, last = [], 0, 0, b""
    for number, (key, value) in enumerate(entries):
        inside = number - start
        shared = _shared(key, last) if inside % _RESTART else 0
        unshared = len(key) - shared
        size += sum(len(varint_of(count)) for count in (shared, unshared, len(value))) + unshared + len(value)
        restarts = inside // _RESTART + 1
        if size + 4 * (restarts + 1) >= _BLOCK:
            blocks.append(entries[start : number + 1])
            start, size = number + 1, 0
        last = key
    return [*blocks, entries[start:]] if start < len(entries) else blocks


def _shared(key: bytes, last: bytes) -> int:
    """Return how many bytes the two start with alike."""
    differs = (at for at, pair in enumerate(zip(key, last, strict=False)) if pair[0] != pair[1])
    return next(differs, min(len(key), len(last)))


def _between(last: bytes, following: bytes) -> bytes:
    """Return a short key that is not below `last`, and below `following`."""
    at = _shared(last, following)
    if at < min(len(last), len(following)) and last[at] < 0xFF and last[at] + 1 < following[at]:
        return last[:at] + bytes([last[at] + 1])
    return last


def _beyond(last: bytes) -> bytes:
    """Return a short key that is not below `last`."""
    at = next((at for at, byte in enumerate(last) if byte != 0xFF), None)
    return last if at is None else last[:at] + bytes([last[at] + 1])
