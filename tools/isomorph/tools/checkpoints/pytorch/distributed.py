"""torch.distributed.checkpoint's folder: `.metadata`, a pickle, and `__0_0.distcp`, ..., which hold the tensors.

The pickle lists every tensor under the keys that lead to it, joined by dots, with its dtype, its shape, the chunks that
ranks saved of it, and where in which file each is. There it stands as `torch.save` writes a tensor: a file is many such
zip archives, one after the other. What is no tensor is left out. The keys that were joined are in the pickle, too, so
that a network under "model" is found as in PyTorch's other files.

Sources: torch/distributed/checkpoint/metadata.py, filesystem.py (`_StorageInfo`, `_write_item`) and
default_planner.py (`planner_data`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import MappingProxyType

import numpy as np

from isomorph.backends.dtypes import as_dtype
from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints.checkpoint import Checkpoint, Tensor
from isomorph.tools.checkpoints.mapped_file import MappedFile, mapped_beside
from isomorph.tools.checkpoints.pickles.machine import unpickle_all
from isomorph.tools.checkpoints.pickles.state_dicts import StateDict, checkpoint_in, without_prefixes
from isomorph.tools.checkpoints.pickles.values import OPAQUE, ByNew, Constructor, Entries, Global, Named, Stateful
from isomorph.tools.checkpoints.pytorch.objects import DTYPES, TensorRef, size_of, sizes_of
from isomorph.tools.checkpoints.pytorch.zip import saved_in
from isomorph.tools.checkpoints.recognition import DISTRIBUTED_METADATA
from isomorph.tools.checkpoints.slices import joined
from isomorph.tools.checkpoints.wording import shown

NAME = "PyTorch distributed checkpoint"

_DEEPEST = 16  # keys that lead to a tensor
_COST = 1024  # bytes of Python objects for one tensor or chunk
_PROPERTIES, _OF_PROPERTIES = "TensorProperties", 5  # which have no names, but stand in turn
_METADATA = "torch.distributed.checkpoint.metadata."


class _Record(Stateful):
    """An object of the metadata: its class, and its fields. But for an index it is no key of a dictionary."""

    __slots__ = ("fields", "kind")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.fields: Entries | tuple[object, ...] | None = None

    def set_state(self, state: object) -> None:
        """Take the fields, once: by name, but five in turn of a tensor's properties."""
        is_tuple = isinstance(state, tuple) and len(state) == _OF_PROPERTIES
        known = is_tuple if self.kind == _PROPERTIES else isinstance(state, Entries)
        if self.fields is not None or not isinstance(state, Entries | tuple) or not known:
            raise ValueError(f"a {self.kind} is described in an unknown way")
        self.fields = state

    def field(self, name: str) -> object:
        """Return a field, or None where it is not there."""
        return self.fields.get(name) if isinstance(self.fields, Entries) else None


class _Index(_Record, Named):
    """The key under which it says where a chunk is."""

    __slots__ = ()

    def key(self) -> str:
        """Return the tensor's name and where the chunk starts in it."""
        name, offset = self.field("fqn"), self.field("offset")
        if not isinstance(name, str):
            raise ValueError("the place of a chunk is of no tensor")
        return _key(name, sizes_of(offset)) if offset is not None else name


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A part of a tensor: where it starts in the tensor, its sizes, and where its archive is."""

    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    file: str
    start: int
    length: int

    @property
    def place(self) -> tuple[slice, ...]:
        """Where it is in the tensor."""
        return tuple(slice(start, start + size) for start, size in zip(self.offsets, self.sizes, strict=True))


@dataclass(frozen=True, slots=True)
class _Described:
    """A tensor as the metadata describes it."""

    dtype: np.dtype
    shape: tuple[int, ...]
    chunks: tuple[_Chunk, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of its elements."""
        return prod(self.shape) * self.dtype.itemsize


