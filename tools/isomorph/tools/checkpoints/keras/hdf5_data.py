"""Read one HDF5 data set as an array: mapped where it lies in one piece, decoded where it lies in chunks.

libhdf5 inflates a chunk until its stream ends, whatever size was declared; here chunks are decoded into no more than
they declare. All that is decoded counts against what a file may become (`MappedFile.spend`): its own
size and 32 MiB together. No ratio of compression stands in between, because none is needed for that promise: trained
float32 weights shrink by about a tenth, so that a checkpoint never comes near it, and pruned ones may shrink far more.
"""

import zlib
from math import prod
from typing import NamedTuple

import numpy as np

from isomorph.tools.checkpoints.checkpoint import Tensor
from isomorph.tools.checkpoints.keras.hdf5_btree import CHUNKS, children
from isomorph.tools.checkpoints.keras.hdf5_dataset import CHUNKED, COMPACT, DEFLATE, SHUFFLE, Dataset
from isomorph.tools.checkpoints.keras.hdf5_file import Window
from isomorph.tools.checkpoints.keras.hdf5_header import ADDRESS, NOWHERE, number
from isomorph.tools.checkpoints.mapped_file import ALLOWANCE
from isomorph.tools.checkpoints.wording import counted, shown

_PIPELINES = ((), (DEFLATE,), (SHUFFLE, DEFLATE))
_STRONGEST = 9  # the level of compression above which libhdf5 inflates nothing
_LARGEST_CHUNK = 8 << 20  # bytes; decoding one takes three times that, and h5py's own choice is at most 1 MiB
_COST = 256  # bytes of Python objects that one chunk becomes


class _Piece(NamedTuple):
    """The place of a chunk; a bit of its mask says that a filter was not applied, as gzip where it gains nothing."""

    start: int
    size: int
    mask: int


def array_of(window: Window, dataset: Dataset) -> Tensor:
    """Return the values of `dataset`, read-only: a view of the mapped file if they lie in one piece, else decoded.

    Raises:
        BadInput: they lie outside the file, are declared larger than what is stored, or are compressed by anything but
            gzip, with or without shuffle.
    """
    shape, dtype = dataset.shape, dataset.dtype
    if 0 in shape:
        return window.array(dataset.name, dtype, shape, 0, 0)  # which refuses axes that no array can have
    nbytes = prod(shape) * dtype.itemsize
    if dataset.layout == CHUNKED:
        return _sealed(_decoded(window, dataset))
    stored = len(dataset.content) if dataset.layout == COMPACT else dataset.nbytes
    if stored != nbytes:
        raise _overdeclared(window, dataset, stored)
    if dataset.layout == COMPACT:  # at most 64 KiB
        window.file.spend(nbytes)
        return _sealed(np.frombuffer(dataset.content, dtype).reshape(shape))
    return window.array(dataset.name, dtype, shape, dataset.start, nbytes)


def _sealed(values: Tensor) -> Tensor:
    values.setflags(write=False)
    return values


def _overdeclared(window: Window, dataset: Dataset, stored: int) -> Exception:
    declared = counted(prod(dataset.shape) * dataset.dtype.itemsize, "byte")
    return window.file.damaged(
        f"its data set {shown(dataset.name)} of shape {shown(dataset.shape)} declares {declared}, "
        f"but {stored:,} are stored"
    )


