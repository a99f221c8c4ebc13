"""TensorFlow checkpoints built by hand, byte by byte, so that each can be wrong in one place."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import ml_dtypes
import numpy as np

from isomorph.tools.checkpoints import protobuf
from isomorph.tools.checkpoints.protobuf import Fixed32
from isomorph.tools.checkpoints.tensorflow.crc32c import masked_crc32c
from isomorph.tools.checkpoints.tensorflow.leveldb_writing import block, closed, footer, handle

from .tensors import Tensors

DTYPES = {
    "float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "complex64": 8, "int64": 9, "bool": 10,
    "bfloat16": 14, "uint16": 17, "complex128": 18, "float16": 19, "uint32": 22, "uint64": 23,
}  # fmt: skip
Entries = list[tuple[bytes, bytes]]


def message(*fields: tuple[int, int | bytes]) -> bytes:
    """A protocol buffer: field 6 is a checksum of fixed width, as in BundleEntryProto; the others have none."""
    return protobuf.message(
        *((n, Fixed32(value) if n == 6 and isinstance(value, int) else value) for n, value in fields)
    )


def shape_of(*sizes: int) -> bytes:
    return message(*((2, message((1, size))) for size in sizes))


def header(shards: int = 1, *more: tuple[int, int | bytes]) -> bytes:
    return message((1, shards), *more, (3, message((1, 1))))


def entry(
    data: bytes, shape: Iterable[int], dtype: int = 1, shard: int = 0, offset: int = 0, *more: tuple[int, int | bytes]
) -> bytes:
    """A sound description of `data`; fields in `more` come after it."""
    return message(
        (1, dtype), (2, shape_of(*shape)), (3, shard), (4, offset), (5, len(data)), (6, masked_crc32c(data)), *more
    )


def table(
    *blocks: Entries | bytes, compression: int = 0, meta: bytes | None = None, index: Entries | None = None
) -> bytes:
    """A table of blocks, each given as its entries or as its bytes; and of another index than is theirs."""
    out, places = b"", []
    for number, one in enumerate(blocks):
        content = one if isinstance(one, bytes) else block(one)
        last = b"\xff" * (number + 1) if isinstance(one, bytes) else one[-1][0]
        places.append((last, handle(len(out), content)))
        out += closed(content, compression)
    handles = b""
    for content in (block([]) if meta is None else meta, block(places if index is None else index, every=1)):
        handles += handle(len(out), content)
        out += closed(content)
    return out + footer(handles)


def write_shards(prefix: Path, tensors: Tensors, shards: int = 1, per_block: int = 7) -> None:
    """A sound checkpoint, its tensors dealt out among the shards."""
    parts = [b""] * shards
    entries: Entries = [(b"", header(shards))]
    for number, name in enumerate(sorted(tensors, key=str.encode)):
        array, shard = tensors[name], number % shards
        data, code = array.tobytes(), DTYPES[array.dtype.name]
        entries.append((name.encode(), entry(data, array.shape, code, shard, len(parts[shard]))))
        parts[shard] += data
    blocks = [entries[start : start + per_block] for start in range(0, len(entries), per_block)]
    write(prefix, table(*blocks), {f"{number:05}-of-{shards:05}": part for number, part in enumerate(parts)})


def write(prefix: Path, index: bytes, shards: Mapping[str, bytes]) -> None:
    prefix.with_name(prefix.name + ".index").write_bytes(index)
    for name, data in shards.items():
        prefix.with_name(f"{prefix.name}.data-{name}").write_bytes(data)


def every_dtype() -> Tensors:
    """A tensor of each dtype, and of no axes, of no elements."""
    made = {name: np.arange(6).reshape(2, 3).astype(name) for name in DTYPES if name != "bfloat16"}
    made["bfloat16"] = np.arange(6).reshape(2, 3).astype(ml_dtypes.bfloat16)
    return made | {"scalar": np.array(3.5, np.float32), "empty": np.zeros((0, 7), np.float32)}
