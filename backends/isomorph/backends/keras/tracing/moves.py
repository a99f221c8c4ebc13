"""Operations of TensorFlow that only move elements."""

from typing import TYPE_CHECKING, Any

import numpy as np

from isomorph.backends.dtypes import as_dtype
from isomorph.backends.graphs.handlers import Handlers
from isomorph.backends.keras.tracing.call import Call, to_array
from isomorph.backends.keras.tracing.following import follow_reshape
from isomorph.backends.keras.tracing.registry import Handler, are_constant, on_each, on_map, record_unknown
from isomorph.spec.operations import Cast, Pad

if TYPE_CHECKING:
    from isomorph.backends.keras.tracing.tracer import Tracer

HANDLERS: Handlers[Handler] = Handlers()
"""What records calls of these operations."""


@HANDLERS.records("ExpandDims", "Reshape", "Squeeze")
def _reshape(tracer: "Tracer", call: Call) -> None:
    shape = tuple(call.result.shape)
    tracer.recorder.move(tracer.key(call.x), [tracer.key(call.result)], lambda x: [x.reshape(shape)])
    if tracer.flows(call.x):
        follow_reshape(tracer, call)


@HANDLERS.records("Transpose")
def _transpose(tracer: "Tracer", call: Call) -> None:
    order = call.integers(1)
    tracer.recorder.move(tracer.key(call.x), [tracer.key(call.result)], lambda x: [x.transpose(order)])


@HANDLERS.records("StridedSlice")
def _strided_slice(tracer: "Tracer", call: Call) -> None:
    """Record `x[...]`: which bounds count, and which axes are new or vanish, stands in bits."""

    def has(mask: str, place: int) -> bool:
        return bool(call.attributes.get(mask, 0) >> place & 1)

    index: list[Any] = []
    for place, (begin, end, stride) in enumerate(zip(*map(call.integers, (1, 2, 3)), strict=True)):
        if has("ellipsis_mask", place):
            index.append(...)
        elif has("new_axis_mask", place):
            index.append(None)
        elif has("shrink_axis_mask", place):
            index.append(begin)
        else:
            first = None if has("begin_mask", place) else begin
            index.append(slice(first, None if has("end_mask", place) else end, stride))
    tracer.recorder.move(tracer.key(call.x), [tracer.key(call.result)], lambda x: [x[tuple(index)]])


@HANDLERS.records("Slice")
def _slice(tracer: "Tracer", call: Call) -> None:
    index = tuple(
        slice(begin, begin + length) for begin, length in zip(call.integers(1), call.result.shape, strict=True)
    )
    tracer.recorder.move(tracer.key(call.x), [tracer.key(call.result)], lambda x: [x[index]])


@HANDLERS.records("Split", "SplitV")
def _split(tracer: "Tracer", call: Call) -> None:
    x, axis = (call.inputs[1], call.inputs[0]) if call.name == "Split" else (call.x, call.inputs[2])
    place = int(to_array(axis).reshape(-1)[0])
    ends = np.cumsum([each.shape[place] for each in call.results])[:-1]
    tracer.recorder.move(tracer.key(x), list(map(tracer.key, call.results)), lambda x: np.split(x, ends, place))


@HANDLERS.records("Unpack")
def _unpack(tracer: "Tracer", call: Call) -> None:
    axis = int(call["axis"])
    tracer.recorder.move(
        tracer.key(call.x), list(map(tracer.key, call.results)), lambda x: list(np.moveaxis(x, axis, 0))
    )


@HANDLERS.records(
    *("BroadcastTo", "DepthToSpace", "GatherNd", "GatherV2", "MirrorPad", "ResizeNearestNeighbor", "ReverseV2"),
    *("Roll", "SpaceToDepth", "Tile"),
)
def _move(tracer: "Tracer", call: Call) -> None:
    """Run an operation on the elements' numbers."""
    if not are_constant(tracer, *call.inputs[1:]):
        record_unknown(tracer, call)
        return
    tracer.recorder.move(tracer.key(call.x), [tracer.key(call.result)], lambda x: [call.again(x)])


@HANDLERS.records("Cast")
def _cast(tracer: "Tracer", call: Call) -> None:
    """Pass on what stays as it is in another dtype."""
    if np.array_equal(to_array(call.x), to_array(call.result), equal_nan=True):
        tracer.alias(call.x, call.result)
    elif not tracer.flows(call.x):
        return
    elif call.x.dtype.is_floating and call.result.dtype.is_floating:
        on_each(tracer, call, Cast(as_dtype(call.result.dtype.name).name), [call.x])
    else:
        record_unknown(tracer, call)


@HANDLERS.records("Pad", "PadV2")
def _pad(tracer: "Tracer", call: Call) -> None:
    pads = [(int(before), int(behind)) for before, behind in to_array(call.inputs[1])]
    fill = float(to_array(call.inputs[2])) if call.name == "PadV2" else 0.0
    if not any(map(sum, pads)):
        tracer.alias(call.x, call.result)
    elif not tracer.flows(call.x):
        return
    elif len(pads) != 4 or any(pads[0]):
        record_unknown(tracer, call)
    else:
        on_map(tracer, call, Pad((pads[1], pads[2], pads[3]), fill), call.x)
