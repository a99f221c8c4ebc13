"""TensorFlow's first checkpoints (V1: until 0.12, or `Saver(write_version=1)`): a single file, as slim's of 2016 are.

The file is a sorted table. Under the empty name stands which tensors there are: name, dtype and shape of each, and the
slices in which it is saved, one of all of it unless the variable was partitioned. Under a key of its name and its place
stands every slice, as a protocol buffer of its values. A sharded checkpoint is several such files,
PREFIX-00000-of-00002 and so on, each of which says what it holds.

Floats are views of the file; whole numbers, which take as many bytes as they need, are decoded.

Sources: tensorflow/core/util/saved_tensor_slice.proto, tensor_slice_writer.cc (`Finish`), tensor_slice_reader.cc
(`LoadShard`) and tensor_slice_reader.h (`CopySliceData`); tensorflow/core/framework/tensor_slice.proto.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from types import MappingProxyType

import numpy as np

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints.checkpoint import Checkpoint, Tensor
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.protobuf import Message
from isomorph.tools.checkpoints.slices import joined
from isomorph.tools.checkpoints.tensorflow.framework import check_version, dtype_of, name_of, shape_of
from isomorph.tools.checkpoints.tensorflow.leveldb_table import read_table
from isomorph.tools.checkpoints.tensorflow.ordered_code import FULL, Extent, key_of_slice
from isomorph.tools.checkpoints.tensorflow.packed_values import values_of
from isomorph.tools.checkpoints.wording import shown

NAME = "TensorFlow checkpoint (V1)"

_VERSION = 1  # tensorflow/core/public/version.h, `TF_CHECKPOINT_VERSION`
_SHARD = re.compile(r"(?P<prefix>.+)-\d{5}-of-(?P<count>\d{5})", re.DOTALL)  # training/saver.py, `sharded_filename`
_COST = 1024  # bytes of Python objects for one tensor or one entry
_LARGEST_LIST = 4 << 20  # bytes: ten times what the deepest networks take
_LARGEST_SLICE = 1 << 10  # bytes: twice what sixteen axes take

_LIST_ENTRY, _SLICE_ENTRY = {1: ("meta", bytes)}, {2: ("data", bytes)}  # SavedTensorSlices
_LIST = {1: ("tensor", list), 2: ("versions", bytes)}  # SavedTensorSliceMeta
_TENSOR = {1: ("name", bytes), 2: ("shape", bytes), 3: ("type", int), 4: ("slice", list)}  # SavedSliceMeta
_SLICE = {1: ("name", bytes), 2: ("slice", bytes), 3: ("data", bytes)}  # SavedSlice
_EXTENT = {1: ("start", int), 2: ("length", int)}  # TensorSliceProto.Extent


@dataclass(frozen=True, slots=True)
class _Slice:
    """A slice of a tensor: where it is in the tensor, and where in which file its entry is."""

    extents: tuple[Extent, ...]
    file: MappedFile
    entry: slice

    def within(self, shape: tuple[int, ...]) -> tuple[slice, ...]:
        """Return its place in the tensor as NumPy has it."""
        return tuple(
            slice(0, size) if length == FULL else slice(start, start + length)
            for (start, length), size in zip(self.extents, shape, strict=True)
        )


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A tensor as it is listed."""

    dtype: np.dtype
    shape: tuple[int, ...]
    slices: list[_Slice] = field(default_factory=list)


def read(file: MappedFile) -> Checkpoint:
    """Read the checkpoint that `file` is, or is a shard of. Raises BadInput if it is damaged or not of numbers."""
    files = [file, *(MappedFile(path) for path in _other_shards(file))]
    tensors: dict[str, _Tensor] = {}
    for shard in files:
        _add_listed(shard, tensors)
    if not tensors:
        raise file.bad("it holds no tensors, at least one was expected: is it the right file?")
    arrays = {name: _array(file, name, tensor) for name, tensor in tensors.items()}
    shards = tuple(shard.path for shard in files[1:])
    return Checkpoint(file.path, NAME, MappingProxyType(arrays), MappingProxyType({}), shards=shards)


def _other_shards(file: MappedFile) -> Iterator[Path]:
    """Yield the other shards of the checkpoint, if there are any. Raises BadInput at the first that is missing."""
    shard = _SHARD.fullmatch(file.path.name)
    if shard is None:
        return
    for number in range(int(shard["count"])):
        path = file.path.with_name(f"{shard['prefix']}-{number:05}-of-{shard['count']}")
        if not path.exists():
            raise file.bad(f"its shard {path.name} was expected beside it, and is not there: fetch that, too")
        if path.name != file.path.name:
            yield path


