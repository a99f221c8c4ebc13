"""safetensors: a header in JSON that names every tensor's dtype, shape and bytes, then the bytes.

The safetensors library validates every file: sizes, overlaps, holes, the end of the file. What it lets pass although
the format forbids it (a name twice, of which readers take one or the other; a header that starts with a space) is
refused here.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, safe_open

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints.checkpoint import Checkpoint, Tensor
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.tensor_bytes import pieces
from isomorph.tools.checkpoints.wording import counted, refusal, shown
from isomorph.tools.writing import new_file

NAME = "safetensors"

_DTYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "C64": np.dtype("<c8"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_USUAL_ENTRY = 105  # bytes of a header that name a tensor, its shape and place
_FREE_HEADER = 1 << 20  # bytes that any file may have; 10,000 tensors' worth
_ENTRY = b'"data_offsets"'  # stands in each entry once
_LONGEST_ENTRY = 512


def read(file: MappedFile) -> Checkpoint:
    """Read the checkpoint in `file`. Raises BadInput where it breaks the format, or holds a dtype that NumPy cannot."""
    length = int.from_bytes(file.read(0, 8), "little")
    if 8 + length > file.size:
        raise file.bad(f"its header takes {length:,} bytes of {file.size - 8:,}: it was cut short, fetch it again")
    # JSON becomes Python objects of up to thirty times its size.
    if length > _FREE_HEADER + file.size // 32:
        raise file.bad(_why_so_long(file, length))
    file.check_number(file.read(8, length).count(_ENTRY))
    if file.read(8, 1) != b"{":
        raise file.damaged(f"its header starts with {shown(file.read(8, 1))}, a brace was expected")
    try:
        with safe_open(file.path, framework="np") as validated:
            metadata = validated.metadata()
    except (SafetensorError, OSError) as problem:
        raise file.damaged(f"it is no sound safetensors file ({shown(str(problem), 200)})") from None
    header = _header(file, length)
    header.pop("__metadata__", None)
    tensors = {name: _tensor(file, name, description, 8 + length) for name, description in header.items()}
    if not tensors:
        raise file.bad("it holds no tensors, at least one was expected: is it the right file?")
    return Checkpoint(file.path, NAME, MappingProxyType(tensors), MappingProxyType(dict(metadata or {})))


def _why_so_long(file: MappedFile, length: int) -> str:
    """Return why a header of `length` bytes is too long beside the values that it describes."""
    count, position = 0, file.find(_ENTRY, 8, 8 + length)
    while position >= 0:
        count, position = count + 1, file.find(_ENTRY, position + 1, 8 + length)
    if count * _LONGEST_ENTRY > length:
        return (
            f"it holds {counted(count, 'tensor')} of {file.size - 8 - length:,} bytes in all, too many for so little:"
            f" their names and shapes alone take {length:,} bytes, and of small tensors some"
            f" {_FREE_HEADER // _USUAL_ENTRY:,} are expected at most; is it the checkpoint of a network?"
        )
    return (
        f"its header takes {length:,} of its {file.size:,} bytes, far more than names and shapes do: fetch or save the"
        " file again"
    )


def _header(file: MappedFile, length: int) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        entries = dict(pairs)
        if len(entries) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise file.damaged(f"its header names {shown(twice)} twice, where once was expected")
        return entries

    try:
        header: dict[str, Any] = json.loads(file.read(8, length), object_pairs_hook=once)
    except BadInput:
        raise
    except ValueError as problem:
        raise file.damaged(f"its header cannot be read ({problem})") from None
    return header


def _tensor(file: MappedFile, name: str, description: object, data: int) -> Tensor:
    match description:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(start), int()]}:
            pass
        case _:
            raise file.damaged(f"its header describes {shown(name)} by no object of dtype, shape and data_offsets")
    if dtype not in _DTYPES:
        raise file.bad(f"its tensor {shown(name)} has the dtype {dtype}, one of {', '.join(_DTYPES)} was expected")
    return file.array(name, _DTYPES[dtype], tuple(shape), data + start)


def write_safetensors(path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write `tensors` to `path`, which appears whole or not at all; an older file of that name stands until then.

    Names, order, shapes, dtypes and bits come back as they are from `read_checkpoint`. In the file, the tensors of
    larger elements come first, so that all are aligned. At most one tensor at a time is copied. A process that is
    killed meanwhile leaves a hidden folder with the unfinished file beside `path`.

    Raises:
        BadInput: a dtype that safetensors lacks, a name that it keeps for itself, metadata that is not text, or a path
            that cannot be written.
    """
    path = Path(path)
    header, order = _layout(path, tensors, metadata)
    with new_file(path) as file:
        file.write(header)
        for name in order:
            file.writelines(pieces(tensors[name]))


def _layout(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> tuple[bytes, list[str]]:
    """Return the header with its length, and the order in which the tensors' bytes follow."""
    codes = {dtype: code for code, dtype in _DTYPES.items()}
    for name, tensor in tensors.items():
        if not isinstance(name, str) or name == "__metadata__":
            raise refusal(path, f"a tensor is called {shown(name)}, which safetensors cannot name: rename it")
        if tensor.dtype not in codes:
            raise refusal(path, f"tensor {shown(name)} is {tensor.dtype}, one of {', '.join(_DTYPES)} was expected")
    if not all(isinstance(text, str) for pair in metadata.items() for text in pair):
        raise refusal(path, "its metadata is not all text, names and values of text were expected")
    order = sorted(tensors, key=lambda name: -tensors[name].dtype.itemsize)
    offsets: dict[str, list[int]] = {}
    position = 0
    for name in order:
        offsets[name] = [position, position + tensors[name].nbytes]
        position += tensors[name].nbytes
    entries: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    for name, tensor in tensors.items():
        entries[name] = {"dtype": codes[tensor.dtype], "shape": list(tensor.shape), "data_offsets": offsets[name]}
    try:
        text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise refusal(path, "a tensor's name or the metadata is no Unicode text: rename it") from None
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, order