def read(folder: Path) -> Checkpoint:
    """Read the checkpoint in `folder`. Raises BadInput where a file is damaged or missing, or would run code."""
    file = MappedFile(folder / DISTRIBUTED_METADATA)
    value = unpickle_all(file, 0, file.size, _NAMES)
    try:
        nested = _nested(file, value)
        names = _files(nested)
    except ValueError as problem:
        raise file.damaged(f"it cannot be read: {problem}") from None
    shards = {name: _shard(file, folder / name) for name in names}
    whole = file.size + sum(shard.size for shard in shards.values())

    def made(found: StateDict[_Described]) -> Checkpoint:
        described, prefixes = without_prefixes(found.tensors)
        tensors = {name: _tensor(file, name, one, shards) for name, one in described.items()}
        return Checkpoint(
            path=file.path,
            format=NAME,
            tensors=MappingProxyType(tensors),
            metadata=MappingProxyType({}),
            unwrapped=found.unwrapped + prefixes,
            left_out=found.left_out,
            shards=tuple(shard.path for shard in shards.values()),
        )

    return checkpoint_in(file, nested, "tensor", _described, made, whole)


def _described(entry: object) -> _Described | None:
    return entry if isinstance(entry, _Described) else None


def _key(name: str, offsets: tuple[int, ...]) -> str:
    return f"{name}\0{offsets}"


def _nested(file: MappedFile, value: object) -> Entries:
    """Return the dictionary that was saved, with descriptions for tensors. Raises ValueError where there is none."""
    if not isinstance(value, _Record) or value.kind != "Metadata":
        raise ValueError(f"it holds {shown(value)}, the metadata of a checkpoint was expected")
    listed, places, paths = (value.field(name) for name in ("state_dict_metadata", "storage_data", "planner_data"))
    if not isinstance(listed, Entries) or not isinstance(places, Entries) or listed.strangers or places.strangers:
        raise ValueError("it does not list tensors by name, and where they are")
    about = value.field("storage_meta")
    if about is not None and not (isinstance(about, _Record) and about.kind == "StorageMeta"):
        raise ValueError(f"it says of its storage {shown(about)}, a description was expected")
    root = Entries()
    for name, entry in listed.items():
        file.spend(_COST)
        path = paths.get(name) if isinstance(paths, Entries) else None
        if (
            not isinstance(path, tuple)
            or not 0 < len(path) <= _DEEPEST
            or not all(isinstance(key, str) for key in path)
        ):
            path = (name,)
        level = root
        for key in path[:-1]:
            inner = level.get(key)
            if inner is None:
                inner = level[key] = Entries()
            if not isinstance(inner, Entries):
                raise ValueError(f"{shown(key)} is both a tensor and a dictionary of them")
            level = inner
        is_tensor = isinstance(entry, _Record) and entry.kind == "TensorStorageMetadata"
        level.add(path[-1], _description(file, name, entry, places) if is_tensor else OPAQUE)
    return root


def _description(file: MappedFile, name: str, entry: object, places: Entries) -> _Described:
    """Return a tensor's description. Raises ValueError where it is none."""
    assert isinstance(entry, _Record)
    properties, chunks = entry.field("properties"), entry.field("chunks")
    match properties:
        case _Record(kind=str(kind), fields=(Global() as dtype, _, _, _Record(kind="_MEM_FORMAT_ENCODING"), _)) if (
            kind == _PROPERTIES and str(dtype) in DTYPES
        ):
            pass
        case _:
            raise ValueError(f"the tensor {shown(name)} has no dtype that NumPy can hold")
    if not isinstance(chunks, list) or not chunks:
        raise ValueError(f"the tensor {shown(name)} has no chunks")
    return _Described(
        as_dtype(DTYPES[str(dtype)]),
        sizes_of(entry.field("size")),
        tuple(_chunk(file, name, one, places) for one in chunks),
    )


def _chunk(file: MappedFile, name: str, entry: object, places: Entries) -> _Chunk:
    file.spend(_COST)
    if not isinstance(entry, _Record):
        raise ValueError(f"a chunk of the tensor {shown(name)} is {shown(entry)}")
    offsets, sizes = sizes_of(entry.field("offsets")), sizes_of(entry.field("sizes"))
    info = places.get(_key(name, offsets))
    if not isinstance(info, _Record) or len(offsets) != len(sizes):
        raise ValueError(f"it does not say where the chunk at {shown(offsets)} of the tensor {shown(name)} is")
    if info.field("transform_descriptors"):
        raise ValueError(f"the tensor {shown(name)} is compressed or encrypted, plain ones are read here")
    shard = info.field("relative_path")
    if (
        not isinstance(shard, str)
        or not shard.isprintable()
        or shard in ("", ".", "..")
        or "/" in shard
        or "\\" in shard
    ):
        raise ValueError(f"the tensor {shown(name)} is in {shown(shard)}, a file beside it was expected")
    return _Chunk(offsets, sizes, shard, size_of(info.field("offset")), size_of(info.field("length")))


