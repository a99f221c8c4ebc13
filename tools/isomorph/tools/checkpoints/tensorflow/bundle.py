"""TensorFlow's checkpoints since 0.12 (V2, "tensor bundle"): PREFIX.index and PREFIX.data-00000-of-00001, ...

The index is a sorted table: under the empty name the number of shards and their byte order, under each tensor's name
its type, its shape and where in which shard it lies. The shards hold the bytes and nothing else. Every tensor has a
checksum, which is verified here: it costs a tenth of a second for a gigabyte.

Sources: tensorflow/core/protobuf/tensor_bundle.proto, tensorflow/core/util/tensor_bundle/tensor_bundle.cc and
naming.cc, tensorflow/core/framework/types.proto and tensor_shape.proto.
"""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import MappingProxyType

import ml_dtypes
import numpy as np

from isomorph.tools.checkpoints.checkpoint import METADATA, Checkpoint, Tensor
from isomorph.tools.checkpoints.mapped_file import MOST_AXES, MappedFile
from isomorph.tools.checkpoints.tensorflow.crc32c import masked_crc32c_of
from isomorph.tools.checkpoints.tensorflow.leveldb_table import read_table
from isomorph.tools.checkpoints.tensorflow.protobuf import fields, singular
from isomorph.tools.checkpoints.wording import counted, shown

NAME = "TensorFlow checkpoint"

# types.proto, `DataType`
DTYPES = {
    1: np.dtype("<f4"),
    2: np.dtype("<f8"),
    3: np.dtype("<i4"),
    4: np.dtype("u1"),
    5: np.dtype("<i2"),
    6: np.dtype("i1"),
    8: np.dtype("<c8"),
    9: np.dtype("<i8"),
    10: np.dtype("?"),
    14: np.dtype(ml_dtypes.bfloat16),
    17: np.dtype("<u2"),
    18: np.dtype("<c16"),
    19: np.dtype("<f2"),
    22: np.dtype("<u4"),
    23: np.dtype("<u8"),
}
_NO_NUMBERS = {7: "strings", 20: "resources", 21: "variants"}

_HEADER = {1: ("num_shards", int), 2: ("endianness", int), 3: ("version", bytes)}
_ENTRY = {
    1: ("dtype", int),
    2: ("shape", bytes),
    3: ("shard_id", int),
    4: ("offset", int),
    5: ("size", int),
    6: ("crc32c", int),
}
_SLICES = 7
_DIM, _UNKNOWN_RANK = 2, 3
_PRODUCER, _MIN_CONSUMER, _BAD_CONSUMERS = 1, 2, 3  # versions.proto
VERSION = 1  # tensor_bundle.cc, `kTensorBundleVersion`: what readers of today are

OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_COST = 1024  # bytes of Python objects for one tensor


def is_name(name: str) -> bool:
    """Tell whether a tensor may have this name: the empty one is the header's, and variables have no others such."""
    return bool(name) and name.isprintable() and ".." not in name


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    dtype: np.dtype
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc32c: int


def read(file: MappedFile) -> Checkpoint:
    """Read the checkpoint whose index is `file`. Raises BadInput if it or a shard is damaged or not of numbers."""
    if file.path.suffix != ".index":
        raise file.bad(
            "it ends as a table of TensorFlow's, but is not called .index: give it the name back with which it was "
            "saved, or, if it is of the first format (V1), save it again with tf.compat.v1.train.Saver"
        )
    table = read_table(file)
    key, value = next(table, (None, b""))
    if key != b"":
        raise file.damaged(f"its first entry is {shown(key)}, a header under the empty name was expected")
    shards = _header(file, value)
    entries = [_entry(file, key, value, shards) for key, value in table]
    if not entries:
        raise file.bad("it holds no tensors, at least one was expected: is it the right file?")
    prefix = file.path.name.removesuffix(".index")
    # The first that is not there ends this, however many the header claims.
    paths = (file.path.with_name(f"{prefix}.data-{number:05}-of-{shards:05}") for number in range(shards))
    mapped = [_shard(file, path) for path in paths]
    _check_places(file, entries, mapped)
    tensors = {entry.name: _tensor(entry, mapped[entry.shard]) for entry in entries}
    metadata = _metadata(file, tensors.pop(METADATA, None))
    held_in = tuple(shard.path for shard in mapped)
    return Checkpoint(file.path, NAME, MappingProxyType(tensors), MappingProxyType(metadata), shards=held_in)


def _metadata(file: MappedFile, note: Tensor | None) -> dict[str, str]:
    """Return the metadata in the tensor of bytes that isomorph adds, as TensorFlow has no place for a text."""
    if note is None:
        return {}
    if note.dtype != np.uint8:
        raise file.bad(f"its {METADATA} is {note.dtype}, a text as uint8 was expected")
    try:
        return {METADATA: note.tobytes().decode()}
    except UnicodeDecodeError:
        raise file.damaged(f"its {METADATA} is no text in UTF-8") from None


