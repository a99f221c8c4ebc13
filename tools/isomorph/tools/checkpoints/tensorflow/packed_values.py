"""The values in a `TensorProto`: floats as they are, whole numbers as varints of seven bits in a byte.

Sources: tensorflow/core/framework/tensor.proto (`TensorProto`) and tensorflow/core/util/saved_tensor_slice_util.h
(`Fill`: which field holds which dtype).
"""

from collections.abc import Mapping

import numpy as np

from isomorph.tools.checkpoints.checkpoint import Tensor
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.protobuf import LONGEST_VARINT, Message

_FIELDS = {
    "float_val": (5, "float32"),
    "double_val": (6, "float64"),
    "int_val": (7, "int32 int16 int8 uint16 uint8"),
    "scomplex_val": (9, "complex64"),
    "int64_val": (10, "int64"),
    "bool_val": (11, "bool"),
    "dcomplex_val": (12, "complex128"),
    "half_val": (13, "float16"),
    "uint32_val": (16, "uint32"),
    "uint64_val": (17, "uint64"),
}
_NUMBERS: Mapping[str, int] = {dtype: number for number, dtypes in _FIELDS.values() for dtype in dtypes.split()}
_PIECE = 1 << 16  # bytes decoded at once, so that what is eight times as large stays small


def values_of(file: MappedFile, name: str, place: slice, dtype: np.dtype, count: int) -> Tensor:
    """Return the `count` values of the tensor `name` in the `TensorProto` at `place`, on one axis and read-only.

    Raises ValueError where it holds others, or another number of them.
    """
    return unpacked(
        file, name, Message(file, place, {field_of(dtype): ("values", bytes)}).place("values"), dtype, count
    )


def field_of(dtype: np.dtype) -> int:
    """Return the number of the field of a `TensorProto` that holds values of a dtype. Raises ValueError for none."""
    if dtype.name not in _NUMBERS:
        raise ValueError(f"it holds {dtype}, which TensorFlow saves in no such file")
    return _NUMBERS[dtype.name]


def unpacked(file: MappedFile, name: str, packed: slice, dtype: np.dtype, count: int) -> Tensor:
    """Return the `count` values of the tensor `name` that are packed at a place, on one axis and read-only.

    Raises ValueError where there are others, or another number of them.
    """
    size = packed.stop - packed.start
    if dtype.kind in "fc" and dtype.itemsize > 2:
        if size != count * dtype.itemsize:
            raise ValueError(f"it has {size:,} bytes, {count * dtype.itemsize:,} were expected")
        return file.array(name, dtype, (count,), packed.start)
    if not count <= size <= count * LONGEST_VARINT:
        raise ValueError(f"it has {size:,} bytes, which are not {count:,} numbers")
    file.spend(count * dtype.itemsize)
    values = _decoded(file, packed, dtype, count)
    values.flags.writeable = False
    return values


def _decoded(file: MappedFile, packed: slice, dtype: np.dtype, count: int) -> Tensor:
    """Return varints as `dtype`; half-precision floats are saved as the numbers that their bits stand for."""
    stored = np.dtype(np.uint16 if dtype.kind == "f" else np.uint8 if dtype.kind == "b" else dtype)
    out = np.empty(count, stored)
    position, filled = packed.start, 0
    while position < packed.stop:
        raw = np.frombuffer(file[position : min(packed.stop, position + _PIECE)], np.uint8)
        ends = np.flatnonzero(raw < 0x80) + 1
        if not ends.size:
            raise ValueError("a number has no end")
        numbers = _varints(raw[: ends[-1]], ends)
        if filled + numbers.size > count:
            raise ValueError(f"it has more than {count:,} numbers")
        signed = numbers.view(np.int64) if stored.kind == "i" else numbers
        piece = out[filled : filled + numbers.size]
        piece[:] = signed.astype(stored)
        if (piece != signed).any() or (dtype.kind == "b" and (piece > 1).any()):
            raise ValueError(f"it has numbers beyond those of {dtype}")
        position, filled = position + int(ends[-1]), filled + numbers.size
    if filled != count:
        raise ValueError(f"it has {filled:,} numbers, {count:,} were expected")
    return out if stored == dtype else out.view(dtype)


def _varints(raw: Tensor, ends: Tensor) -> Tensor:
    """Return the numbers that end at `ends` of the bytes `raw`, as uint64. Raises ValueError for more than 64 bits."""
    starts = np.concatenate(([0], ends[:-1]))
    lengths = ends - starts
    last = raw[ends - 1]
    if (lengths > LONGEST_VARINT).any() or ((lengths == LONGEST_VARINT) & (last > 1)).any():
        raise ValueError("a number has more than 64 bits")
    places = np.arange(raw.size) - np.repeat(starts, lengths)
    bits = (raw & 0x7F).astype(np.uint64) << (7 * places).astype(np.uint64)
    return np.bitwise_or.reduceat(bits, starts)
