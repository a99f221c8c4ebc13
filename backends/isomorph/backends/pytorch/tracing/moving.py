"""PyTorch's operations that only move elements, and those that write in place."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from isomorph.backends.array_forms import Array
from isomorph.backends.pytorch.tracing.call import Call, same_values, to_array
from isomorph.backends.pytorch.tracing.handlers import InexpressibleError, moves, on_each, records
from isomorph.spec.operations import Cast

if TYPE_CHECKING:
    from isomorph.backends.pytorch.tracing.tracer import Tracer

RESHAPING = frozenset(("as_strided_", "squeeze_", "t_", "transpose_", "unsqueeze_"))
"""Operations that change the axes of a tensor in place, and none of its elements."""


@moves(
    *("_unsafe_index", "alias", "channel_shuffle", "clone", "detach", "diagonal", "expand", "flip", "index"),
    *("index_select", "lift_fresh", "permute", "pixel_shuffle", "pixel_unshuffle", "repeat", "roll", "rot90"),
    *("select", "slice", "split", "split_with_sizes", "t", "transpose", "unbind", "unfold", "unsafe_split"),
)
def _move(tracer: "Tracer", call: Call) -> None:
    """Run an operation that only moves elements on their numbers. Which it moves may not depend on the images."""
    if any(tracer.flows(each) for each in call.inputs if each is not call.x):
        raise InexpressibleError

    def move(numbers: Array) -> list[Array]:
        given = torch.from_numpy(numbers if min(numbers.strides, default=0) >= 0 else numbers.copy())
        return [each.numpy() for each in call.again(given)]

    tracer.recorder.move(tracer.key(call.x), list(map(tracer.key, call.results)), move)


@moves("_reshape_alias", "_unsafe_view", "squeeze", "squeeze_", "unsqueeze", "unsqueeze_", "view")
def _reshape(tracer: "Tracer", call: Call) -> None:
    """Record the same elements with other axes."""
    shape = tuple(call.result.shape)
    if call.result.dtype != call.x.dtype:
        raise InexpressibleError
    tracer.recorder.move(tracer.key(call.x), [tracer.key(call.result)], lambda x: [x.reshape(shape)])


@moves("t_", "transpose_")
def _transpose_in_place(tracer: "Tracer", call: Call) -> None:
    axes = (call["dim0"], call["dim1"]) if "dim0" in call.arguments else (-1, -2)
    tracer.recorder.move(tracer.key(call.x), [tracer.key(call.x)], lambda x: [x.swapaxes(*axes)])


@moves("as_strided_")
def _stride_in_place(tracer: "Tracer", call: Call) -> None:
    """Record an adaptive pool's last step, which gives its one cell other strides, and changes nothing."""
    if tracer.flows(call.x) and tracer.read(call.x).shape != tuple(call.x.shape):
        raise InexpressibleError


@moves(
    *("_upsample_nearest_exact1d", "_upsample_nearest_exact2d", "upsample_nearest1d", "upsample_nearest2d"),
    *("reflection_pad1d", "reflection_pad2d", "replication_pad1d", "replication_pad2d"),
)
def _repeat(tracer: "Tracer", call: Call) -> None:
    """Repeat cells: operations on floats alone, which hold every whole number below 2 ** 53."""

    def move(numbers: Array) -> list[Array]:
        (moved,) = call.again(torch.from_numpy(numbers.astype(np.float64)))
        return [moved.numpy().astype(np.int64)]

    tracer.recorder.move(tracer.key(call.x), [tracer.key(call.result)], move)


@moves("im2col")
def _windows(tracer: "Tracer", call: Call) -> None:
    """Record the cells in each window; those of a padding are no elements of the map."""
    if any(call["padding"]):
        raise InexpressibleError
    _repeat(tracer, call)


@moves("_to_copy")
def _cast(tracer: "Tracer", call: Call) -> None:
    """Pass on what stays as it is in another dtype or on another device."""
    _copy(tracer, call, call.x)


@records("copy_")
def _write(tracer: "Tracer", call: Call) -> None:
    """Write values into a tensor, which forgets what it was."""
    if tracer.flows(call["src"]):
        _copy(tracer, call, call["src"])
    else:
        tracer.forget(call.x)


def _copy(tracer: "Tracer", call: Call, x: Tensor) -> None:
    """Record values that are cast, if that changes any, and stretched."""
    result = tracer.key(call.result)
    value = call.value
    if same_values(np.broadcast_to(to_array(x), value.shape), value):
        tracer.recorder.move(tracer.key(x), [result], lambda numbers: [np.broadcast_to(numbers, value.shape)])
    elif tracer.flows(x):
        on_each(tracer, call, Cast(str(call.result.dtype).removeprefix("torch.")), [x])


@records("fill_", "zero_")
def _fill(tracer: "Tracer", call: Call) -> None:
    """Write a constant into a tensor, which forgets what it was."""
    if any(map(tracer.flows, call.inputs[1:])):
        raise InexpressibleError
    tracer.forget(call.x)