def _files(nested: Entries) -> dict[str, None]:
    """Return the names of the files that chunks are in, in order."""
    names: dict[str, None] = {}
    ahead: list[object] = [nested]
    while ahead:
        entry = ahead.pop()
        if isinstance(entry, Entries):
            ahead += reversed(entry.values())
        elif isinstance(entry, _Described):
            names |= dict.fromkeys(chunk.file for chunk in entry.chunks)
    return names


def _shard(file: MappedFile, path: Path) -> MappedFile:
    missing = f"its tensors are in {shown(path.name)}, which was expected beside it: fetch that, too"
    return mapped_beside(file, path, missing)


def _tensor(file: MappedFile, name: str, described: _Described, shards: Mapping[str, MappedFile]) -> Tensor:
    """Return a tensor, put together from its chunks. Raises BadInput where they are not as they are described."""
    try:
        parts = [(chunk.place, _values(name, described, chunk, shards[chunk.file])) for chunk in described.chunks]
        return joined(file, described.shape, parts)
    except BadInput:
        raise
    except ValueError as problem:
        raise file.damaged(f"its tensor {shown(name)} cannot be read: {problem}") from None


def _values(name: str, described: _Described, chunk: _Chunk, shard: MappedFile) -> Tensor:
    """Return the values of a chunk. Raises ValueError where there are others."""
    if len(chunk.offsets) != len(described.shape) or any(
        place.stop > size for place, size in zip(chunk.place, described.shape, strict=True)
    ):
        raise ValueError(f"a chunk reaches beyond its shape {shown(described.shape)}")
    archive = shard.part(chunk.start, chunk.length)
    ref, records = saved_in(archive)
    if not isinstance(ref, TensorRef) or (ref.dtype, ref.shape) != (described.dtype, chunk.sizes):
        raise ValueError(
            f"a chunk of shape {shown(chunk.sizes)} and {described.dtype} was expected in {shard.path.name}"
        )
    return ref.array(archive, name, records[f"data/{ref.storage.key}"].start)


def _made(kind: str, record: type[_Record] = _Record) -> Constructor:
    def make(arguments: tuple[object, ...]) -> object:
        if arguments:
            raise ValueError(f"a {kind} is made in an unknown way")
        return record(kind)

    return ByNew(make)


def _size(arguments: tuple[object, ...]) -> object:
    match arguments:
        case (tuple() as sizes,):
            return sizes
        case _:
            raise ValueError("a shape is made in an unknown way")


def _memory_format(arguments: tuple[object, ...]) -> object:
    match arguments:
        case (0 | 1 | 2,):
            return _Record("_MEM_FORMAT_ENCODING")
        case _:
            raise ValueError("the order of a tensor's axes is described in an unknown way")


def _path(arguments: tuple[object, ...]) -> object:
    if not all(isinstance(part, str) for part in arguments):
        raise ValueError("a path is made of something else than text")
    return OPAQUE


def _layout(arguments: tuple[object, ...]) -> object:
    if arguments != ("torch.strided",):
        raise ValueError("a tensor is sparse, dense ones are read here")
    return OPAQUE


_NAMES: dict[str, Constructor | None] = {
    **{
        f"{_METADATA}{kind}": _made(kind)
        for kind in ("Metadata", "TensorStorageMetadata", "ChunkStorageMetadata", "BytesStorageMetadata", "StorageMeta",
                     _PROPERTIES)
    },
    f"{_METADATA}MetadataIndex": _made("MetadataIndex", _Index),
    "torch.distributed.checkpoint.filesystem._StorageInfo": _made("_StorageInfo"),
    "torch.Size": _size,
    f"{_METADATA}_MEM_FORMAT_ENCODING": _memory_format,
    "torch.serialization._get_layout": _layout,
    **dict.fromkeys(("pathlib.PosixPath", "pathlib._local.PosixPath"), _path),
    **dict.fromkeys(DTYPES),
}  # fmt: skip
"""What the metadata may name, and what calling it makes; see `pickles.machine.unpickle`."""
