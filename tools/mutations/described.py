"""Tensors as what can be compared across processes: dtype, shape, and a digest of the bytes."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

Described = dict[str, list[Any]]
"""Name -> dtype's name, shape, digest of the elements in C order."""

INSIDE = "\x1f/\x1f"
"""Between the keys of dictionaries that stand in each other."""


def described(dtype: str, shape: tuple[int, ...], raw: bytes) -> list[Any]:
    """One tensor."""
    return [dtype, list(shape), hashlib.sha1(raw, usedforsecurity=False).hexdigest()]


def of_arrays(arrays: Mapping[str, Any]) -> Described:
    """Every one of NumPy's arrays."""
    values = {name: np.asarray(array) for name, array in arrays.items()}
    return {name: described(value.dtype.name, value.shape, value.tobytes()) for name, value in values.items()}


def leaves(value: object, kind: type, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Everything of a `kind` in dictionaries inside dictionaries, under the keys joined by `INSIDE`."""
    if isinstance(value, kind):
        yield INSIDE.join(path), value
    elif isinstance(value, Mapping) and len(path) < 12:
        for key, item in value.items():
            if isinstance(key, str):
                yield from leaves(item, kind, (*path, key))
