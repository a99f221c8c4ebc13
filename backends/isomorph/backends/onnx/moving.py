"""Operators of ONNX that only move elements, or leave them what they are."""

from typing import TYPE_CHECKING

import numpy as np
from onnx.reference import ReferenceEvaluator

from isomorph.backends.array_forms import Array
from isomorph.backends.onnx.call import Call, to_float
from isomorph.backends.onnx.handlers import are_constant, moves, on_each, record_unknown
from isomorph.spec.operations import Cast, Dropout

if TYPE_CHECKING:
    from isomorph.backends.onnx.tracer import Tracer


@moves(
    *("DepthToSpace", "Expand", "Gather", "GatherElements", "GatherND", "Slice", "SpaceToDepth", "Split", "Tile"),
    "Transpose",
)
def _move(tracer: "Tracer", call: Call) -> None:
    """Run an operator that only moves elements on their numbers, as ONNX's own reference does."""
    x, *others = call.inputs
    if not are_constant(tracer, *others):
        record_unknown(tracer, call)
        return
    operator = ReferenceEvaluator(call.node, opsets={"": call.version})
    arguments = {name: tracer.values[name] for name in others if name}
    tracer.recorder.move(x, call.results, lambda numbers: list(operator.run(None, arguments | {x: numbers})))


@moves("Flatten", "Reshape", "Squeeze", "Unsqueeze")
def _reshape(tracer: "Tracer", call: Call) -> None:
    """Record the same elements with other axes."""
    shape = tracer.values[call.result].shape
    tracer.recorder.move(call.x, [call.result], lambda x: [x.reshape(shape)])


@moves("Identity")
def record_same(tracer: "Tracer", call: Call) -> None:
    """Record the same elements under another name."""
    tracer.recorder.move(call.x, [call.result], lambda x: [x])


@moves("Cast", "CastLike")
def _cast(tracer: "Tracer", call: Call) -> None:
    """Pass on what stays as it is in another dtype."""
    if np.array_equal(to_float(tracer.values[call.x]), call.value, equal_nan=True):
        record_same(tracer, call)
    elif tracer.flows(call.x):
        on_each(tracer, call, Cast(str(tracer.values[call.result].dtype)), [call.x])


@moves("Dropout")
def _dropout(tracer: "Tracer", call: Call) -> None:
    if np.array_equal(to_float(tracer.values[call.x]), call.value):
        record_same(tracer, call)
    elif tracer.flows(call.x):
        on_each(tracer, call, Dropout(call.number(1, "ratio", 0.5)), [call.x])


def record_nearest(tracer: "Tracer", call: Call, mode: str, rounding: str, scales: list[float]) -> None:
    """Record a map of which each cell is the nearest one of another.

    mode: how ONNX finds the place of a cell among those of the other map.
    rounding: how it rounds that.
    """
    places = [
        _nearest(length, cells, scale, mode, rounding)
        for length, cells, scale in zip(call.shape, tracer.values[call.result].shape, scales, strict=True)
    ]

    def move(x: Array) -> Array:
        return np.asarray(x[np.ix_(*places)])

    if np.array_equal(move(to_float(tracer.values[call.x])), call.value):
        tracer.recorder.move(call.x, [call.result], lambda x: [move(x)])
    else:
        record_unknown(tracer, call)


def _nearest(length: int, cells: int, scale: float, mode: str, rounding: str) -> Array:
    """Return for each cell of an axis the number of the one that it is taken from."""
    cell = np.arange(cells, dtype=np.float64)
    match mode:
        case "align_corners":
            place = cell * (length - 1) / max(cells - 1, 1)
        case "asymmetric":
            place = cell / scale
        case "pytorch_half_pixel" if cells == 1:
            place = 0.0 * cell
        case _:
            place = (cell + 0.5) / scale - 0.5
    match rounding:
        case "floor":
            place = np.floor(place)
        case "ceil":
            place = np.ceil(place)
        case "round_prefer_ceil":
            place = np.floor(place + 0.5)
        case _:
            place = np.ceil(place - 0.5)
    return np.clip(place, 0, length - 1).astype(np.int64)
