"""What the operations of Paddle on maps are in the words of `isomorph.spec.operations`, each with its attributes.

Maps are [N, C, h, w] here, or [N, h, w, C] where an operation says so; kernels are [O, I, h, w].
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from paddle import Tensor

from isomorph.backends.array_forms import Array
from isomorph.backends.paddle.tracing.call import Call, to_number, to_numbers
from isomorph.backends.paddle.tracing.handlers import (
    Axes,
    are_constant,
    given,
    on_map,
    record_unknown,
    records,
    to_pair,
)
from isomorph.backends.paddle.tracing.moving import record_moved
from isomorph.spec.convention import as_float32
from isomorph.spec.operations import (
    UNPADDED,
    AdaptivePool,
    AveragePool,
    BatchNorm,
    Convolution,
    GroupNorm,
    MaxPool,
    Pad,
    Pads,
    Pair,
    Resize,
    TransposedConvolution,
)
from isomorph.spec.padding import pads as pads_of
from isomorph.spec.tensors import BETA, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS

if TYPE_CHECKING:
    from isomorph.backends.paddle.tracing.tracer import Tracer


def _padding(call: Call, x: Tensor, kernel: Pair, stride: Pair) -> Pads:
    """Return the cells of padding that an operation's algorithm, and where that is EXPLICIT its list, stand for."""
    match str(call.get("padding_algorithm", "EXPLICIT")):
        case "SAME":
            sizes = Axes(call).size(x)
            rows, columns = (pads_of("same", *each, 1) for each in zip(sizes, kernel, stride, strict=True))
            return rows, columns
        case "VALID":
            return UNPADDED
    numbers = [int(number) for number in to_numbers(call["paddings"])]
    if len(numbers) == 4:
        return (numbers[0], numbers[1]), (numbers[2], numbers[3])
    return (numbers[0], numbers[0]), (numbers[-1], numbers[-1])


@records("conv2d", "depthwise_conv2d")
def _convolution(tracer: "Tracer", call: Call) -> None:
    kernel, stride, groups = call["filter"], to_pair(call["strides"]), int(call["groups"])
    if not are_constant(tracer, kernel):
        record_unknown(tracer, call)
        return
    same = call["padding_algorithm"] == "SAME"  # which has Paddle forget the rate
    rate = (1, 1) if same else to_pair(call["dilations"])
    pads = _padding(call, call.x, to_pair(kernel.shape[2:]), stride)
    tensors = {WEIGHTS: tracer.constant(kernel).moved(lambda w: w.transpose(2, 3, 1, 0))}
    on_map(tracer, call, Convolution(stride, pads, rate, groups), tensors)


@records("conv2d_transpose", "depthwise_conv2d_transpose")
def _transposed_convolution(tracer: "Tracer", call: Call) -> None:
    kernel, stride, groups = call["filter"], to_pair(call["strides"]), int(call["groups"])
    if not are_constant(tracer, kernel):
        record_unknown(tracer, call)
        return
    rate = (1, 1) if call["padding_algorithm"] == "SAME" else to_pair(call["dilations"])
    (top, _), (left, _) = _padding(call, call.x, to_pair(kernel.shape[2:]), stride)
    # [I, O / groups, h, w]: the groups lie in the inputs
    tensors = {WEIGHTS: tracer.constant(kernel).moved(lambda w: _grouped_by_inputs(w, groups))}
    size = Axes(call).size(call.result)
    on_map(tracer, call, TransposedConvolution(stride, (top, left), size, rate, groups), tensors)


