"""Tensors that are saved in slices, put together."""

from collections.abc import Sequence
from math import prod

import numpy as np

from isomorph.tools.checkpoints.checkpoint import Tensor
from isomorph.tools.checkpoints.mapped_file import MappedFile

Place = tuple[slice, ...]
"""Where a slice is in its tensor: from where to where along each axis."""


def joined(file: MappedFile, shape: tuple[int, ...], slices: Sequence[tuple[Place, Tensor]]) -> Tensor:
    """Return the tensor of `shape` that slices of one dtype make, read-only; one that has all of it is not copied.

    Raises ValueError where they do not fill it, or overlap.
    """
    count = sum(values.size for _, values in slices)
    if not slices or count != prod(shape):
        raise ValueError(f"its slices have {count:,} elements, {prod(shape):,} were expected")
    if len(slices) == 1:
        return slices[0][1]
    dtype = slices[0][1].dtype
    file.spend(count * (dtype.itemsize + 1))
    array, filled = np.empty(shape, dtype), np.zeros(shape, np.bool_)
    for place, values in slices:
        if filled[place].any():
            raise ValueError("two of its slices overlap")
        array[place], filled[place] = values, True
    array.flags.writeable = False
    return array
