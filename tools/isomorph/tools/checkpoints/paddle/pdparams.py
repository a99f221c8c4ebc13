"""Paddle's `.pdparams`: a pickle, of protocol 2 to 4, of a dictionary from names to NumPy's arrays.

Beside them stand `StructuredToParameterName@@`, the names that Paddle gave the parameters itself, and, under protocol 2
and 3, `UnpackBigParamInfor@@`: which arrays of more than a gigabyte were cut into slices, and their shapes. A tensor
deeper inside the saved object is `tuple((name, array))`; there a training script may keep its network, under "model".

bfloat16 is saved as uint16, which Paddle itself does not have: such arrays are bfloat16, as `paddle.to_tensor` makes
them. Every global is looked up in a table and nothing is executed; Paddle itself runs whatever the file names (issue
77735).

Source: paddle/framework/io.py (`_pickle_save`, `_parse_load_result`) and io_utils.py (`_unpack_saved_dict`,
`_pack_loaded_dict`).
"""

from functools import partial
from math import prod
from types import MappingProxyType

import ml_dtypes
import numpy as np

from isomorph.tools.checkpoints.checkpoint import METADATA, Checkpoint, Tensor
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.noted import noted
from isomorph.tools.checkpoints.numpy import pickled_arrays
from isomorph.tools.checkpoints.numpy.pickled_arrays import ArrayRef, shape_of
from isomorph.tools.checkpoints.pickles.machine import check_protocol, unpickle_all
from isomorph.tools.checkpoints.pickles.state_dicts import StateDict, checkpoint_in
from isomorph.tools.checkpoints.pickles.values import Constructor, Entries, Span, empty_dictionary
from isomorph.tools.checkpoints.wording import shown

NAME = "Paddle pickle"
NAME_TABLE = "StructuredToParameterName@@"
SLICES = "UnpackBigParamInfor@@"


def read(file: MappedFile) -> Checkpoint:
    """Read the checkpoint in `file`. Raises BadInput if it is no dictionary of arrays, damaged, or would run code."""
    check_protocol(file)
    value = unpickle_all(file, 0, file.size, _NAMES, spans=True)
    return checkpoint_in(file, value, "array", _array, partial(_made, file))


def _made(file: MappedFile, found: StateDict[ArrayRef]) -> Checkpoint:
    arrays = {name: array.array(file, name) for name, array in found.tensors.items()}
    tensors = {name: _as_paddle_takes_it(array) for name, array in arrays.items()}
    if SLICES in found.entries:
        tensors = _joined(file, tensors, found.entries[SLICES])
    _check_name_table(file, found.entries.get(NAME_TABLE), tensors)
    match found.entries.get(METADATA):
        case Span(text=True) as note:
            metadata = noted(file, note.start, note.count)
        case str(note):  # so short that it was not left in the file
            metadata = {METADATA: note}
        case _:
            metadata = {}
    return Checkpoint(
        path=file.path,
        format=NAME,
        tensors=MappingProxyType(tensors),
        metadata=MappingProxyType(metadata),
        unwrapped=found.unwrapped,
        left_out=tuple(name for name in found.left_out if name not in (SLICES, *metadata)),
        network_name=found.network_name,
    )


def _as_paddle_takes_it(array: Tensor) -> Tensor:
    return array.view(ml_dtypes.bfloat16) if array.dtype == np.uint16 else array


def _array(entry: object) -> ArrayRef | None:
    match entry:
        case ArrayRef() as array:
            return array
        case (str(), ArrayRef() as array):
            return array
    return None


def _tuple(arguments: tuple[object, ...]) -> object:
    match arguments:
        case (tuple(items),):
            return items
        case _:
            raise ValueError("a tuple is made of something else than a tuple")


_NAMES: dict[str, Constructor | None] = {
    **pickled_arrays.NAMES,
    "builtins.tuple": _tuple,
    "__builtin__.tuple": _tuple,  # protocol 2 calls Python 3's modules by Python 2's names
    "collections.OrderedDict": empty_dictionary,
}


def _joined(file: MappedFile, tensors: dict[str, Tensor], cut: object) -> dict[str, Tensor]:
    """Return the tensors with slices joined as `cut` describes; only these are copied."""
    if not isinstance(cut, Entries) or cut.strangers:
        raise file.damaged(f"its {SLICES} is {shown(cut)}, a dictionary of names was expected")
    whole = dict(tensors)
    for name, entry in cut.items():
        try:
            slices, shape = _slices_and_shape(entry)
            if name in whole:
                raise ValueError("it is there whole, too")
            if lacking := [part for part in slices if part not in whole]:
                raise ValueError(f"it lacks the slice {shown(lacking[0])}")
            if len(set(slices)) < len(slices):
                raise ValueError("it has a slice twice")
            parts = [whole.pop(part) for part in slices]
            if any(part.dtype != parts[0].dtype or part.ndim != 1 for part in parts):
                raise ValueError("its slices are not of one dtype and one axis each")
            if (count := sum(part.size for part in parts)) != prod(shape):
                raise ValueError(f"its slices have {count:,} elements, {shown(prod(shape))} were expected")
        except ValueError as problem:
            raise file.damaged(f"its tensor {shown(name)} cannot be put together from slices: {problem}") from None
        file.spend(sum(part.nbytes for part in parts))
        whole[name] = np.concatenate(parts).reshape(shape)
        whole[name].flags.writeable = False
    return whole


def _slices_and_shape(entry: object) -> tuple[list[str], tuple[int, ...]]:
    """Return the names of a tensor's slices, and its shape. Raises ValueError where `entry` is no such description."""
    if not isinstance(entry, Entries):
        raise ValueError(f"it is described by {shown(entry)}")
    slices = entry.get("slices")
    if not isinstance(slices, list) or not slices or not all(isinstance(part, str) for part in slices):
        raise ValueError("it has no list of slices")
    return slices, shape_of(entry.get("OriginShape"))


def _check_name_table(file: MappedFile, table: object, tensors: dict[str, Tensor]) -> None:
    """Raise BadInput for a table of names that is not of the file's tensors, as Paddle never writes one."""
    if table is None:
        return
    if not isinstance(table, Entries) or table.strangers or not all(isinstance(own, str) for own in table.values()):
        raise file.damaged(f"its {NAME_TABLE} is no dictionary from names to names")
    missing = next((name for name in table if name not in tensors), None)
    if missing is not None:
        raise file.damaged(f"its {NAME_TABLE} names {shown(missing)}, which it does not hold")