def _grouped_by_inputs(weights: Array, groups: int) -> Array:
    """[groups * I, O, h, w] -> [h, w, I, groups * O]."""
    inputs, outputs, rows, columns = weights.shape
    split = weights.reshape(groups, inputs // groups, outputs, rows, columns)
    return split.transpose(3, 4, 1, 0, 2).reshape(rows, columns, inputs // groups, groups * outputs)


@records("batch_norm", "sync_batch_norm")
def _batch_norm(tracer: "Tracer", call: Call) -> None:
    is_test = call["is_test"] and not call["trainable_statistics"]  # as its kernel reads the three
    training = not (is_test or call["use_global_stats"])
    tensors = {GAMMA: call["scale"], BETA: call["bias"]}
    if not training:
        tensors |= {MOVING_MEAN: call["mean"], MOVING_VARIANCE: call["variance"]}
    on_map(tracer, call, BatchNorm(as_float32(call["epsilon"]), training), given(tracer, **tensors))


@records("group_norm")
def _group_norm(tracer: "Tracer", call: Call) -> None:
    tensors = given(tracer, **{GAMMA: call["scale"], BETA: call["bias"]})
    on_map(tracer, call, GroupNorm(int(call["groups"]), float(call["epsilon"])), tensors)


@records("instance_norm")
def _instance_norm(tracer: "Tracer", call: Call) -> None:
    tensors = given(tracer, **{GAMMA: call["scale"], BETA: call["bias"]})
    on_map(tracer, call, GroupNorm(int(call.x.shape[1]), as_float32(call["epsilon"])), tensors)


@records("pad")
def _pad(tracer: "Tracer", call: Call) -> None:
    """Record a padding that is given for each axis."""
    pads = _in_pairs(call["paddings"])
    if len(pads) == 4 and not any(pads[0]):
        _record_pad(tracer, call, pads, None)
    else:
        record_unknown(tracer, call)


@records("pad3d")
def _pad_volume(tracer: "Tracer", call: Call) -> None:
    """Record a padding of maps, which Paddle pads as volumes: of one sheet, or of one channel."""
    if call["mode"] != "constant":
        record_moved(tracer, call)  # cells of the map itself, mirrored or repeated
        return
    columns, rows, sheets = _in_pairs(call["paddings"])
    none = (0, 0)
    pads = [none, sheets, rows, columns, none] if Axes(call).are_last else [none, none, sheets, rows, columns]
    added = [axis for axis in range(1, 5) if call.x.shape[axis] == 1 and pads[axis] == none]
    if not added:
        record_unknown(tracer, call)
        return
    del pads[added[0]]
    _record_pad(tracer, call, pads, added[0])


def _record_pad(tracer: "Tracer", call: Call, pads: list[Pair], added: int | None) -> None:
    """Record a padding of the axes of a map, which has an axis of length 1 more where `added` is one."""
    rows, columns, channels = pads[1:] if tracer.channels_last else (*pads[2:], pads[1])

    def last(x: Array) -> Array:
        return tracer.last(x if added is None else x.squeeze(added))

    def first(x: Array) -> Array:
        return tracer.first(x) if added is None else np.expand_dims(tracer.first(x), added)

    operation = Pad((rows, columns, channels), to_number(call["pad_value"]))
    read = tracer.read(call.x).moved(last)
    tracer.recorder.add(tracer.key(call.result), operation, [read], last(call.value), move=first)


def _in_pairs(values: Any) -> list[Pair]:
    numbers = [int(number) for number in to_numbers(values)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


_LOWEST = float(np.finfo(np.float32).min)
"""What Paddle's max pools begin with, in every dtype: a window that sees no cell gives it."""


@records("pool2d", "max_pool2d_with_index")
def _pool(tracer: "Tracer", call: Call) -> None:
    size, cells = Axes(call).size(call.x), Axes(call).size(call.result)
    is_max = call.get("pooling_type", "max") == "max"
    if call["global_pooling"] or (call["adaptive"] and cells == (1, 1)):
        if is_max:
            on_map(tracer, call, MaxPool(size, size))
        else:
            axes = (1, 2) if Axes(call).are_last else (2, 3)
            tracer.recorder.mean(tracer.key(call.result), tracer.read(call.x), call.value, axes)
    elif call["adaptive"]:
        kernel = size[0] // cells[0], size[1] // cells[1]
        if not is_max:
            on_map(tracer, call, AdaptivePool(cells))
        elif (kernel[0] * cells[0], kernel[1] * cells[1]) == size:
            on_map(tracer, call, MaxPool(kernel, kernel))
        else:
            record_unknown(tracer, call)
    else:
        kernel, stride = to_pair(call["kernel_size"]), to_pair(call["strides"])
        pads = _reaching(_padding(call, call.x, kernel, stride), size, cells, kernel, stride)
        counted = UNPADDED if call.get("exclusive", True) else _counted(pads)
        operation = (
            MaxPool(kernel, stride, pads, fill=_LOWEST) if is_max else AveragePool(kernel, stride, pads, counted)
        )
        on_map(tracer, call, operation)


def _reaching(pads: Pads, size: Pair, cells: Pair, kernel: Pair, stride: Pair) -> Pads:
    """Return the pads of a pool; with `ceil_mode` they reach as far behind as its last window does."""
    rows, columns = (
        (before, max(behind, (cells[axis] - 1) * stride[axis] + kernel[axis] - size[axis] - before))
        for axis, (before, behind) in enumerate(pads)
    )
    return rows, columns


def _counted(pads: Pads) -> Pads:
    """Return the cells of padding that count in a mean: Paddle counts as many behind as in front, where they are."""
    rows, columns = ((before, min(before, behind)) for before, behind in pads)
    return rows, columns


@records("bilinear_interp")
def _resize(tracer: "Tracer", call: Call) -> None:
    axes = Axes(call)
    size, cells = axes.size(call.x), axes.size(call.result)
    scale = to_pair(call["scale"]) if call.get("scale", []) else None
    if scale and not call["align_corners"] and any(a * b != c for a, b, c in zip(size, scale, cells, strict=True)):
        record_unknown(tracer, call)  # its cells lie by the scale, and not by the sizes
        return
    corners = "aligned" if call["align_corners"] else "half" if call["align_mode"] == 0 else "asymmetric"
    on_map(tracer, call, Resize(cells, corners))
