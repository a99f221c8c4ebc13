"""From one HDF5 data set to an array: mapped where it lies in one piece, decoded where it lies in chunks.

libhdf5 inflates a chunk until its stream ends, whatever size was declared, so chunks are decoded here instead, into
no more than they declare. All that is decoded counts against what a file may become (`MappedFile.spend`): its own
size and 32 MiB together. No ratio of compression stands in between, because none is needed for that promise: trained
float32 weights shrink by about a tenth, so that a checkpoint never comes near it, and pruned ones may shrink far more.
"""

import zlib
from math import prod
from typing import Any

import h5py
import ml_dtypes
import numpy as np

from isomorph.tools.checkpoints.checkpoint import Tensor
from isomorph.tools.checkpoints.keras.hdf5_attributes import Attributes, address_of
from isomorph.tools.checkpoints.keras.hdf5_file import Window
from isomorph.tools.checkpoints.mapped_file import ALLOWANCE, MOST_AXES
from isomorph.tools.checkpoints.wording import counted, shown

_DTYPES = {
    code: np.dtype(name)
    for code, name in (
        (h5py.h5t.IEEE_F16LE, "<f2"),
        (h5py.h5t.IEEE_F32LE, "<f4"),
        (h5py.h5t.IEEE_F64LE, "<f8"),
        (h5py.h5t.STD_I8LE, "i1"),
        (h5py.h5t.STD_I16LE, "<i2"),
        (h5py.h5t.STD_I32LE, "<i4"),
        (h5py.h5t.STD_I64LE, "<i8"),
        (h5py.h5t.STD_U8LE, "u1"),
        (h5py.h5t.STD_U16LE, "<u2"),
        (h5py.h5t.STD_U32LE, "<u4"),
        (h5py.h5t.STD_U64LE, "<u8"),
    )
}
_BFLOAT16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
_KINDS = {
    h5py.h5t.VLEN: "of variable length",
    h5py.h5t.STRING: "text",
    h5py.h5t.COMPOUND: "compound",
    h5py.h5t.REFERENCE: "references",
    h5py.h5t.ENUM: "an enumeration",
    h5py.h5t.OPAQUE: "opaque",
    h5py.h5t.ARRAY: "arrays",
}
_PIPELINES = ((), (h5py.h5z.FILTER_DEFLATE,), (h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE))
_LARGEST_CHUNK = 8 << 20  # bytes; decoding one takes three times that, and h5py's own choice is at most 1 MiB
_COST = 256  # bytes of Python objects that one chunk becomes


def array_of(window: Window, dataset: h5py.Dataset, attributes: Attributes) -> Tensor:
    """The values of `dataset`, read-only: a view of the mapped file if they lie in one piece, else decoded.

    Raises:
        BadInput: the data set is no little-endian numbers, lies outside the file or is declared larger than what is
            stored, is virtual, or is compressed by anything but gzip, with or without shuffle.
    """
    file, name = window.file, dataset.name
    dtype = _dtype(window, dataset, attributes)
    if dataset.shape is None:
        raise file.bad(f"its data set {shown(name)} has no shape, numbers were expected")
    shape = tuple(int(extent) for extent in dataset.shape)
    if len(shape) > MOST_AXES:
        raise file.bad(f"its data set {shown(name)} has {len(shape)} axes, at most {MOST_AXES} were expected")
    created = dataset.id.get_create_plist()
    if created.get_external_count():
        raise file.bad(f"its data set {shown(name)} is stored in another file: save it in one")
    layout = created.get_layout()
    if layout not in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT, h5py.h5d.CHUNKED):
        raise file.bad(f"its data set {shown(name)} is virtual, a view of other data sets: save its values instead")
    if 0 in shape:
        return _sealed(np.empty(shape, dtype))
    nbytes = prod(shape) * dtype.itemsize
    if layout == h5py.h5d.CHUNKED:
        return _sealed(_decoded(window, dataset, created, shape, dtype))
    stored = dataset.id.get_storage_size()
    offset = dataset.id.get_offset()
    if stored != nbytes or (layout == h5py.h5d.CONTIGUOUS and offset is None):
        raise _overdeclared(window, dataset, nbytes, stored)
    if offset is not None:
        return window.array(name, dtype, shape, offset, nbytes)
    file.spend(nbytes)  # compact: at most 64 KiB, in the data set's own header
    values = np.empty(shape, dtype)
    dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, values, dataset.id.get_type())
    return _sealed(values)


def _sealed(values: Tensor) -> Tensor:
    values.setflags(write=False)
    return values


