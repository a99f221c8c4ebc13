"""Paddle's `.pdparams`: a pickle, of protocol 2 to 4, of a dictionary from names to NumPy's arrays.

Beside them stand `StructuredToParameterName@@`, the names that Paddle gave the parameters itself, and, under protocol 2
and 3, `UnpackBigParamInfor@@`: which arrays of more than a gigabyte were cut into slices, and their shapes. A tensor
deeper inside the saved object is `tuple((name, array))`.

bfloat16 is saved as uint16, which Paddle itself does not have: such arrays are bfloat16, as `paddle.to_tensor` makes
them. Every global is looked up in a table and nothing is executed; Paddle itself runs whatever the file names (issue
77735).

Source: paddle/framework/io.py (`_pickle_save`, `_parse_load_result`) and io_utils.py (`_unpack_saved_dict`,
`_pack_loaded_dict`).
"""

from math import prod
from types import MappingProxyType

import ml_dtypes
import numpy as np

from isomorph.tools.checkpoints.checkpoint import METADATA, Checkpoint, Tensor
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.noted import noted
from isomorph.tools.checkpoints.paddle import numpy_pickles
from isomorph.tools.checkpoints.paddle.numpy_pickles import ArrayRef, shape_of
from isomorph.tools.checkpoints.pickles.machine import unpickle_all
from isomorph.tools.checkpoints.pickles.values import Constructor, Entries, Span
from isomorph.tools.checkpoints.wording import counted, shown

NAME = "Paddle pickle"
NAME_TABLE = "StructuredToParameterName@@"
SLICES = "UnpackBigParamInfor@@"

_PROTOCOLS = (2, 3, 4)
_MOST_OFTEN = 16  # how many times over its tensors may view the bytes of a file: tied weights share theirs


def read(file: MappedFile) -> Checkpoint:
    """Read the checkpoint in `file`. Raises BadInput if it is no dictionary of arrays, damaged, or would run code."""
    protocol = file.read(1, 1)[0]
    if protocol not in _PROTOCOLS:
        raise file.bad(f"it is a pickle of protocol {protocol}, {' or '.join(map(str, _PROTOCOLS))} was expected")
    entries = unpickle_all(file, 0, file.size, _NAMES, spans=True)
    if not isinstance(entries, Entries):
        raise file.bad(f"it holds {shown(entries)}, a dictionary of arrays was expected: save a state_dict()")
    if entries.strangers:
        raise file.bad(f"it has {entries.strangers} entries under keys that are no text: names were expected")
    arrays = {name: array for name, entry in entries.items() if (array := _array(entry)) is not None}
    if not arrays:
        holds = ", ".join(shown(key) for key in list(entries)[:5]) or "nothing under any name"
        raise file.bad(f"no arrays were found in it (it holds {holds}), a state_dict of Paddle's was expected")
    total = sum(array.nbytes for array in arrays.values())
    if total > _MOST_OFTEN * file.size:
        raise file.bad(
            f"its {counted(len(arrays), 'array')} would take {total:,} bytes, at most {_MOST_OFTEN} times the file's "
            f"{file.size:,} were expected: it is made to exhaust the memory"
        )
    tensors = {name: _as_paddle_takes_it(array.array(file, name)) for name, array in arrays.items()}
    if SLICES in entries:
        tensors = _joined(file, tensors, entries[SLICES])
    _check_name_table(file, entries.get(NAME_TABLE), tensors)
    match entries.get(METADATA):
        case Span(text=True) as note:
            metadata = noted(file, note.start, note.count)
        case str(note):  # so short that it was not left in the file
            metadata = {METADATA: note}
        case _:
            metadata = {}
    left_out = tuple(name for name in entries if name not in arrays and name not in (SLICES, *metadata))
    return Checkpoint(file.path, NAME, MappingProxyType(tensors), MappingProxyType(metadata), left_out=left_out)


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


def _dictionary(arguments: tuple[object, ...]) -> object:
    if arguments:
        raise ValueError("a dictionary is made of something else than its entries")
    return Entries()


_NAMES: dict[str, Constructor | None] = {
    **numpy_pickles.NAMES,
    "builtins.tuple": _tuple,
    "__builtin__.tuple": _tuple,  # protocol 2 calls Python 3's modules by Python 2's names
    "collections.OrderedDict": _dictionary,
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
