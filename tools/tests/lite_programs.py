"""TensorFlow Lite's programs built by hand, as FlatBuffers, because no converter writes what these hold."""

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Union

import numpy as np
import numpy.typing as npt

CONVOLUTION, DEPTHWISE, DEQUANTIZE, DENSE, MULTIPLY = 3, 4, 6, 9, 18
"""Numbers of Lite's operators."""

FLOAT32, FLOAT16, INT32, INT8 = 0, 1, 2, 9
"""Numbers of its dtypes."""


class Number(NamedTuple):
    """A number of so many bytes."""

    value: int
    width: int = 4


class Repeated(NamedTuple):
    """A vector of so many places, which are all those of one table."""

    table: "Table"
    places: int


Table = Mapping[int, Union[Number, Repeated, bytes, Sequence[int], Sequence["Table"], "Table"]]
"""Number of a field -> a number, a text or bytes, a vector of numbers or of tables, or a table."""


def program(root: Table) -> bytes:
    """The file of a root table: each table stands behind those that point to it."""
    out = bytearray(b"\0\0\0\0TFL3")
    _point(out, 0, _put(out, root))
    return bytes(out)


def _put(out: bytearray, value: object) -> int:
    out += bytes(-len(out) % 8)
    if isinstance(value, Mapping):
        return _put_table(out, value)
    start = len(out)
    if isinstance(value, bytes):
        out += struct.pack("<I", len(value)) + value + b"\0"
        return start
    if isinstance(value, Repeated):
        out += struct.pack("<I", value.places) + bytes(4 * value.places)
        places = _put(out, value.table) - np.arange(start + 4, start + 4 + 4 * value.places, 4)
        out[start + 4 : start + 4 + 4 * value.places] = places.astype("<u4").tobytes()
        return start
    assert isinstance(value, Sequence)
    out += struct.pack("<I", len(value))
    if all(isinstance(item, int) for item in value):
        out += struct.pack(f"<{len(value)}i", *value)
        return start
    out += bytes(4 * len(value))
    for number, item in enumerate(value):
        _point(out, start + 4 + 4 * number, _put(out, item))
    return start


def _put_table(out: bytearray, table: Table) -> int:
    """The list of its fields' places, then the table: how far back that is, and eight bytes for each field."""
    places = [0] * (max(table, default=-1) + 1)
    for number, field in enumerate(table):
        places[field] = 8 + 8 * number
    out += struct.pack(f"<{2 + len(places)}H", 4 + 2 * len(places), 8 + 8 * len(table), *places)
    vtable = len(out) - 4 - 2 * len(places)
    out += bytes(-len(out) % 8)
    start = len(out)
    out += struct.pack("<i", start - vtable) + bytes(4 + 8 * len(table))
    for field, value in table.items():
        at = start + places[field]
        if isinstance(value, Number):
            out[at : at + value.width] = (value.value % (1 << 8 * value.width)).to_bytes(value.width, "little")
        else:
            _point(out, at, _put(out, value))
    return start


def _point(out: bytearray, at: int, target: int) -> None:
    out[at : at + 4] = struct.pack("<I", target - at)


def buffer(values: npt.ArrayLike) -> Table:
    """A buffer of these values: whole numbers and half floats as they are, others as float32."""
    array = np.asarray(values)
    return {0: (array.astype(np.float32) if array.dtype == np.float64 else array).tobytes()}


def tensor(name: str | bytes, shape: Sequence[int], number: int = 0, dtype: int = FLOAT32) -> Table:
    """A tensor whose values are in the buffer of this number; the first buffer is empty."""
    text = name.encode() if isinstance(name, str) else name
    return {0: list(shape), 1: Number(dtype, 1), 2: Number(number), 3: text}


def operator(code: int, inputs: Sequence[int], outputs: Sequence[int]) -> Table:
    """An operator of the kind that has this number among the program's."""
    return {0: Number(code), 1: list(inputs), 2: list(outputs)}


def model(
    kinds: Sequence[int],
    tensors: Sequence[Table] | Repeated,
    operators: Sequence[Table] | Repeated,
    buffers: Sequence[Table],
    version: int = 3,
) -> bytes:
    """A program of one subgraph; `buffers` are those behind the first, which is empty."""
    codes: list[Table] = [{0: Number(kind, 1), 3: Number(kind)} for kind in kinds]
    subgraph: Table = {0: tensors, 3: operators}
    return program({0: Number(version), 1: codes, 2: [subgraph], 4: [{}, *buffers]})
