"""Read the header of an HDF5 data set: shape, datatype, layout and filters (IV.A.2.b, d, i, l, h)."""

import struct
from dataclasses import dataclass
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from isomorph.tools.checkpoints.keras.hdf5_attributes import Attributes
from isomorph.tools.checkpoints.keras.hdf5_file import Window
from isomorph.tools.checkpoints.keras.hdf5_header import ADDRESS, NOWHERE, messages, number
from isomorph.tools.checkpoints.mapped_file import MOST_AXES
from isomorph.tools.checkpoints.wording import counted, shown

LAYOUT = 0x08
"""The message that only data sets have."""

COMPACT, CONTIGUOUS, CHUNKED = range(3)
"""Where the values are: in the header, in one piece, in chunks of one shape."""

DEFLATE, SHUFFLE = 1, 2
"""The filters of h5py's `compression="gzip"` and `shuffle=True`."""

_SPACE, _TYPE, _EXTERNAL, _FILTERS = 0x01, 0x03, 0x07, 0x0B
_ONCE = (_SPACE, _TYPE, LAYOUT, _FILTERS)  # messages of which libhdf5 takes the first
_VIRTUAL = 3
_SCALAR, _SIMPLE, _NULL = range(3)  # the types of a dataspace of version 2; the last holds nothing
_LAYOUTS = (3, 4)  # versions of the layout message: HDF5 1.6.3's, and 1.10's, whose chunks have other indexes

_BFLOAT16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)


def _integer(name: str) -> bytes:
    """Return the datatype message of an integer without its version: HDF5 File Format 3.0, IV.A.2.d, class 0."""
    dtype = np.dtype(name)
    signed = 0x08 if dtype.kind == "i" else 0
    return struct.pack("<BBHIHH", 0, signed, 0, dtype.itemsize, 0, 8 * dtype.itemsize)


