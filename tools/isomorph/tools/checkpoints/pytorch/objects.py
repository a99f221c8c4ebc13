"""What the pickles inside PyTorch's files may name: storages, tensors, data types, and a few plain things beside them.

The tensors that come out of a pickle are descriptions (`TensorRef`); `StorageRef.key` says which bytes of the file they
view, and each container knows where those are.
"""

from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np

from isomorph.backends.dtypes import as_dtype
from isomorph.tools.checkpoints.checkpoint import Tensor
from isomorph.tools.checkpoints.mapped_file import MOST_AXES, MappedFile
from isomorph.tools.checkpoints.pickles.values import OPAQUE, UNHASHABLE, Constructor, DescribedTensor, Entries, Global
from isomorph.tools.checkpoints.wording import counted, shown

_LARGEST = 1 << 48  # elements or bytes: 256 TiB, more than any file, and far from overflowing 64 bits

DTYPES: dict[str, str] = {
    "torch.float64": "<f8",
    "torch.float32": "<f4",
    "torch.float16": "<f2",
    "torch.bfloat16": "bfloat16",
    "torch.complex128": "<c16",
    "torch.complex64": "<c8",
    "torch.int64": "<i8",
    "torch.int32": "<i4",
    "torch.int16": "<i2",
    "torch.int8": "i1",
    "torch.uint64": "<u8",
    "torch.uint32": "<u4",
    "torch.uint16": "<u2",
    "torch.uint8": "u1",
    "torch.bool": "?",
}
"""What NumPy can hold of what PyTorch can -> its name in NumPy, for `as_dtype`."""

UNTYPED = "torch.storage.UntypedStorage"
"""The type of a storage of bytes, which older files do not know."""

STORAGES: dict[str, str] = {
    "torch.DoubleStorage": DTYPES["torch.float64"],
    "torch.FloatStorage": DTYPES["torch.float32"],
    "torch.HalfStorage": DTYPES["torch.float16"],
    "torch.BFloat16Storage": DTYPES["torch.bfloat16"],
    "torch.ComplexDoubleStorage": DTYPES["torch.complex128"],
    "torch.ComplexFloatStorage": DTYPES["torch.complex64"],
    "torch.LongStorage": DTYPES["torch.int64"],
    "torch.IntStorage": DTYPES["torch.int32"],
    "torch.ShortStorage": DTYPES["torch.int16"],
    "torch.CharStorage": DTYPES["torch.int8"],
    "torch.ByteStorage": DTYPES["torch.uint8"],
    "torch.BoolStorage": DTYPES["torch.bool"],
    UNTYPED: DTYPES["torch.uint8"],
}
"""What storages of a type hold; the last holds bytes, whatever they are of."""


@dataclass(frozen=True, slots=True)
class StorageRef:
    """A run of elements in the file: `length` of `dtype`, from byte `first` of the storage called `key`."""

    key: str
    dtype: np.dtype
    length: int
    first: int = 0

    @property
    def nbytes(self) -> int:
        """Bytes of the run."""
        return self.length * self.dtype.itemsize

    def part(self, offset: object, length: object) -> "StorageRef":
        """Return `length` elements from element `offset` on. Raises ValueError where they are not all inside."""
        start, count = size_of(offset), size_of(length)
        if start + count > self.length:
            raise ValueError(f"a storage of {counted(self.length, 'element')} is viewed beyond its end")
        return StorageRef(self.key, self.dtype, count, self.first + start * self.dtype.itemsize)