def _add_listed(file: MappedFile, tensors: dict[str, _Tensor]) -> None:
    """Add the tensors that a file lists, and their slices in it. Raises BadInput where it holds others."""
    table = read_table(file)
    key, place = next(table, (None, slice(0, 0)))
    if key != b"":
        raise file.damaged(f"its first entry is {shown(key)}, a list of its tensors under the empty name was expected")
    if (size := place.stop - place.start) > _LARGEST_LIST:
        raise file.damaged(f"the list of its tensors has {size:,} bytes, at most {_LARGEST_LIST:,} were expected")
    entries = {}
    for key, entry in table:
        file.spend(_COST)
        entries[key] = entry
    try:
        listed = Message(file, Message(file, place, _LIST_ENTRY).place("meta"), _LIST)
        check_version(file, listed.raw("versions"), _VERSION)
        for described in listed.each("tensor"):
            _add_tensor(file, described, entries, tensors)
    except BadInput:
        raise
    except ValueError as problem:
        raise file.damaged(f"the list of its tensors cannot be read: {problem}") from None
    if entries:
        raise file.damaged(f"it has an entry {shown(next(iter(entries)))}, which is a slice of no tensor in its list")


def _add_tensor(file: MappedFile, described: bytes, entries: dict[bytes, slice], tensors: dict[str, _Tensor]) -> None:
    """Add a tensor of the list, or its slices to those in other files; their entries are taken from `entries`."""
    file.spend(_COST)
    message = Message.of(described, _TENSOR)
    name, shape = name_of(file, message.raw("name")), shape_of(message.raw("shape"))
    dtype = dtype_of(file, name, message.number("type"))
    tensor = tensors.setdefault(name, _Tensor(dtype, shape))
    if (tensor.dtype, tensor.shape) != (dtype, shape):
        raise ValueError(f"its tensor {shown(name)} is described in two ways")
    for part in message.each("slice"):
        extents = _extents(part, shape)
        entry = entries.pop(key_of_slice(name, extents), None)
        if entry is None:
            raise ValueError(f"it names a slice of the tensor {shown(name)} that is not there, or names it twice")
        tensor.slices.append(_Slice(extents, file, entry))


def _extents(message: bytes, shape: tuple[int, ...]) -> tuple[Extent, ...]:
    """Return the extents in a `TensorSliceProto`. Raises ValueError where they are not inside the shape."""
    if len(message) > _LARGEST_SLICE:
        raise ValueError(f"a slice is described by {len(message):,} bytes, at most {_LARGEST_SLICE:,} were expected")
    extents = []
    for part in Message.of(message, {1: ("extent", list)}).each("extent"):
        extent = Message.of(part, _EXTENT)
        extents.append((extent.number("start"), extent.number("length") if extent.has("length") else FULL))
    if len(extents) != len(shape):
        raise ValueError(f"a slice of a tensor of {len(shape)} axes has another number of them")
    for (start, length), size in zip(extents, shape, strict=True):
        if start + (0 if length == FULL else length) > size or (length == FULL and start):
            raise ValueError(f"a slice reaches beyond its tensor of shape {shown(shape)}")
    return tuple(extents)


def _array(file: MappedFile, name: str, tensor: _Tensor) -> Tensor:
    """Return a tensor, a view of its file where one slice has all of it. Raises BadInput where slices do not fit."""
    try:
        return joined(
            file, tensor.shape, [(part.within(tensor.shape), _values(part, name, tensor)) for part in tensor.slices]
        )
    except BadInput:
        raise
    except ValueError as problem:
        raise file.damaged(f"its tensor {shown(name)} cannot be read: {problem}") from None


def _values(part: _Slice, name: str, tensor: _Tensor) -> Tensor:
    """Return the values of a slice in its shape. Raises ValueError where its entry holds another's."""
    entry = Message(part.file, part.entry, _SLICE_ENTRY)
    message = Message(part.file, entry.place("data"), _SLICE)
    if message.raw("name") != name.encode() or _extents(message.raw("slice"), tensor.shape) != part.extents:
        raise ValueError("the entry of a slice is of another one")
    shape = tuple(place.stop - place.start for place in part.within(tensor.shape))
    return values_of(part.file, name, message.place("data"), tensor.dtype, prod(shape)).reshape(shape)
