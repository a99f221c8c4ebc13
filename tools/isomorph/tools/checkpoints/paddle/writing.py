"""Paddle's `.pdparams` as `paddle.save` makes it of a state dict, under protocol 4; `pdparams` says what is in it.

`paddle.save` adds the table `StructuredToParameterName@@` of the names that Paddle gives parameters as it builds a
network ("conv2d_0.w_0"). They are not known here, and only `set_state_dict(..., use_structured_name=False)` asks for
them: without the table, `paddle.load` makes tensors of all arrays, as it does of files from 2.1's static graphs.

Arrays of more than a gigabyte need nothing special: only protocols 2 and 3 cut them.

Sources: paddle/framework/io.py (`_legacy_save`, `load`) and io_utils.py (`_unpack_saved_dict`); `pickled_arrays` says
those of an array's pickle.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import ml_dtypes
import numpy as np

from isomorph.tools.checkpoints.checkpoint import Tensor
from isomorph.tools.checkpoints.paddle.pdparams import NAME_TABLE, SLICES
from isomorph.tools.checkpoints.pickles.program import Program
from isomorph.tools.checkpoints.tensor_bytes import check_tensors, little_endian, pieces
from isomorph.tools.checkpoints.wording import refusal, shown
from isomorph.tools.writing import new_file

_CODES = {
    np.dtype(code).newbyteorder("<"): code
    for code in ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "b1", "c8", "c16")
} | {np.dtype(ml_dtypes.bfloat16): "u2"}


def write_pdparams(
    path: str | Path, tensors: Mapping[str, Tensor], texts: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Write `tensors` as a state dict to `path`, which appears whole or not at all; an older file stands until then.

    Names, order, shapes, dtypes and bits come back from `paddle.load` and from `read_checkpoint`: bfloat16 is saved as
    uint16, as Paddle does, which has no uint16 of its own and takes it for bfloat16 again. Big-endian tensors come back
    little-endian. At most one tensor at a time is copied, none that lies in C order. A process that is killed meanwhile
    leaves a hidden folder with the unfinished file beside `path`.

    texts: further entries, which `paddle.load` gives with the tensors and `set_state_dict` leaves alone.

    Raises:
        BadInput: no tensors, a dtype that Paddle lacks (unsigned integers of more than 8 bits), a name that is no text
            or that Paddle keeps for itself, or a path that cannot be written.
    """
    path = Path(path)
    check_tensors(path, tensors, _CODES)
    if taken := {NAME_TABLE, SLICES, *texts} & tensors.keys():
        raise refusal(path, f"a tensor is called {shown(min(taken))}, which this file keeps for itself: rename it")
    program = Program(protocol=4)
    program.raw(b"}(")
    with new_file(path) as file:
        for name, tensor in tensors.items():
            program.text(name)
            _begin(program, tensor)
            file.write(program.taken())
            file.writelines(pieces(tensor))
            program.raw(b"tb")
        for name, text in texts.items():
            program.text(name)
            program.text(text)
        program.raw(b"u.")
        file.write(program.taken())


def _begin(program: Program, tensor: Tensor) -> None:
    """An array's pickle up to its bytes."""
    program.named("numpy.core.multiarray", "_reconstruct")  # NumPy 2 knows its old name, NumPy 1 not the new one
    program.named("numpy", "ndarray")
    program.integers((0,))
    program.raw(b"C\x01b\x87R(")
    program.integer(1)
    program.integers(tensor.shape)
    _dtype(program, little_endian(tensor))
    program.raw(b"\x89")
    program.bytes_of(tensor.nbytes)


def _dtype(program: Program, dtype: np.dtype) -> None:
    code = _CODES[dtype]
    if program.recalled(code):
        return
    program.named("numpy", "dtype")
    program.text(code)
    program.raw(b"\x89\x88\x87R(")
    program.integer(3)
    program.text("|" if dtype.itemsize == 1 else "<")
    program.raw(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb")
    program.remember(code)
