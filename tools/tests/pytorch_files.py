"""Files as `torch.save` writes them, of nested dictionaries of arrays, without PyTorch."""

from collections.abc import Mapping

import numpy as np

from .hostile_files import Raw, raw, storage, tensor, zipped

Saved = Mapping[str, object]
"""Names or keys -> arrays, dictionaries of them, or what else a script keeps."""


def saved(content: Saved) -> bytes:
    """The file of `content`; arrays of float32. Those that repeat one value in memory share one storage, of zeros."""
    repeating = [array for array in _arrays(content) if not any(array.strides)]
    records = {"0": bytes(4 * max((array.size for array in repeating), default=0))}
    return zipped(_with_tensors(content, records), records)


def _arrays(content: Saved) -> list[np.ndarray]:
    arrays = []
    for value in content.values():
        if isinstance(value, np.ndarray):
            arrays.append(value)
        elif isinstance(value, Mapping):
            arrays += _arrays(value)
    return arrays


def _with_tensors(content: Saved, records: dict[str, bytes]) -> dict[str, object]:
    """The dictionary with opcodes for arrays, whose bytes are added to the records."""
    opcodes: dict[str, object] = {}
    for name, value in content.items():
        if isinstance(value, Mapping):
            opcodes[name] = _with_tensors(value, records)
        elif isinstance(value, np.ndarray):
            opcodes[name] = _tensor(value, records)
        else:
            opcodes[name] = value
    return opcodes


def _tensor(array: np.ndarray, records: dict[str, bytes]) -> Raw:
    key = "0" if not any(array.strides) else str(len(records))
    records.setdefault(key, array.tobytes())
    strides = tuple(stride // 4 for stride in np.empty(array.shape, np.float32).strides)
    return raw(tensor(storage(key, len(records[key]) // 4), 0, array.shape, strides))