def _floating(name: str) -> bytes:
    """Return that of a floating-point number, class 1: the places of sign, exponent and mantissa, and the bias."""
    info = np.finfo(name)
    implied = 0x20  # the mantissa's first bit is not stored
    head = struct.pack("<BBBBIHH", 1, implied, info.bits - 1, 0, info.bits // 8, 0, info.bits)
    return head + struct.pack("<BBBBI", info.nmant, info.iexp, 0, info.nmant, 2 ** (info.iexp - 1) - 1)


# A datatype message less its version -> the dtype.
_DTYPES = {_floating(name): np.dtype(name) for name in ("<f2", "<f4", "<f8")} | {
    _integer(name): np.dtype(name) for name in ("i1", "<i2", "<i4", "<i8", "u1", "<u2", "<u4", "<u8")
}
_UNREGISTERED = 256  # the first number of a filter that has a name beside it in version 2
_OPAQUE, _VARIABLE = 5, 9
_CLASSES = {
    3: "text",
    _OPAQUE: "opaque",
    6: "compound",
    7: "references",
    8: "an enumeration",
    _VARIABLE: "of variable length",
    10: "arrays",
}


class Filter(NamedTuple):
    """A filter that a chunk went through: its number and its parameters."""

    code: int
    values: tuple[int, ...]


@dataclass(frozen=True)
class Dataset:
    """One data set, as declared.

    start, nbytes: of values in one piece; in chunks, `start` is the address of the B-tree of these.
    content: the values themselves, of a compact one.
    chunk: the shape of a chunk. filters: what a chunk went through, in the order of writing.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    layout: int
    start: int = 0
    nbytes: int = 0
    content: bytes = b""
    chunk: tuple[int, ...] = ()
    filters: tuple[Filter, ...] = ()


def dataset_at(window: Window, address: int, name: str, attributes: Attributes) -> Dataset:
    """Return the data set whose header is at byte `address`.

    Raises:
        BadInput: it is no little-endian numbers or bfloat16, its values are virtual or in another file, or its header
            is not understood.
    """
    contents = dict[int, bytes]()  # type of a message -> its content
    for kind, content in messages(window, address):
        if kind in contents and kind in _ONCE:
            raise window.file.damaged(f"its data set {shown(name)} has two shapes, datatypes, layouts or filters")
        contents[kind] = content
    if not {_SPACE, _TYPE, LAYOUT} <= contents.keys():
        raise window.file.bad(f"its data set {shown(name)} has no shape, datatype or layout of its own")
    dtype = _dtype(window, contents[_TYPE], address, name, attributes)
    shape = _shape(window, contents[_SPACE], name)
    if _EXTERNAL in contents:
        raise window.file.bad(f"its data set {shown(name)} is stored in another file: save it in one")
    version, layout, fields = number(contents[LAYOUT], 0, 1), number(contents[LAYOUT], 1, 1), contents[LAYOUT][2:]
    if version not in _LAYOUTS:
        raise window.file.bad(f"its data set {shown(name)} is stored as version {version}, 3 or 4 were expected")
    if layout == COMPACT:
        return Dataset(name, shape, dtype, layout, content=fields[2 : 2 + number(fields, 0, 2)])
    if layout == CONTIGUOUS and len(fields) >= 2 * ADDRESS:
        start = number(fields, 0)
        return Dataset(name, shape, dtype, layout, start, 0 if start == NOWHERE else number(fields, ADDRESS))
    if layout == _VIRTUAL:
        raise window.file.bad(f"its data set {shown(name)} is virtual, a view of other data sets: save its values")
    if layout != CHUNKED or version != _LAYOUTS[0] or number(fields, 0, 1) != len(shape) + 1:
        raise window.file.bad(f"its data set {shown(name)} has chunks in an index that Keras does not write")
    if len(fields) < 1 + ADDRESS + 4 * (len(shape) + 1):
        raise window.file.damaged(f"the chunks of its data set {shown(name)} have no shape")
    *chunk, itemsize = (number(fields, 1 + ADDRESS + 4 * axis, 4) for axis in range(len(shape) + 1))
    if itemsize != dtype.itemsize:
        raise window.file.damaged(
            f"its data set {shown(name)} of {dtype} has chunks of elements of {counted(itemsize, 'byte')}"
        )
    filters = _filters(window, contents[_FILTERS], name) if _FILTERS in contents else ()
    return Dataset(name, shape, dtype, layout, number(fields, 1), chunk=tuple(chunk), filters=filters)


def _shape(window: Window, content: bytes, name: str) -> tuple[int, ...]:
    version, rank = number(content, 0, 1), number(content, 1, 1)
    if version == 2 and number(content, 3, 1) == _NULL:
        raise window.file.bad(f"its data set {shown(name)} has no shape, numbers were expected")
    if rank > MOST_AXES:
        raise window.file.bad(f"its data set {shown(name)} has {rank} axes, at most {MOST_AXES} were expected")
    before = 4 if version == 2 else 8
    odd = version == 2 and number(content, 3, 1) != (_SIMPLE if rank else _SCALAR)
    if version not in (1, 2) or odd or len(content) < before + ADDRESS * rank:
        raise window.file.damaged(f"its data set {shown(name)} has a shape that does not end, or of no known version")
    return tuple(number(content, before + ADDRESS * axis) for axis in range(rank))


def _dtype(window: Window, content: bytes, address: int, name: str, attributes: Attributes) -> np.dtype:
    kind, size = number(content, 0, 1) & 0x0F, number(content, 4, 4)
    plain = bytes([kind]) + content[1:]
    for known, dtype in _DTYPES.items():
        if plain.startswith(known):
            return dtype
    # HDF5 lacks bfloat16: Keras says in an attribute what its two opaque bytes are (saving_lib.py, `H5IOStore`).
    if kind == _OPAQUE and size == _BFLOAT16.itemsize and attributes.text(address, "dtype") == _BFLOAT16.name:
        return _BFLOAT16
    is_text = kind == _VARIABLE and number(content, 1, 1) & 0x0F == 1
    datatype = "text" if is_text else _CLASSES.get(kind, f"numbers of {counted(size, 'byte')} of another kind")
    wanted = ", ".join(str(dtype) for dtype in _DTYPES.values())
    raise window.file.bad(f"its data set {shown(name)} is {datatype}, little-endian {wanted} or bfloat16 were expected")


def _filters(window: Window, content: bytes, name: str) -> tuple[Filter, ...]:
    """Return the filters of a data set, by their message (IV.A.2.l)."""
    version, count, filters = number(content, 0, 1), number(content, 1, 1), []
    at = 8 if version == 1 else 2
    for _ in range(count):
        code = number(content, at, 2)
        named = version == 1 or code >= _UNREGISTERED
        length = number(content, at + 2, 2) if named else 0
        amount = number(content, at + (6 if named else 4), 2)
        at += (8 if named else 6) + length
        filters.append(Filter(code, struct.unpack_from(f"<{amount}I", content.ljust(at + 4 * amount, b"\0"), at)))
        at += 4 * amount
        at += 4 * (amount % 2) if version == 1 else 0  # a name of version 1 is padded already
    if version not in (1, 2) or at > len(content):
        raise window.file.damaged(f"the filters of its data set {shown(name)} do not end, or are of no known version")
    return tuple(filters)
