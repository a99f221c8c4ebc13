"""TensorFlow's checkpoints since 0.12 (V2, "tensor bundle"): PREFIX.index and PREFIX.data-00000-of-00001, ...

The index is a sorted table: under the empty name the number of shards and their byte order, under each tensor's name
its type, its shape and where in which shard it lies. The shards hold the bytes and nothing else. Every tensor has a
checksum, which is verified here: it costs a tenth of a second for a gigabyte.

Sources: tensorflow/core/protobuf/tensor_bundle.proto, tensorflow/core/util/tensor_bundle/tensor_bundle.cc and
naming.cc.
"""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import MappingProxyType

import numpy as np

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints.checkpoint import METADATA, Checkpoint, Tensor
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.tensorflow.crc32c import masked_crc32c_of
from isomorph.tools.checkpoints.tensorflow.framework import check_version, dtype_of, name_of, shape_of
from isomorph.tools.checkpoints.tensorflow.leveldb_table import read_table
from isomorph.tools.checkpoints.tensorflow.protobuf import Message, fields
from isomorph.tools.checkpoints.wording import counted, shown

NAME = "TensorFlow checkpoint"

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
VERSION = 1  # tensor_bundle.cc, `kTensorBundleVersion`: what readers of today are

OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_COST = 1024  # bytes of Python objects for one tensor
_LARGEST_MESSAGE = 1 << 16  # bytes: a hundred times what a tensor of sixteen axes takes


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
            "it is the index of a TensorFlow checkpoint, but is not called .index: give it the name back with which it "
            "was saved"
        )
    table = read_table(file)
    key, place = next(table, (None, slice(0, 0)))
    if key != b"":
        raise file.damaged(f"its first entry is {shown(key)}, a header under the empty name was expected")
    shards = _header(file, _message(file, key, place))
    entries = [_entry(file, key, _message(file, key, place), shards) for key, place in table]
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


def _message(file: MappedFile, key: bytes, place: slice) -> bytes:
    """Return the message of an entry."""
    if place.stop - place.start > _LARGEST_MESSAGE:
        raise file.damaged(
            f"its entry for {shown(key)} has {place.stop - place.start:,} bytes, at most {_LARGEST_MESSAGE:,} were "
            "expected"
        )
    return file[place]


def _header(file: MappedFile, message: bytes) -> int:
    """Return the number of shards."""
    try:
        header = Message.of(message, _HEADER)
        check_version(file, header.raw("version"), VERSION)
    except ValueError as problem:
        raise file.damaged(f"its header cannot be read: {problem}") from None
    if header.number("endianness"):
        raise file.bad("its numbers are big-endian, little-endian was expected: save it on a little-endian machine")
    shards = header.number("num_shards")
    if not 1 <= shards < 1 << 31:
        raise file.damaged(f"its header counts {shown(shards)} shards, at least one was expected")
    return shards


def _entry(file: MappedFile, key: bytes, message: bytes, shards: int) -> _Entry:
    """Return one tensor's description."""
    file.spend(_COST)
    name = name_of(file, key)
    try:
        if any(number == _SLICES for number, _ in fields(message)):
            raise file.bad(
                f"its tensor {shown(name)} is saved in slices, whole ones were expected: save it without a partitioner"
            )
        entry = Message.of(message, _ENTRY)
        shape = shape_of(entry.raw("shape"))
    except BadInput:
        raise
    except ValueError as problem:
        raise file.damaged(f"its entry for {shown(name)} cannot be read: {problem}") from None
    code, shard = entry.number("dtype"), entry.number("shard_id")
    if name == OBJECT_GRAPH:
        raise file.bad(
            "it was saved by tf.train.Checkpoint, under the names of Python's attributes, names of variables were "
            "expected: save it with tf.compat.v1.train.Saver, or with Keras as .keras or .weights.h5"
        )
    if shard >= shards:
        raise file.damaged(f"its tensor {shown(name)} is in shard {shown(shard)}, of which there are {shards:,}")
    dtype, size = dtype_of(file, name, code), entry.number("size")
    if size != prod(shape) * dtype.itemsize:
        raise file.damaged(
            f"its tensor {shown(name)} of shape {shown(shape)} and {dtype} has {shown(size)} bytes, "
            f"{shown(prod(shape) * dtype.itemsize)} were expected"
        )
    return _Entry(name, dtype, shape, shard, entry.number("offset"), size, entry.number("crc32c"))


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