@dataclass(frozen=True, slots=True)
class TensorRef(DescribedTensor):
    """A dense tensor in a storage; `offset` and `strides` count elements of `dtype`."""

    storage: StorageRef
    dtype: np.dtype
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of its elements."""
        return prod(self.shape) * self.dtype.itemsize

    def array(self, file: MappedFile, name: str, storage_start: int) -> Tensor:
        """Return the tensor as a read-only view of `file`, in which its storage starts at byte `storage_start`."""
        # Axes of one element may carry any stride, which NumPy would multiply out.
        strides = tuple(
            (stride if size > 1 else 1) * self.dtype.itemsize
            for size, stride in zip(self.shape, self.strides, strict=True)
        )
        start = storage_start + self.storage.first + self.offset * self.dtype.itemsize
        return file.array(name, self.dtype, self.shape, start, strides)


def tensor_ref(
    storage: object, offset: object, shape: object, strides: object, dtype: np.dtype | None = None
) -> TensorRef:
    """Return a tensor of a storage. Raises ValueError where elements lie outside, or are repeated wholesale."""
    if not isinstance(storage, StorageRef):
        raise ValueError(f"a tensor is made of {shown(storage)}, a storage was expected")
    dtype = dtype or storage.dtype
    sizes, steps, first = sizes_of(shape), sizes_of(strides), size_of(offset)
    if len(sizes) != len(steps):
        raise ValueError(f"a tensor of shape {shown(sizes)} has {counted(len(steps), 'stride')}")
    here = storage.nbytes // dtype.itemsize
    elements = prod(sizes)
    if elements > here:
        raise ValueError(
            f"a tensor of shape {shown(sizes)} is made of a storage of {counted(here, 'element')}, one for each was "
            "expected (an expanded tensor is saved with .contiguous())"
        )
    last = first + sum((size - 1) * step for size, step in zip(sizes, steps, strict=True)) if elements else first - 1
    if last >= here:
        raise ValueError(
            f"a tensor of shape {shown(sizes)}, strides {shown(steps)} and offset {first} reaches beyond its storage "
            f"of {counted(here, 'element')}"
        )
    return TensorRef(storage, dtype, first, sizes, steps)


def storage_ref(saved: object, key: object, length: object) -> StorageRef:
    """Return a whole storage, from its type, key and number of elements as they were saved."""
    if not isinstance(saved, Global) or str(saved) not in STORAGES:
        raise ValueError(f"a storage has the type {saved if isinstance(saved, Global) else shown(saved)}")
    if not isinstance(key, str):
        raise ValueError(f"a storage has the key {shown(key)}, text was expected")
    return StorageRef(key, as_dtype(STORAGES[str(saved)]), size_of(length))


class Described(NamedTuple):
    """A storage, and the type and the device that the pickle gives it."""

    ref: StorageRef
    saved: object
    device: object


def described_once(storages: dict[str, Described], ref: StorageRef, saved: object, device: object) -> StorageRef:
    """Return the storage, once `storages` has it under its key.

    Raises a `ValueError` where another description has that key: PyTorch takes the first one for all tensors. The
    device is text where it is any; what else it could be is not compared, as that may have no end.
    """
    if not isinstance(device, str):
        raise ValueError(f"a storage is on the device {shown(device)}, text was expected")
    described = Described(ref, saved, device)
    if storages.setdefault(ref.key, described) != described:
        raise ValueError(f"it describes the storage {shown(ref.key)} in two ways")
    return ref


def size_of(value: object) -> int:
    """Return `value` as a count of elements or bytes. Raises ValueError where it cannot be one."""
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise ValueError(f"a size, stride or offset is {shown(value)}")
    return value


def sizes_of(values: object) -> tuple[int, ...]:
    """Return `values` as a shape or strides. Raises ValueError where they cannot be such."""
    if not isinstance(values, tuple) or len(values) > MOST_AXES:
        raise ValueError(f"a shape or its strides are {shown(values)}, at most {MOST_AXES} integers were expected")
    return tuple(size_of(value) for value in values)


def _tensor(arguments: tuple[object, ...], dtype: np.dtype | None = None) -> object:
    """Return what all versions of `_rebuild_tensor` start with: storage, offset, size, stride; then, but for the first,
    whether it needs gradients, and hooks, which weights have not.
    """
    storage, offset, shape, strides, *more = arguments
    if more:
        _check_gradients(more[0], more[1])
    return tensor_ref(storage, offset, shape, strides, dtype)


def _tensor_1(arguments: tuple[object, ...]) -> object:
    """Return the tensor of `_rebuild_tensor`."""
    return _tensor(_some(arguments, "a tensor", 4, 4))


def _tensor_2(arguments: tuple[object, ...]) -> object:
    """Return the tensor of `_rebuild_tensor_v2`, whose seventh argument says how values are changed when read."""
    return _tensor(_plain(_some(arguments, "a tensor", 6, 7), 6))


def _tensor_3(arguments: tuple[object, ...]) -> object:
    """Return the tensor of `_rebuild_tensor_v3`: a storage of bytes, with the dtype as the seventh argument."""
    arguments = _plain(_some(arguments, "a tensor", 7, 8), 7)
    dtype = arguments[6]
    if not isinstance(dtype, Global) or str(dtype) not in DTYPES:
        kind = dtype if isinstance(dtype, Global) else shown(dtype)
        raise ValueError(f"a tensor has the dtype {kind}, which NumPy cannot hold")
    return _tensor(arguments, as_dtype(DTYPES[str(dtype)]))


def _parameter(arguments: tuple[object, ...]) -> object:
    """Return the tensor in `_rebuild_parameter(data, requires_grad, backward_hooks)`.

    A fourth argument has attributes of Python's. One that is a tensor could be `data`, and take the first one's place.
    """
    tensor, needs_gradients, hooks, *state = _some(arguments, "a parameter", 3, 4)
    _check_gradients(needs_gradients, hooks)
    if not isinstance(tensor, TensorRef):
        raise ValueError("a parameter is made of something that is no tensor")
    for attributes in state[0] if state and isinstance(state[0], tuple) else state:
        if isinstance(attributes, Entries) and any(isinstance(value, TensorRef) for value in attributes.values()):
            raise ValueError("a parameter has further tensors for attributes, none were expected")
    return tensor


def _check_gradients(needed: object, hooks: object) -> None:
    """Refuse what PyTorch could not set: whether a tensor needs gradients, and the table of what sees them."""
    if not isinstance(needed, bool):
        raise ValueError(f"a tensor needs gradients to the degree of {shown(needed)}, yes or no was expected")
    if hooks is not None and not isinstance(hooks, Entries):
        raise ValueError(f"a tensor has {shown(hooks)} for hooks, a dictionary was expected")


def _some(arguments: tuple[object, ...], what: str, least: int, most: int) -> tuple[object, ...]:
    """Return the arguments. Raises ValueError where they are too few or too many."""
    if not least <= len(arguments) <= most:
        expected = f"{least}" if least == most else f"{least} or {most}"
        raise ValueError(f"{what} is described by {counted(len(arguments), 'value')}, {expected} were expected")
    return arguments


def _plain(arguments: tuple[object, ...], place: int) -> tuple[object, ...]:
    """Return the arguments. Raises ValueError where the one at `place`, if any, negates or conjugates the values."""
    metadata = arguments[place] if len(arguments) > place else None
    if metadata is not None and (not isinstance(metadata, Entries) or metadata or metadata.strangers):
        raise ValueError(
            "a tensor is saved as the negative or the conjugate of its values, plain ones were expected (save it with "
            ".resolve_neg().resolve_conj())"
        )
    return arguments


def _dictionary(arguments: tuple[object, ...]) -> object:
    """Return the dictionary of `OrderedDict()`, or of Python 2's `OrderedDict([[key, value], ...])`."""
    entries = Entries()
    match arguments:
        case ():
            pass
        case (list() as pairs,):
            for pair in pairs:
                if not isinstance(pair, list | tuple) or len(pair) != 2:
                    raise ValueError("an ordered dictionary is made of something else than pairs")
                entries.add(*pair)
        case _:
            raise ValueError("an ordered dictionary is made of something else than pairs")
    return entries


