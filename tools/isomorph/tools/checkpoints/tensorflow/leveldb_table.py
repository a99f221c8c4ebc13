"""LevelDB's sorted table, in which TensorFlow keeps the index of a checkpoint.

Blocks of sorted entries, one block that says where those are, and a footer of 48 bytes that says where that one is. A
key is stored as the number of bytes it shares with the one before, and the rest; an entry at a restart shares none. A
byte of compression and a masked CRC-32C follow every block.

Sources: leveldb/doc/table_format.md; tensorflow/tsl (xla), lib/io/format.h and block_builder.cc, the same format.
"""

from collections.abc import Iterator

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.recognition import LEVELDB_MAGIC
from isomorph.tools.checkpoints.tensorflow.crc32c import masked_crc32c
from isomorph.tools.checkpoints.tensorflow.protobuf import varint
from isomorph.tools.checkpoints.wording import shown

_FOOTER = 48
_TRAILER = 5
_LARGEST_BLOCK = 4 << 20  # bytes; TensorFlow ends one after 256 KiB
_COMPRESSIONS = {1: "Snappy", 2: "Zstandard"}


def read_table(file: MappedFile) -> Iterator[tuple[bytes, bytes]]:
    """Yield every key and value of the table that fills `file`, in order, as they are reached.

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


def _entries(file: MappedFile) -> Iterator[tuple[bytes, bytes]]:
    footer = file.read(file.size - _FOOTER, _FOOTER - len(LEVELDB_MAGIC))
    meta_start, meta_size, position = _handle(footer, 0)
    index_start, index_size, position = _handle(footer, position)
    if any(footer[position:]):
        raise ValueError("its footer holds more than two positions")
    if any(_block(file, _contents(file, meta_start, meta_size))):
        raise ValueError("it has filters, which TensorFlow never writes")
    last, end = None, 0
    for separator, value in _block(file, _contents(file, index_start, index_size)):
        start, size, position = _handle(value, 0)
        if position != len(value) or start < end:
            raise ValueError(f"the block up to {shown(separator)} is described as none, or lies in another")
        for key, held in _block(file, _contents(file, start, size)):
            if (last is not None and key <= last) or key > separator:
                raise ValueError(f"the key {shown(key)} is not in its place among the sorted, or stands twice")
            last = key
            yield key, held
        last, end = separator, start + size + _TRAILER


def _handle(data: bytes, position: int) -> tuple[int, int, int]:
    """Return where a block starts, its bytes, and the position after that."""
    start, position = varint(data, position)
    size, position = varint(data, position)
    return start, size, position


def _contents(file: MappedFile, start: int, size: int) -> bytes:
    """Return a block, its checksum verified."""
    if size > _LARGEST_BLOCK:
        raise ValueError(f"a block has {size:,} bytes, at most {_LARGEST_BLOCK:,} were expected")
    if start + size + _TRAILER > file.size - _FOOTER:
        raise ValueError(f"a block of {size:,} bytes at byte {start:,} reaches beyond the {file.size:,} of the file")
    block = file.read(start, size + 1)
    kind, checksum = block[-1], int.from_bytes(file.read(start + size + 1, 4), "little")
    if masked_crc32c(block) != checksum:
        raise ValueError(f"the checksum of the block at byte {start:,} is not that of its bytes")
    if kind:
        raise file.bad(
            f"its block at byte {start:,} is compressed ({_COMPRESSIONS.get(kind, f'type {kind}')}), which TensorFlow "
            "does in no checkpoint and is not read here: save it again"
        )
    return block[:-1]


def _block(file: MappedFile, block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the entries of one block."""
    count = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (count + 1)
    if not count or end < 0:
        raise ValueError(f"a block of {len(block):,} bytes has {count:,} restarts")
    restarts = (int.from_bytes(block[at : at + 4], "little") for at in range(end, len(block) - 4, 4))
    restart, position, key = next(restarts), 0, b""
    if restart:
        raise ValueError("a block's first restart is not its first byte")
    while position < end:
        start = position
        shared, position = varint(block, position)
        unshared, position = varint(block, position)
        size, position = varint(block, position)
        if shared > len(key) or unshared + size > end - position:
            raise ValueError("an entry reaches beyond its block, or shares more of a key than there is")
        if start == restart:
            restart = next(restarts, -1)
            if shared:
                raise ValueError("an entry at a restart shares bytes with the one before")
        file.spend(shared + unshared)  # prefixes could make megabytes out of a few bytes
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + size]
        position += size
    if (end and restart != -1) or next(restarts, None) is not None:
        raise ValueError("a block has a restart where no entry starts")