def _decoded(window: Window, dataset: Dataset) -> Tensor:
    file, name, shape, chunk = window.file, shown(dataset.name), dataset.shape, dataset.chunk
    codes = tuple(one.code for one in dataset.filters)
    if codes not in _PIPELINES:
        raise file.bad(f"its data set {name} went through the HDF5 filters {shown(codes)}, gzip at most was expected")
    _check_values(window, dataset)
    chunk_bytes, nbytes = (prod(extents) * dataset.dtype.itemsize for extents in (chunk, shape))
    if not 0 < chunk_bytes <= _LARGEST_CHUNK:
        raise file.bad(f"its data set {name} has chunks of {chunk_bytes:,} bytes, 1 to {_LARGEST_CHUNK:,} are read")
    if nbytes > file.size + ALLOWANCE:
        raise file.damaged(
            f"its data set {name} of shape {shown(shape)} declares {nbytes:,} bytes, far more than a file of "
            f"{file.size:,} holds"
        )
    grid = tuple(-(-extent // step) for extent, step in zip(shape, chunk, strict=True))
    file.spend(nbytes + _COST * prod(grid))
    pieces = _pieces(window, dataset)
    if len(pieces) > prod(grid):
        raise file.damaged(f"its data set {name} of shape {shown(shape)} has {counted(len(pieces), 'chunk')}, too many")
    values = np.empty(shape, dataset.dtype)
    for index in np.ndindex(*grid):
        corner = tuple(at * step for at, step in zip(index, chunk, strict=True))
        if corner not in pieces:
            raise _overdeclared(window, dataset, sum(piece.size for piece in pieces.values()))
        data = _inflated(window, dataset, pieces[corner], chunk_bytes)
        room = values[tuple(slice(at, at + step) for at, step in zip(corner, chunk, strict=True))]
        room[...] = np.frombuffer(data, dataset.dtype).reshape(chunk)[tuple(slice(extent) for extent in room.shape)]
    return values


def _check_values(window: Window, dataset: Dataset) -> None:
    """Refuse values of filters that libhdf5 writes for no such data set: it would decode by them, or not at all."""
    for code, values in dataset.filters:
        if code == SHUFFLE and values != (dataset.dtype.itemsize,):
            expected = f"the {counted(dataset.dtype.itemsize, 'byte')} of an element"
        elif code == DEFLATE and (len(values) != 1 or values[0] > _STRONGEST):
            expected = f"a level of at most {_STRONGEST}"
        else:
            continue
        raise window.file.damaged(
            f"its data set {shown(dataset.name)} has the values {shown(values)} for the HDF5 filter {code}, {expected} "
            "was expected"
        )


def _pieces(window: Window, dataset: Dataset) -> dict[tuple[int, ...], _Piece]:
    """Return where the chunks begin in the data set -> where they are stored."""
    steps = (*dataset.chunk, dataset.dtype.itemsize)  # the last axis is of the bytes of an element

    def corner(key: bytes) -> tuple[int, ...]:
        offsets = tuple(number(key, 8 + ADDRESS * axis) for axis in range(len(steps)))
        if any(offset % step for offset, step in zip(offsets, steps, strict=True)):
            raise window.unsound(f"a key of the chunks of {shown(dataset.name)} is the corner of none")
        return offsets

    pieces: dict[tuple[int, ...], _Piece] = {}
    if dataset.start == NOWHERE:
        return pieces
    width = 8 + ADDRESS * len(steps)
    for child in children(window, dataset.start, CHUNKS, width, window.most_chunks, corner):
        *place, inside = child.low
        if inside:
            raise window.unsound(f"a chunk of {shown(dataset.name)} begins inside an element")
        pieces[tuple(place)] = _Piece(child.address, number(child.raw, 0, 4), number(child.raw, 4, 4))
    return pieces


def _inflated(window: Window, dataset: Dataset, piece: _Piece, chunk_bytes: int) -> bytes:
    """Return the bytes of one chunk."""
    data = window.bytes_at(piece.start, min(piece.size, 2 * chunk_bytes + 1024))
    sound = len(data) == piece.size
    for position, (code, _) in reversed(list(enumerate(dataset.filters))):
        if piece.mask >> position & 1:
            continue
        if code == DEFLATE:
            stream = zlib.decompressobj()
            try:
                data = stream.decompress(data, chunk_bytes + 1)
            except zlib.error:
                sound = False
            sound = sound and stream.eof
        elif sound and len(data) == chunk_bytes:
            data = np.frombuffer(data, np.uint8).reshape(dataset.dtype.itemsize, -1).T.tobytes()
    if not sound or len(data) != chunk_bytes:
        raise window.file.damaged(
            f"a chunk of its data set {shown(dataset.name)} does not hold the {chunk_bytes:,} bytes that it declares"
        )
    return data
