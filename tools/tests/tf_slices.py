"""TensorFlow's first checkpoints built by hand, so that each can be wrong in one place."""

from collections.abc import Sequence

import numpy as np

from isomorph.tools.checkpoints.protobuf import message
from isomorph.tools.checkpoints.tensorflow.leveldb_writing import table
from isomorph.tools.checkpoints.tensorflow.ordered_code import FULL, Extent, key_of_slice

from .tf_bundles import shape_of

DATA = np.arange(4, dtype="<f4").tobytes()
VERSIONS = message((1, 1))
ALL = ((0, FULL),)
FLOATS = 5  # TensorProto's field of float32

Entry = tuple[bytes, bytes]


def slice_of(*extents: Extent) -> bytes:
    """A `TensorSliceProto`; an axis of which it has all is an empty message."""
    return b"".join(
        _field(1, b"" if length == FULL else _field_of(1, start) + _field_of(2, length)) for start, length in extents
    )


def described(name: bytes = b"w", shape: Sequence[int] = (4,), dtype: int = 1, *slices: bytes) -> bytes:
    """What the list says of a tensor; whole where no slices are given."""
    whole = slice_of(*[(0, FULL)] * len(shape))
    return message((1, name), (2, shape_of(*shape)), (3, dtype), *((4, part) for part in slices or (whole,)))


def listed(*tensors: bytes, versions: bytes = VERSIONS) -> Entry:
    """The first entry: the list of what there is."""
    return b"", message((1, message(*((1, tensor) for tensor in tensors), (2, versions))))


def held(data: bytes = DATA, name: str = "w", extents: Sequence[Extent] = ALL, field: int = FLOATS) -> Entry:
    """The entry of a slice, its values packed in a field of `TensorProto`."""
    tensor = message((field, data)) if data else b""
    return key_of_slice(name, extents), message((2, message((1, name.encode()), (2, slice_of(*extents)), (3, tensor))))


def checkpoint(*entries: Entry) -> bytes:
    """The file of these entries, which stay in their order."""
    return table(entries)


def _field(number: int, value: bytes) -> bytes:
    return message((number, value)) if value else bytes([number << 3 | 2, 0])


def _field_of(number: int, value: int) -> bytes:
    """A number that is written even where it is 0."""
    return message((number, value)) or bytes([number << 3, 0])
