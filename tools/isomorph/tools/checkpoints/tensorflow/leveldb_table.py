"""LevelDB's sorted table, in which TensorFlow keeps the index of a checkpoint.

Blocks of sorted entries, one block that says where those are, and a footer of 48 bytes that says where that one is. A
key is stored as the number of bytes it shares with the one before, and the rest; an entry at a restart shares none. A
byte of compression and a masked CRC-32C follow every block.

Sources: leveldb/doc/table_format.md; tensorflow/tsl (xla), lib/io/format.h and block_builder.cc, the same format.
"""

from collections.abc import Iterator

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.protobuf import Data, varint
from isomorph.tools.checkpoints.recognition import LEVELDB_MAGIC
from isomorph.tools.checkpoints.tensorflow.crc32c import masked_crc32c_of
from isomorph.tools.checkpoints.wording import shown

_FOOTER = 48
_TRAILER = 5
_COMPRESSIONS = {1: "Snappy", 2: "Zstandard"}


def read_table(file: MappedFile) -> Iterator[tuple[bytes, slice]]:
    """Yield every key of the table that fills `file`, and where its value lies there, in order, as they are reached.

    Raises:
        BadInput: the table is cut short or damaged anywhere, a block is compressed, or keys are not in order.
    """
    if file.size < _FOOTER:
        raise file.damaged(f"its {file.size:,} bytes are fewer than the {_FOOTER} that end a table")
    try:
        yield from _entries(file)
    except BadInput:
        raise
    except ValueError as problem:
        raise file.damaged(f"its table cannot be read: {problem}") from None


def _entries(file: MappedFile) -> Iterator[tuple[bytes, slice]]:
    footer = file.read(file.size - _FOOTER, _FOOTER - len(LEVELDB_MAGIC))
    meta_start, meta_size, position = _handle(footer, 0)
    index_start, index_size, position = _handle(footer, position)
    if any(footer[position:]):
        raise ValueError("its footer holds more than two positions")
    if any(_block(file, _contents(file, meta_start, meta_size))):
        raise ValueError("it has filters, which TensorFlow never writes")
    last, end = None, 0
    for separator, place in _block(file, _contents(file, index_start, index_size)):
        start, size, position = _handle(file, place.start)
        if position != place.stop or start < end:
            raise ValueError(f"the block up to {shown(separator)} is described as none, or lies in another")
        for key, value in _block(file, _contents(file, start, size)):
            if (last is not None and key <= last) or key > separator:
                raise ValueError(f"the key {shown(key)} is not in its place among the sorted, or stands twice")
            last = key
            yield key, value
        last, end = separator, start + size + _TRAILER


def _handle(data: Data, position: int) -> tuple[int, int, int]:
    """Return where a block starts, its bytes, and the position after that."""
    start, position = varint(data, position)
    size, position = varint(data, position)
    return start, size, position


def _contents(file: MappedFile, start: int, size: int) -> slice:
    """Return where a block is, its checksum verified."""
    if start + size + _TRAILER > file.size - _FOOTER:
        raise ValueError(f"a block of {size:,} bytes at byte {start:,} reaches beyond the {file.size:,} of the file")
    end = start + size
    kind, checksum = file.read(end, 1)[0], int.from_bytes(file.read(end + 1, 4), "little")
    if masked_crc32c_of(file, start, size + 1) != checksum:
        raise ValueError(f"the checksum of the block at byte {start:,} is not that of its bytes")
    if kind:
        raise file.bad(
            f"its block at byte {start:,} is compressed ({_COMPRESSIONS.get(kind, f'type {kind}')}), which TensorFlow "
            "does in no checkpoint and is not read here: save it again"
        )
    return slice(start, end)


def _block(file: MappedFile, place: slice) -> Iterator[tuple[bytes, slice]]:
    """Yield the entries of one block: a key, and where in the file its value is."""
    size = place.stop - place.start
    count = int.from_bytes(file.read(place.stop - 4, 4), "little") if size >= 4 else 0
    end = place.stop - 4 * (count + 1)
    if not count or end < place.start:
        raise ValueError(f"a block of {size:,} bytes has {count:,} restarts")
    restarts = (place.start + int.from_bytes(file.read(at, 4), "little") for at in range(end, place.stop - 4, 4))
    restart, position, key = next(restarts), place.start, b""
    if restart != position:
        raise ValueError("a block's first restart is not its first byte")
    while position < end:
        start = position
        shared, position = varint(file, position)
        unshared, position = varint(file, position)
        size, position = varint(file, position)
        if shared > len(key) or unshared + size > end - position:
            raise ValueError("an entry reaches beyond its block, or shares more of a key than there is")
        if start == restart:
            restart = next(restarts, -1)
            if shared:
                raise ValueError("an entry at a restart shares bytes with the one before")
        file.spend(shared + unshared)  # prefixes could make megabytes out of a few bytes
        key = key[:shared] + file.read(position, unshared)
        position += unshared
        yield key, slice(position, position + size)
        position += size
    if (end > place.start and restart != -1) or next(restarts, None) is not None:
        raise ValueError("a block has a restart where no entry starts")
