"""What is odd about a network's tensors: values that no training leaves behind on purpose."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.spec.naming import ZooTensor
from isomorph.spec.tensors import GAMMA, MOVING_VARIANCE, WEIGHTS, split

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class SuspectTensor:
    """tensor: its name in the file. what: in words. values: how many are so."""

    tensor: str
    what: str
    values: int


def find_suspect_tensors(tensors: Mapping[str, Array], named: Mapping[str, ZooTensor]) -> Iterator[SuspectTensor]:
    """Look at every value once.

    tensors: name in the file -> array. named: canonical name -> the file's, of a known network; empty of another, where
        NaN and infinity alone are odd.
    """
    leaves = {tensor.name: (split(name)[1], tensor) for name, tensor in named.items()}
    for name, value in tensors.items():
        leaf, tensor = leaves.get(name, ("", None))
        if value.dtype.kind not in "fcV":
            continue  # integers are all finite; a network has none
        if leaf == WEIGHTS and tensor is not None:
            channels, axes = _by_channel(value, tensor)
        else:
            channels, axes = value.reshape(1, -1), "oi"
        power = _power(channels, axes)
        if not np.isfinite(power).all() and (found := list(_not_finite(name, value))):
            yield from found  # else its squares alone are too large
        elif leaf == WEIGHTS and (dead := _zero_channels(channels, axes, power)):
            yield SuspectTensor(name, f"{_channels(dead, power.size)} dead: the kernel is zero", dead)
        elif leaf == GAMMA and (dead := int(np.count_nonzero(value == 0))):
            yield SuspectTensor(name, f"{_channels(dead, value.size)} constant: gamma is zero", dead)
        elif leaf == MOVING_VARIANCE:
            yield from _of_variance(name, value)


def _by_channel(kernel: Array, tensor: ZooTensor) -> tuple[Array, str]:
    """The kernel as a matrix, a view where it can be one; which of its axes, "io" or "oi", are output channels."""
    assert tensor.axes is not None
    depth = tensor.canonical[-1]
    if tensor.axes.letters.startswith("O"):
        return kernel.reshape(depth, -1), "oi"
    if tensor.axes.letters.endswith("O"):
        return kernel.reshape(-1, depth), "io"
    return tensor.to_canonical(kernel).reshape(-1, depth), "io"


def _power(channels: Array, axes: str) -> Array:
    """[depth]: the sum of the squares in each channel; not finite where one of them is not. The fastest look."""
    wide = channels if channels.dtype.itemsize >= 4 else channels.astype(np.float32)
    return np.asarray(np.einsum(f"{axes},{axes}->o", wide, wide))


def _zero_channels(channels: Array, axes: str, power: Array) -> int:
    """How many channels hold zeros alone: a power of zero is not enough, as squares of small numbers vanish."""
    if (power != 0).all():
        return 0
    return int(np.count_nonzero(~channels.any(axis=axes.index("i"))))


def _not_finite(name: str, value: Array) -> Iterator[SuspectTensor]:
    for words, count in (("NaN", np.isnan(value)), ("infinite", np.isinf(value))):
        if bad := int(np.count_nonzero(count)):
            yield SuspectTensor(name, f"{bad:,} of {value.size:,} values are {words}", bad)


def _of_variance(name: str, value: Array) -> Iterator[SuspectTensor]:
    if bad := int(np.count_nonzero(value < 0)):
        yield SuspectTensor(name, f"{bad:,} of {value.size:,} variances are negative", bad)
    if bad := int(np.count_nonzero(value == 0)):
        what = f"{_channels(bad, value.size)} constant before their batch norm: the variance is zero"
        yield SuspectTensor(name, what, bad)


def _channels(some: int, of: int) -> str:
    return f"{some:,} of {of:,} channels {'is' if some == 1 else 'are'}"
