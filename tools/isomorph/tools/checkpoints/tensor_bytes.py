"""Check and convert tensors for the writers of every format: what may be written, and its bytes."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from isomorph.tools.checkpoints.checkpoint import Tensor
from isomorph.tools.checkpoints.mapped_file import MOST_AXES
from isomorph.tools.checkpoints.pickles.machine import LONGEST_NAME
from isomorph.tools.checkpoints.wording import refusal, shown

_PIECE = 1 << 20  # bytes: a piece is still in the processor's cache when it is written after its checksum was taken


def check_tensors(path: Path, tensors: Mapping[str, Tensor], dtypes: Iterable[np.dtype]) -> None:
    """Raise BadInput where nothing could be written to `path` that `read_checkpoint` reads back.

    There must be tensors, of at most 16 axes and of `dtypes` (little-endian; `pieces` turns round the others), under
    names that are Unicode text of at most 1024 bytes.
    """
    known = tuple(dtypes)
    if not tensors:
        raise refusal(path, "there are no tensors to write, at least one was expected")
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not _is_name(name):
            raise refusal(
                path,
                f"a tensor is called {shown(name)}, Unicode text of at most {LONGEST_NAME:,} bytes was expected: "
                "rename it",
            )
        if tensor.ndim > MOST_AXES:
            raise refusal(path, f"tensor {shown(name)} has {tensor.ndim} axes, at most {MOST_AXES} were expected")
        if little_endian(tensor) not in known:
            expected = ", ".join(dtype.name for dtype in known)
            raise refusal(path, f"tensor {shown(name)} is {tensor.dtype}, one of {expected} was expected: cast it")


def little_endian(tensor: Tensor) -> np.dtype:
    """Return the dtype in which `pieces` gives the tensor's elements."""
    return tensor.dtype.newbyteorder("<")


def pieces(tensor: Tensor) -> Iterator[memoryview]:
    """Yield the tensor's bytes, little-endian and in C order, in pieces; a whole copy is made only if needed."""
    plain = np.ascontiguousarray(tensor.astype(little_endian(tensor), copy=False))
    raw = plain.reshape(-1).view(np.uint8).data
    for start in range(0, len(raw), _PIECE):
        yield raw[start : start + _PIECE]


def _is_name(name: str) -> bool:
    try:
        return len(name.encode()) <= LONGEST_NAME
    except UnicodeEncodeError:
        return False