def _header(file: MappedFile, message: bytes) -> int:
    """Return the number of shards."""
    try:
        header = singular(message, _HEADER)
        version = header.get("version", b"")
        assert isinstance(version, bytes)
        oldest_reader = max((value for number, value in fields(version) if number == _MIN_CONSUMER), default=0)
        if any(number == _PRODUCER and value not in range(1 << 31) for number, value in fields(version)):
            raise ValueError("it was written by a negative version")
        if any(number == _BAD_CONSUMERS for number, _ in fields(version)):
            raise ValueError("it names readers that must not read it")
    except (ValueError, TypeError) as problem:
        raise file.damaged(f"its header cannot be read: {problem}") from None
    if header.get("endianness", 0) != 0:
        raise file.bad("its numbers are big-endian, little-endian was expected: save it on a little-endian machine")
    if not isinstance(oldest_reader, int) or oldest_reader > VERSION:
        raise file.bad(f"it asks for readers of version {shown(oldest_reader)}, {VERSION} is read here")
    shards = header.get("num_shards", 0)
    assert isinstance(shards, int)
    if not 1 <= shards < 1 << 31:
        raise file.damaged(f"its header counts {shown(shards)} shards, at least one was expected")
    return shards


def _entry(file: MappedFile, key: bytes, message: bytes, shards: int) -> _Entry:
    """Return one tensor's description."""
    file.spend(_COST)
    try:
        name = key.decode()
    except UnicodeDecodeError:
        name = ""
    if not is_name(name):
        raise file.bad(f"it names a tensor {shown(key)}, printable text without '..' was expected")
    try:
        if any(number == _SLICES for number, _ in fields(message)):
            raise file.bad(
                f"its tensor {shown(name)} is saved in slices, whole ones were expected: save it without a partitioner"
            )
        entry = singular(message, _ENTRY)
        shape = _shape(entry.pop("shape", b""))
    except (ValueError, TypeError) as problem:
        raise file.damaged(f"its entry for {shown(name)} cannot be read: {problem}") from None
    numbers = {field: value for field, value in entry.items() if isinstance(value, int)}
    code, shard = numbers.get("dtype", 0), numbers.get("shard_id", 0)
    if name == OBJECT_GRAPH:
        raise file.bad(
            "it was saved by tf.train.Checkpoint, under the names of Python's attributes, names of variables were "
            "expected: save it with tf.compat.v1.train.Saver, or with Keras as .keras or .weights.h5"
        )
    if code not in DTYPES:
        raise file.bad(
            f"its tensor {shown(name)} holds {_NO_NUMBERS.get(code, f'TensorFlow type {shown(code)}')}, one of "
            f"{', '.join(dtype.name for dtype in DTYPES.values())} was expected"
        )
    if shard >= shards:
        raise file.damaged(f"its tensor {shown(name)} is in shard {shown(shard)}, of which there are {shards:,}")
    dtype, size = DTYPES[code], numbers.get("size", 0)
    if size != prod(shape) * dtype.itemsize:
        raise file.damaged(
            f"its tensor {shown(name)} of shape {shown(shape)} and {dtype} has {shown(size)} bytes, "
            f"{shown(prod(shape) * dtype.itemsize)} were expected"
        )
    return _Entry(name, dtype, shape, shard, numbers.get("offset", 0), size, numbers.get("crc32c", 0))


def _shape(message: object) -> tuple[int, ...]:
    """Return the sizes in a `TensorShapeProto`. Raises ValueError where one is unknown."""
    assert isinstance(message, bytes)
    sizes: list[int] = []
    for number, value in fields(message):
        if number == _UNKNOWN_RANK and value == 0:
            continue
        if number != _DIM or not isinstance(value, bytes):
            raise ValueError("its shape is unknown")
        size = singular(value, {1: ("size", int), 2: ("name", bytes)}).get("size", 0)
        if not isinstance(size, int) or size >= 1 << 63:
            raise ValueError("an axis has a negative size")
        sizes.append(size)
        if len(sizes) > MOST_AXES:
            raise ValueError(f"it has more than {MOST_AXES} axes")
    return tuple(sizes)


def _shard(index: MappedFile, path: Path) -> MappedFile:
    try:
        there = path.exists()
    except OSError:
        there = False
    if not there:
        raise index.bad(f"its shard {path.name} was expected beside it, and is not there: fetch that, too")
    return MappedFile(path)


def _check_places(index: MappedFile, entries: list[_Entry], shards: list[MappedFile]) -> None:
    """Raise BadInput unless every tensor has bytes of its own, inside its shard."""
    ends = [0] * len(shards)
    for entry in sorted(entries, key=lambda entry: (entry.shard, entry.offset, entry.size)):
        shard, end = shards[entry.shard], entry.offset + entry.size
        if end > shard.size:
            raise shard.bad(
                f"it has {counted(shard.size, 'byte')}, but {shown(entry.name)} ends at byte {shown(end)}: it was cut "
                "short, or is not the one of this index; fetch both again"
            )
        if entry.offset < ends[entry.shard]:
            raise index.damaged(f"its tensor {shown(entry.name)} overlaps the one before it in the shard")
        ends[entry.shard] = end


def _tensor(entry: _Entry, shard: MappedFile) -> Tensor:
    if masked_crc32c_of(shard, entry.offset, entry.size) != entry.crc32c:
        raise shard.damaged(f"the checksum of its tensor {shown(entry.name)} is not that of its bytes")
    return shard.array(entry.name, entry.dtype, entry.shape, entry.offset)
