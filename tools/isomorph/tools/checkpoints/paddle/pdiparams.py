"""Paddle's `.pdiparams`, which `paddle.jit.save` leaves beside a program: tensors one after the other, without names.

Each is a version, its levels of detail, a version again, the length of a description, that (dtype and sizes) and the
values. They stand in the order of their names, which the program beside them has: `paddle.program` reads those.

Sources: paddle/fluid/framework/lod_tensor.cc (`SerializeToStream`), tensor_util.cc (`TensorToStream`) and
framework.proto (`VarType`, `TensorDesc`); paddle/static/pir_io.py (`save_vars_pir`: sorted by name).
"""

import struct
from collections.abc import Iterator
from math import prod
from types import MappingProxyType
from typing import NamedTuple

import ml_dtypes
import numpy as np

from isomorph.tools.checkpoints.checkpoint import Checkpoint
from isomorph.tools.checkpoints.mapped_file import MOST_AXES, MappedFile
from isomorph.tools.checkpoints.paddle.program import described_beside
from isomorph.tools.checkpoints.protobuf import fields
from isomorph.tools.checkpoints.wording import counted, shown

NAME = "Paddle inference parameters"

_HEAD = struct.Struct("<IQIi")  # version, levels of detail, version, bytes of the description
_LARGEST_DESCRIPTION = 1 << 10  # bytes: four times what sixteen axes take
_COST = 1024  # bytes of Python objects for one tensor
_DTYPES = {
    0: np.dtype("?"),
    1: np.dtype("<i2"),
    2: np.dtype("<i4"),
    3: np.dtype("<i8"),
    4: np.dtype("<f2"),
    5: np.dtype("<f4"),
    6: np.dtype("<f8"),
    20: np.dtype("u1"),
    21: np.dtype("i1"),
    22: np.dtype(ml_dtypes.bfloat16),
    23: np.dtype("<c8"),
    24: np.dtype("<c16"),
}  # VarType.Type


class _Values(NamedTuple):
    """A tensor without a name; its values are at byte `start`."""

    dtype: np.dtype
    shape: tuple[int, ...]
    start: int


def read(file: MappedFile) -> Checkpoint:
    """Read the checkpoint in `file`. Raises BadInput if it is damaged, or the program beside it is not its own."""
    program = described_beside(file)
    tensors = list(_tensors(file))
    if len(program.shapes) != len(tensors):
        raise file.bad(
            f"it holds {counted(len(tensors), 'tensor')}, but the program {program.path.name} beside it has "
            f"{len(program.shapes):,} parameters: they are not of one network, fetch or save both again"
        )
    arrays = {}
    for (name, shape), values in zip(sorted(program.shapes.items()), tensors, strict=True):
        if values.shape != shape:
            raise file.bad(
                f"its tensor of shape {shown(values.shape)} at byte {values.start:,} is to be {shown(name)}, which has "
                f"the shape {shown(shape)} in {program.path.name}: they are not of one network, fetch or save both "
                "again"
            )
        arrays[program.structured.get(name, name)] = file.array(name, values.dtype, values.shape, values.start)
    return Checkpoint(file.path, NAME, MappingProxyType(arrays), MappingProxyType({}))


def _tensors(file: MappedFile) -> Iterator[_Values]:
    position = 0
    while position < file.size:
        file.spend(_COST)
        start = position
        try:
            dtype, shape, position = _description(file, position)
        except ValueError as problem:
            raise file.damaged(f"its tensor at byte {start:,} cannot be read: {problem}") from None
        yield _Values(dtype, shape, position)
        position += prod(shape) * dtype.itemsize
    if position > file.size:
        raise file.damaged(f"its last tensor ends at byte {shown(position)}, but it has {counted(file.size, 'byte')}")


def _description(file: MappedFile, position: int) -> tuple[np.dtype, tuple[int, ...], int]:
    """Return dtype and shape of the tensor at `position`, and where its values start."""
    head = file.read(position, _HEAD.size)
    if len(head) < _HEAD.size:
        raise ValueError("it ends in the middle")
    version, levels, tensor_version, size = _HEAD.unpack(head)
    if version or tensor_version:
        raise ValueError(f"it is of version {version or tensor_version:,}, 0 was expected")
    if levels:
        raise ValueError(f"it has {levels:,} levels of detail, none were expected")
    position += _HEAD.size
    if not 0 <= size <= min(_LARGEST_DESCRIPTION, file.size - position):
        raise ValueError(f"its description has {size:,} bytes")
    dtype: np.dtype | None = None
    shape: list[int] = []
    for number, value in fields(file.read(position, size)):
        match number, value:
            case (1, int(code)) if dtype is None and code in _DTYPES:
                dtype = _DTYPES[code]
            case (2, int(length)) if length < 1 << 48 and len(shape) < MOST_AXES:
                shape.append(length)
            case _:
                raise ValueError(f"its description has the field {shown(number)} with {shown(value)}, unknown here")
    if dtype is None:
        raise ValueError("its description has no dtype")
    return dtype, tuple(shape), position + size
