"""Operations of Paddle that only move elements, or leave them what they are."""

from typing import TYPE_CHECKING

import numpy as np
import paddle

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.layout import Move
from isomorph.backends.paddle.tracing.call import Call, to_array, to_numbers
from isomorph.backends.paddle.tracing.handlers import are_constant, moves, on_each, record_unknown
from isomorph.spec.operations import Cast

if TYPE_CHECKING:
    from isomorph.backends.paddle.tracing.tracer import Tracer


def _follow(tracer: "Tracer", call: Call, move: Move) -> None:
    tracer.recorder.move(call.x.name, [tracer.key(call.result)], lambda x: [move(x)])


@moves(
    *("_getitem_dygraph", "as_strided", "channel_shuffle", "expand", "expand_as", "flip", "gather", "index_select"),
    *("nearest_interp", "pixel_shuffle", "pixel_unshuffle", "repeat_interleave", "reverse", "roll", "slice", "split"),
    *("split_with_num", "strided_slice", "tile", "unbind"),
)
def _move(tracer: "Tracer", call: Call) -> None:
    if are_constant(tracer, *call.inputs[1:]):
        record_moved(tracer, call)
    else:
        record_unknown(tracer, call)


def record_moved(tracer: "Tracer", call: Call) -> None:
    """Run an operation that only moves elements on their numbers; as floats, which all of them take."""

    def move(numbers: Array) -> list[Array]:
        moved = call.again(paddle.to_tensor(np.ascontiguousarray(numbers, np.float64)))
        return [each.numpy().astype(np.int64) for each in moved]

    tracer.recorder.move(call.x.name, list(map(tracer.key, call.results)), move)


@moves("flatten", "reshape", "squeeze", "unsqueeze", "view_shape")
def _reshape(tracer: "Tracer", call: Call) -> None:
    """Record the same elements with other axes."""
    shape = tuple(call.result.shape)
    _follow(tracer, call, lambda x: x.reshape(shape))


@moves("transpose")
def _transpose(tracer: "Tracer", call: Call) -> None:
    axes = [int(axis) for axis in to_numbers(call["y"])]
    _follow(tracer, call, lambda x: x.transpose(axes))


@moves("_copy_to", "assign", "clone", "contiguous", "detach", "share_data")
def record_same(tracer: "Tracer", call: Call) -> None:
    """Record the same elements under another name."""
    _follow(tracer, call, lambda x: x)


@moves("cast")
def _cast(tracer: "Tracer", call: Call) -> None:
    """Pass on what stays as it is in another dtype."""
    if np.array_equal(to_array(call.x), call.value, equal_nan=True):
        record_same(tracer, call)
    elif tracer.flows(call.x):
        on_each(tracer, call, Cast(str(call.result.dtype).removeprefix("paddle.")), [call.x])