def _overdeclared(window: Window, dataset: h5py.Dataset, declared: int, stored: int) -> Exception:
    return window.file.damaged(
        f"its data set {shown(dataset.name)} of shape {shown(dataset.shape)} declares {counted(declared, 'byte')}, "
        f"but {stored:,} are stored"
    )


def _dtype(window: Window, dataset: h5py.Dataset, attributes: Attributes) -> np.dtype:
    kind = dataset.id.get_type()
    for known, dtype in _DTYPES.items():
        if kind.get_class() == known.get_class() and kind.equal(known):
            return dtype
    # HDF5 lacks bfloat16: Keras says in an attribute what its two opaque bytes are (saving_lib.py, `H5IOStore`).
    opaque = kind.get_class() == h5py.h5t.OPAQUE and kind.get_size() == _BFLOAT16.itemsize
    if opaque and attributes.text(address_of(dataset), "dtype") == _BFLOAT16.name:
        return _BFLOAT16
    told = _KINDS.get(kind.get_class(), f"numbers of {counted(kind.get_size(), 'byte')} of another kind")
    wanted = ", ".join(str(dtype) for dtype in _DTYPES.values())
    raise window.file.bad(
        f"its data set {shown(dataset.name)} is {told}, little-endian {wanted} or bfloat16 were expected"
    )


def _decoded(
    window: Window, dataset: h5py.Dataset, created: h5py.h5p.PropDCID, shape: tuple[int, ...], dtype: np.dtype
) -> Tensor:
    file, name = window.file, shown(dataset.name)
    filters = tuple(created.get_filter(index)[0] for index in range(created.get_nfilters()))
    if filters not in _PIPELINES:
        raise file.bad(f"its data set {name} went through the HDF5 filters {shown(filters)}, gzip at most was expected")
    chunk = tuple(created.get_chunk())
    chunk_bytes, nbytes = prod(chunk) * dtype.itemsize, prod(shape) * dtype.itemsize
    if chunk_bytes > _LARGEST_CHUNK:
        raise file.bad(f"its data set {name} has chunks of {chunk_bytes:,} bytes, at most {_LARGEST_CHUNK:,} are read")
    stored = dataset.id.get_storage_size()
    if nbytes > file.size + ALLOWANCE or (not filters and stored < nbytes):
        raise _overdeclared(window, dataset, nbytes, stored)
    count = prod(-(-extent // step) for extent, step in zip(shape, chunk, strict=True))
    file.spend(nbytes + _COST * count)
    pieces: dict[tuple[int, ...], h5py.h5d.StoreInfo] = {}

    def take(piece: h5py.h5d.StoreInfo) -> bool | None:
        pieces[piece.chunk_offset] = piece
        return True if len(pieces) > count else None

    dataset.id.chunk_iter(take)
    values = np.empty(shape, dtype)
    for index in np.ndindex(*(-(-extent // step) for extent, step in zip(shape, chunk, strict=True))):
        corner = tuple(at * step for at, step in zip(index, chunk, strict=True))
        if corner not in pieces:
            raise _overdeclared(window, dataset, nbytes, stored)
        piece = _piece(window, dataset, pieces[corner], filters, chunk_bytes)
        room = values[tuple(slice(at, at + step) for at, step in zip(corner, chunk, strict=True))]
        room[...] = np.frombuffer(piece, dtype).reshape(chunk)[tuple(slice(extent) for extent in room.shape)]
    return values


def _piece(
    window: Window, dataset: h5py.Dataset, stored: h5py.h5d.StoreInfo, filters: tuple[int, ...], chunk_bytes: int
) -> bytes:
    """The bytes of one chunk. A bit of its mask says that a filter was not applied: gzip, where it gains nothing."""
    data = window.bytes_at(stored.byte_offset, min(stored.size, 2 * chunk_bytes + 1024))
    sound = len(data) == stored.size
    for position, code in reversed(list(enumerate(filters))):
        if stored.filter_mask >> position & 1:
            continue
        if code == h5py.h5z.FILTER_DEFLATE:
            stream = zlib.decompressobj()
            try:
                data = stream.decompress(data, chunk_bytes + 1)
            except zlib.error:
                sound = False
            sound = sound and stream.eof
        elif sound and len(data) == chunk_bytes:
            itemsize = dataset.id.get_type().get_size()
            data = np.frombuffer(data, np.uint8).reshape(itemsize, -1).T.tobytes()
    if not sound or len(data) != chunk_bytes:
        raise window.file.damaged(
            f"a chunk of its data set {shown(dataset.name)} does not hold the {chunk_bytes:,} bytes that it declares"
        )
    return data
