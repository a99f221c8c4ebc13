"""What the messages of TensorFlow's framework say of a tensor: its name, dtype and shape, and who may read them.

Sources: tensorflow/core/framework/types.proto, tensor_shape.proto and versions.proto.
"""

import ml_dtypes
import numpy as np

from isomorph.tools.checkpoints.mapped_file import MOST_AXES, MappedFile
from isomorph.tools.checkpoints.protobuf import Message, fields
from isomorph.tools.checkpoints.wording import shown

DTYPES: dict[int, np.dtype] = {
    1: np.dtype("<f4"),
    2: np.dtype("<f8"),
    3: np.dtype("<i4"),
    4: np.dtype("u1"),
    5: np.dtype("<i2"),
    6: np.dtype("i1"),
    8: np.dtype("<c8"),
    9: np.dtype("<i8"),
    10: np.dtype("?"),
    14: np.dtype(ml_dtypes.bfloat16),
    17: np.dtype("<u2"),
    18: np.dtype("<c16"),
    19: np.dtype("<f2"),
    22: np.dtype("<u4"),
    23: np.dtype("<u8"),
}
"""types.proto, `DataType`: what NumPy can hold of it."""

STRING = 7
"""types.proto, `DT_STRING`."""

_NO_NUMBERS = {STRING: "strings", 20: "resources", 21: "variants"}
_DIM, _UNKNOWN_RANK = 2, 3
_PRODUCER, _MIN_CONSUMER, _BAD_CONSUMERS = 1, 2, 3


def is_name(name: str) -> bool:
    """Tell whether a tensor may have this name: the empty one is the header's, and variables have no others such."""
    return bool(name) and name.isprintable() and ".." not in name


def name_of(file: MappedFile, raw: bytes) -> str:
    """Return a tensor's name. Raises BadInput where a tensor cannot have it."""
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        name = ""
    if not is_name(name):
        raise file.bad(f"it names a tensor {shown(raw)}, printable text without '..' was expected")
    return name


def dtype_of(file: MappedFile, name: str, code: int) -> np.dtype:
    """Return the dtype that a `DataType` stands for. Raises BadInput where the tensor `name` holds no numbers."""
    if code not in DTYPES:
        raise file.bad(
            f"its tensor {shown(name)} holds {_NO_NUMBERS.get(code, f'TensorFlow type {shown(code)}')}, one of "
            f"{', '.join(dtype.name for dtype in DTYPES.values())} was expected"
        )
    return DTYPES[code]


def shape_of(message: bytes) -> tuple[int, ...]:
    """Return the sizes in a `TensorShapeProto`. Raises ValueError where one is unknown."""
    sizes: list[int] = []
    for number, value in fields(message):
        if number == _UNKNOWN_RANK and value == 0:
            continue
        if number != _DIM or not isinstance(value, bytes):
            raise ValueError("its shape is unknown")
        size = Message.of(value, {1: ("size", int), 2: ("name", bytes)}).number("size")
        if size >= 1 << 63:
            raise ValueError("an axis has a negative size")
        sizes.append(size)
        if len(sizes) > MOST_AXES:
            raise ValueError(f"it has more than {MOST_AXES} axes")
    return tuple(sizes)


def check_version(file: MappedFile, message: bytes, newest: int) -> None:
    """Raise BadInput where a `VersionDef` does not admit readers of version `newest`, ValueError where it is none."""
    for number, version in fields(message):
        if number == _PRODUCER and version not in range(1 << 31):
            raise ValueError("it was written by a negative version")
        if number == _BAD_CONSUMERS:
            raise ValueError("it names readers that must not read it")
        if number == _MIN_CONSUMER and (not isinstance(version, int) or version > newest):
            raise file.bad(f"it asks for readers of version {shown(version)}, {newest} is read here")
