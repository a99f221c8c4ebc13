"""Sanity checks of a network's tensors: values that training never leaves on purpose."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.spec.naming import ZooTensor
from isomorph.spec.tensors import GAMMA, MOVING_VARIANCE, WEIGHTS, split
from isomorph.tools.checkpoints import Tensor, Tensors

ChannelMatrix = npt.NDArray[Any]  # [inputs, depth] or [depth, inputs]: all values of a channel in a column or row
PerChannel = npt.NDArray[Any]  # [depth]


@dataclass(frozen=True)
class SuspectTensor:
    """A tensor that fails a sanity check.

    tensor: its name in the file. what: what is wrong, in words. values: how many of its values or channels are so.
    """

    tensor: str
    what: str
    values: int


def find_suspect_tensors(tensors: Tensors, named: Mapping[str, ZooTensor]) -> Iterator[SuspectTensor]:
    """Yield the tensors that fail a sanity check, after one look at every value.

    tensors: name in the file -> array. named: canonical name -> tensor of the file; empty for an unknown network, of
        which only NaN and infinite values are reported.
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
        if not np.isfinite(power).all() and (suspects := list(_not_finite(name, value))):
            yield from suspects  # else only its squares are too large
        elif leaf == WEIGHTS and (dead := _zero_channels(channels, axes, power)):
            yield SuspectTensor(name, f"{_channels(dead, power.size)} dead: the kernel is zero", dead)
        elif leaf == GAMMA and (dead := int(np.count_nonzero(value == 0))):
            yield SuspectTensor(name, f"{_channels(dead, value.size)} constant: gamma is zero", dead)
        elif leaf == MOVING_VARIANCE:
            yield from _of_variance(name, value)


def _by_channel(kernel: Tensor, tensor: ZooTensor) -> tuple[ChannelMatrix, str]:
    """Return the kernel as a matrix, a view where possible, and its axes, "io" or "oi", "o" the output channels."""
    assert tensor.axes is not None
    depth = tensor.canonical[-1]
    if tensor.axes.letters.startswith("O"):
        return kernel.reshape(depth, -1), "oi"
    if tensor.axes.letters.endswith("O"):
        return kernel.reshape(-1, depth), "io"
    return tensor.to_canonical(kernel).reshape(-1, depth), "io"


def _power(channels: ChannelMatrix, axes: str) -> PerChannel:
    """Return the sum of squares of each channel; not finite where a value is not. The fastest test of all values."""
    wide = channels if channels.dtype.itemsize >= 4 else channels.astype(np.float32)
    return np.asarray(np.einsum(f"{axes},{axes}->o", wide, wide))


def _zero_channels(channels: ChannelMatrix, axes: str, power: PerChannel) -> int:
    """Count the channels that hold only zeros; a power of zero alone may come of small numbers whose squares vanish."""
    if (power != 0).all():
        return 0
    return int(np.count_nonzero(~channels.any(axis=axes.index("i"))))


def _not_finite(name: str, value: Tensor) -> Iterator[SuspectTensor]:
    for words, count in (("NaN", np.isnan(value)), ("infinite", np.isinf(value))):
        if bad := int(np.count_nonzero(count)):
            yield SuspectTensor(name, f"{bad:,} of {value.size:,} values are {words}", bad)


def _of_variance(name: str, value: Tensor) -> Iterator[SuspectTensor]:
    if bad := int(np.count_nonzero(value < 0)):
        yield SuspectTensor(name, f"{bad:,} of {value.size:,} variances are negative", bad)
    if bad := int(np.count_nonzero(value == 0)):
        what = f"{_channels(bad, value.size)} constant before their batch norm: the variance is zero"
        yield SuspectTensor(name, what, bad)


def _channels(number: int, of: int) -> str:
    return f"{number:,} of {of:,} channels {'is' if number == 1 else 'are'}"
