"""TensorFlow's checkpoints since 0.12 (V2, "tensor bundle"): PREFIX.index and PREFIX.data-00000-of-00001, ...

The index is a sorted table: under the empty name the number of shards and their byte order, under each tensor's name
its type, its shape and where in which shard it lies. The shards hold the bytes and nothing else. Every tensor has a
checksum, which is verified here: it costs a tenth of a second for a gigabyte.

What `tf.train.Checkpoint` saves, as Keras 2 and a SavedModel do, holds a graph of Python's objects besides, from which
tensors have their variables' names; what is no network's is left out.

Sources: tensorflow/core/protobuf/tensor_bundle.proto, tensorflow/core/util/tensor_bundle/tensor_bundle.cc and
naming.cc.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import MappingProxyType

import numpy as np

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints.checkpoint import METADATA, Checkpoint, Tensor
from isomorph.tools.checkpoints.mapped_file import MappedFile, mapped_beside
from isomorph.tools.checkpoints.protobuf import Message, fields
from isomorph.tools.checkpoints.tensorflow.crc32c import masked_crc32c_of
from isomorph.tools.checkpoints.tensorflow.framework import (
    STRING,
    check_version,
    dtype_of,
    is_name,
    name_of,
    shape_of,
)
from isomorph.tools.checkpoints.tensorflow.leveldb_table import read_table
from isomorph.tools.checkpoints.tensorflow.object_graph import network_tensors, path_of
from isomorph.tools.checkpoints.tensorflow.string_tensors import only_string
from isomorph.tools.checkpoints.wording import counted, shown

NAME = "TensorFlow checkpoint"
OBJECTS_NAME = "TensorFlow object checkpoint"

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
    """What the index says of a tensor; one without a dtype holds strings."""

    name: str
    dtype: np.dtype | None
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
    listed = (_entry(file, key, _message(file, key, place), shards) for key, place in table)
    entries = {entry.name: entry for entry in listed}
    if not entries:
        raise file.bad("it holds no tensors, at least one was expected: is it the right file?")
    prefix = file.path.name.removesuffix(".index")
    # The first that is not there ends this, however many the header claims.
    paths = (file.path.with_name(f"{prefix}.data-{number:05}-of-{shards:05}") for number in range(shards))
    mapped = [_shard(file, path) for path in paths]
    _check_places(file, list(entries.values()), mapped)
    graph = entries.pop(OBJECT_GRAPH, None)
    names = dict(zip(entries, entries, strict=True)) if graph is None else _names(file, graph, entries, mapped)
    tensors = {name: _tensor(file, entries[key], mapped[entries[key].shard]) for key, name in names.items()}
    metadata = _metadata(file, tensors.pop(METADATA, None))
    return Checkpoint(
        path=file.path,
        format=NAME if graph is None else OBJECTS_NAME,
        tensors=MappingProxyType(tensors),
        metadata=MappingProxyType(metadata),
        left_out=tuple(path_of(key) for key in entries if key not in names),
        shards=tuple(shard.path for shard in mapped),
    )


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
    if shard >= shards:
        raise file.damaged(f"its tensor {shown(name)} is in shard {shown(shard)}, of which there are {shards:,}")
    dtype, size = None if code == STRING else dtype_of(file, name, code), entry.number("size")
    if dtype and size != prod(shape) * dtype.itemsize:
        raise file.damaged(
            f"its tensor {shown(name)} of shape {shown(shape)} and {dtype} has {shown(size)} bytes, "
            f"{shown(prod(shape) * dtype.itemsize)} were expected"
        )
    return _Entry(name, dtype, shape, shard, entry.number("offset"), size, entry.number("crc32c"))


def _shard(index: MappedFile, path: Path) -> MappedFile:
    missing = f"its shard {path.name} was expected beside it, and is not there: fetch that, too"
    return mapped_beside(index, path, missing)


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


def _names(index: MappedFile, graph: _Entry, entries: Mapping[str, _Entry], shards: list[MappedFile]) -> dict[str, str]:
    """Return key -> name of the tensors that the graph of objects says are a network's, in its order."""
    shard = shards[graph.shard]
    try:
        if graph.dtype is not None or graph.shape:
            raise ValueError("it is no single string")
        names = network_tensors(shard, only_string(shard, graph.offset, graph.size, graph.crc32c))
    except BadInput:
        raise
    except ValueError as problem:
        raise shard.damaged(f"its graph of objects cannot be read: {problem}") from None
    if missing := [key for key in names if key not in entries]:
        raise index.damaged(f"its graph of objects names {shown(missing[0])}, which it does not hold")
    if unnameable := [name for name in names.values() if name and not is_name(name)]:
        raise index.bad(f"its graph of objects calls a tensor {shown(unnameable[0])}, printable text was expected")
    entries = {key: entries[key] for key in names if entries[key].dtype}
    if not entries:
        raise index.bad("its graph of objects has no variables of a network, some were expected: was the model saved?")
    return _told_apart(index, entries, names)


def _told_apart(index: MappedFile, entries: Mapping[str, _Entry], names: Mapping[str, str]) -> dict[str, str]:
    """Return key -> name where no two have the same: of one that is saved twice, as `Model.export` does, the first.

    Tensors without a name, or that share it with a different one, are called by the way that leads to them.
    """
    alike: dict[str, dict[object, str]] = {}  # by name and content, the first key
    for key, entry in entries.items():
        name = names[key] or path_of(key)
        alike.setdefault(name, {}).setdefault((entry.dtype, entry.shape, entry.crc32c), key)
    called = {key: name if len(keys) == 1 else path_of(key) for name, keys in alike.items() for key in keys.values()}
    if len(set(called.values())) < len(called):
        raise index.damaged(
            "a variable has the name of the way that leads to another, names of their own were expected"
        )
    return {key: called[key] for key in entries if key in called}


def _tensor(index: MappedFile, entry: _Entry, shard: MappedFile) -> Tensor:
    dtype = entry.dtype or dtype_of(index, entry.name, STRING)  # which refuses strings
    if masked_crc32c_of(shard, entry.offset, entry.size) != entry.crc32c:
        raise shard.damaged(f"the checksum of its tensor {shown(entry.name)} is not that of its bytes")
    return shard.array(entry.name, dtype, entry.shape, entry.offset)