def _default_dictionary(_: tuple[object, ...]) -> object:
    return Entries()


def _opaque(_: tuple[object, ...]) -> object:
    return OPAQUE


def _unhashable(_: tuple[object, ...]) -> object:
    return UNHASHABLE


_TENSORS: dict[str, Constructor] = {
    "torch._utils._rebuild_tensor": _tensor_1,
    "torch._utils._rebuild_tensor_v2": _tensor_2,
    "torch._utils._rebuild_tensor_v3": _tensor_3,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
}

_DICTIONARIES: dict[str, Constructor] = {
    "collections.OrderedDict": _dictionary,
    "collections.defaultdict": _default_dictionary,
}

_THROWN_AWAY = {  # settings, counters and random states of a training run
    "pathlib.PosixPath",
    "torch.Size",
    "torch.device",
    "torch.serialization._get_layout",
    "_codecs.encode",
    "numpy.dtype",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    *(
        f"{module}.{name}"
        for module in ("builtins", "__builtin__")
        for name in ("complex", "frozenset", "int", "float")
    ),
}

_THROWN_AWAY_UNHASHABLE = {
    "argparse.Namespace",
    "collections.Counter",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    *(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("bytearray", "dict", "list", "set")),
}

_NEVER_CALLED = {
    "numpy.ndarray",
    *STORAGES,
    *DTYPES,
    "torch.float8_e4m3fn",  # these have no dtype here, and a tensor of one is refused by its name
    "torch.float8_e5m2",
    "torch.float8_e4m3fnuz",
    "torch.float8_e5m2fnuz",
    "torch.float8_e8m0fnu",
    "torch.complex32",
}

NAMES: dict[str, Constructor | None] = {
    **_TENSORS,
    **_DICTIONARIES,
    **dict.fromkeys(_THROWN_AWAY, _opaque),
    **dict.fromkeys(_THROWN_AWAY_UNHASHABLE, _unhashable),
    **dict.fromkeys(_NEVER_CALLED),
}
"""Every global that a PyTorch checkpoint may name here, and what calling it makes; see `pickle_machine.unpickle`."""
