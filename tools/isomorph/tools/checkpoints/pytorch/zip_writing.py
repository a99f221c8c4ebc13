"""PyTorch's file since 1.6 as `torch.save` makes it of an `OrderedDict` of tensors; `zip` says what is in it.

Sources: torch/serialization.py (`_save`), torch/_tensor.py (`_reduce_ex_internal`) and
caffe2/serialize/inline_container.cc (`version`, and where a record starts).
"""

import struct
import zipfile
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import IO

import numpy as np

from isomorph.backends.dtypes import as_dtype
from isomorph.tools.checkpoints.checkpoint import Tensor
from isomorph.tools.checkpoints.pickles.program import Program
from isomorph.tools.checkpoints.pytorch.objects import DTYPES, STORAGES
from isomorph.tools.checkpoints.tensor_bytes import check_tensors, little_endian, pieces
from isomorph.tools.checkpoints.wording import refusal, shown
from isomorph.tools.writing import new_file

_FOLDER = "archive"  # what `torch.save` calls it where it has no file's name; any will do
_ALIGNMENT = 64  # bytes, so that a mapped tensor starts with a line of the processor's cache
_VERSION = b"3\n"
_PADDING = b"FB"  # the kind of extra field that PyTorch pads with
_LOCAL_HEADER, _EXTRA_HEADER, _EXTRA64 = 30, 4, 20  # bytes
_UNTYPED = "torch.storage.UntypedStorage"
_STORAGE_OF = {as_dtype(dtype): name for name, dtype in STORAGES.items() if name != _UNTYPED}
_NAME_OF = {as_dtype(dtype): name for name, dtype in DTYPES.items()}


def write_pytorch_zip(
    path: str | Path, tensors: Mapping[str, Tensor], records: Mapping[str, bytes] = MappingProxyType({})
) -> None:
    """Write `tensors` as a state dict to `path`, which appears whole or not at all; an older file stands until then.

    Names, order, shapes, dtypes and bits come back from `torch.load(path, weights_only=True)`, and from
    `read_checkpoint` but for a prefix of all names that it takes off ("module."). Big-endian tensors come back
    little-endian. Every tensor has a storage of its own, at a multiple of 64 bytes. At most one tensor at a time is
    copied, none that lies in C order. A process that is killed meanwhile leaves a hidden folder with the unfinished
    file beside `path`.

    records: further records by name, which PyTorch leaves alone; `read_checkpoint` takes "isomorph.architecture" for
        metadata.

    Raises:
        BadInput: no tensors, a dtype that PyTorch lacks, a name that is no text, a record's name that PyTorch keeps for
            itself or that leads out of the archive, or a path that cannot be written.
    """
    path = Path(path)
    check_tensors(path, tensors, _NAME_OF)
    _check_records(path, records)
    fixed = {"data.pkl": _program(tensors), "byteorder": b"little", "version": _VERSION}
    with new_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, content in {**fixed, **records}.items():
            _add(file, archive, name, len(content), [content])
        for number, tensor in enumerate(tensors.values()):
            _add(file, archive, f"data/{number}", tensor.nbytes, pieces(tensor))


def _check_records(path: Path, records: Mapping[str, bytes]) -> None:
    # PyTorch's reader does not tell capitals from small letters, and takes some names for those of a program.
    for name in records:
        first, *others = name.lower().split("/")
        known = not others and first in {"data.pkl", "byteorder", "version", "constants.pkl"}
        if known or not first or first[:1] == "." or first in {"data", "code"} or {"..", ""} & set(others):
            raise refusal(path, f"a record is called {shown(name)}, which PyTorch keeps for itself: rename it")
        if not name.isascii() or not name.isprintable() or "\\" in name:
            raise refusal(path, f"a record is called {shown(name)}, printable ASCII was expected: rename it")
    if len({name.lower() for name in records}) < len(records):
        raise refusal(path, "two records have names that differ in capitals alone, which PyTorch does not tell apart")


def _add(
    file: IO[bytes], archive: zipfile.ZipFile, name: str, size: int, content: Iterable[bytes | memoryview]
) -> None:
    """Add a record of `size` bytes, not compressed, at the next multiple of 64 bytes."""
    member = zipfile.ZipInfo(f"{_FOLDER}/{name}")  # of 1980, so that the same tensors make the same file
    member.file_size = size
    start = file.tell() + _LOCAL_HEADER + len(member.filename) + _EXTRA_HEADER
    wide = size * 1.05 > zipfile.ZIP64_LIMIT  # zipfile's own rule for when a header has the 64-bit field
    padding = -(start + _EXTRA64 * wide) % _ALIGNMENT
    member.extra = struct.pack("<2sH", _PADDING, padding) + b"Z" * padding
    with archive.open(member, "w", force_zip64=wide) as record:
        for piece in content:
            record.write(piece)
    member.extra = b""  # the table of contents needs no padding


def _program(tensors: Mapping[str, Tensor]) -> bytes:
    """Return the pickle of the dictionary."""
    program = Program(protocol=2)
    _empty_dictionary(program)
    program.raw(b"(")
    for number, (name, tensor) in enumerate(tensors.items()):
        program.text(name)
        _describe(program, str(number), little_endian(tensor), tensor.shape)
    program.raw(b"u.")
    return program.taken()


def _empty_dictionary(program: Program) -> None:
    program.named("collections", "OrderedDict")
    program.raw(b")R")


def _describe(program: Program, key: str, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    """Add a call of `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)`.

    dtypes since PyTorch 2.3 have no type of storage; version 3 is told theirs beside a storage of bytes.
    """
    storage = _STORAGE_OF.get(dtype, _UNTYPED)
    elements = prod(shape)
    program.named("torch._utils", "_rebuild_tensor_v3" if storage == _UNTYPED else "_rebuild_tensor_v2")
    program.raw(b"((")
    program.word("storage")
    program.named(*storage.rsplit(".", 1))
    program.text(key)
    program.word("cpu")
    program.integer(elements * dtype.itemsize if storage == _UNTYPED else elements)
    program.raw(b"tQ")
    program.integer(0)
    program.integers(shape)
    program.integers(_strides(shape))
    program.raw(b"\x89")
    _empty_dictionary(program)
    if storage == _UNTYPED:
        program.named(*_NAME_OF[dtype].rsplit(".", 1))
    program.raw(b"tR")


def _strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides of C order in elements, as PyTorch counts them: an empty axis as if it had one element."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))
