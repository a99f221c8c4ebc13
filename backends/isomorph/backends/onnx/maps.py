"""What ONNX's operators on maps are in the words of `isomorph.spec.operations`, each with its attributes.

Maps are [N, C, h, w], kernels [O, I, h, w]. Volumes and rows are unknown here.
"""

from typing import TYPE_CHECKING

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.onnx.call import Call
from isomorph.backends.onnx.handlers import are_constant, given, on_map, record_unknown, records
from isomorph.backends.onnx.moving import record_nearest, record_same
from isomorph.spec.operations import (
    UNPADDED,
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
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS

if TYPE_CHECKING:
    from isomorph.backends.onnx.tracer import Tracer


def _pair(call: Call, attribute: str, default: Pair = (1, 1)) -> Pair:
    rows, columns = call.attribute(attribute, default)
    return int(rows), int(columns)


def _padding(call: Call, kernel: Pair, stride: Pair, rate: Pair) -> Pads:
    """Return the cells of padding that an operator's rule, or its list, stands for."""
    rule = call.attribute("auto_pad", "NOTSET")
    if rule == "VALID":
        return UNPADDED
    if rule in ("SAME_UPPER", "SAME_LOWER"):
        rows, columns = (pads_of("same", *each) for each in zip(call.shape[2:], kernel, stride, rate, strict=True))
        return (rows, columns) if rule == "SAME_UPPER" else (rows[::-1], columns[::-1])
    top, left, bottom, right = (int(cells) for cells in call.attribute("pads", (0, 0, 0, 0)))
    return (top, bottom), (left, right)


@records("Conv")
def _convolution(tracer: "Tracer", call: Call) -> None:
    weights, bias = call.inputs[1], call.input(2)
    if len(call.shape) != 4 or not are_constant(tracer, weights, bias):
        record_unknown(tracer, call)
        return
    rows, columns = tracer.values[weights].shape[2:]
    stride, rate = _pair(call, "strides"), _pair(call, "dilations")
    pads = _padding(call, (rows, columns), stride, rate)
    tensors = {WEIGHTS: tracer.constant(weights).moved(lambda w: w.transpose(2, 3, 1, 0))}
    operation = Convolution(stride, pads, rate, int(call.attribute("group", 1)))
    on_map(tracer, call, operation, tensors | given(tracer, **{BIASES: bias}))


@records("ConvTranspose")
def _transposed_convolution(tracer: "Tracer", call: Call) -> None:
    weights, bias = call.inputs[1], call.input(2)
    if len(call.shape) != 4 or not are_constant(tracer, weights, bias):
        record_unknown(tracer, call)
        return
    groups = int(call.attribute("group", 1))
    kernel = tracer.values[weights].shape[2:]
    stride, rate = _pair(call, "strides"), _pair(call, "dilations")
    size = call.value.shape[2:]
    crop = _crop(call, kernel, stride, rate)
    tensors = {WEIGHTS: tracer.constant(weights).moved(lambda w: _grouped_by_inputs(w, groups))}
    operation = TransposedConvolution(stride, crop, (size[0], size[1]), rate, groups)
    on_map(tracer, call, operation, tensors | given(tracer, **{BIASES: bias}))


def _crop(call: Call, kernel: tuple[int, ...], stride: Pair, rate: Pair) -> Pair:
    """Return the rows and columns that are cut off in front: half of all, if only the size of the result is given."""
    rule = call.attribute("auto_pad", "NOTSET")
    if not rule.startswith("SAME") and call.attribute("output_shape", None) is None:
        (top, _), (left, _) = _padding(call, (1, 1), stride, rate)
        return top, left
    added = _pair(call, "output_padding", (0, 0))
    whole = (
        step * (length - 1) + more + (side - 1) * cells + 1
        for step, length, more, side, cells in zip(stride, call.shape[2:], added, kernel, rate, strict=True)
    )
    cut = [max(length - left, 0) for length, left in zip(whole, call.value.shape[2:], strict=True)]
    rows, columns = (each // 2 if rule == "SAME_UPPER" else each - each // 2 for each in cut)
    return rows, columns


def _grouped_by_inputs(weights: Array, groups: int) -> Array:
    """[groups * I, O, h, w] -> [h, w, I, groups * O]."""
    inputs, outputs, rows, columns = weights.shape
    split = weights.reshape(groups, inputs // groups, outputs, rows, columns)
    return split.transpose(3, 4, 1, 0, 2).reshape(rows, columns, inputs // groups, groups * outputs)


@records("BatchNormalization")
def _batch_norm(tracer: "Tracer", call: Call) -> None:
    training = bool(call.attribute("training_mode", 0))
    tensors = given(tracer, **dict(zip((GAMMA, BETA, MOVING_MEAN, MOVING_VARIANCE), call.inputs[1:], strict=True)))
    if training:
        del tensors[MOVING_MEAN], tensors[MOVING_VARIANCE]
    on_map(tracer, call, BatchNorm(call.attribute("epsilon", _EPSILON), training), tensors)


_EPSILON = float(np.float32(1e-5))


@records("InstanceNormalization")
def _instance_norm(tracer: "Tracer", call: Call) -> None:
    tensors = given(tracer, **{GAMMA: call.inputs[1], BETA: call.inputs[2]})
    on_map(tracer, call, GroupNorm(call.shape[1], call.attribute("epsilon", _EPSILON)), tensors)


@records("GroupNormalization")
def _group_norm(tracer: "Tracer", call: Call) -> None:
    """Record a group norm, the tensors of which have an element for each group before version 21."""
    groups, channels = int(call.attribute("num_groups", 1)), call.shape[1]
    tensors = given(tracer, **{GAMMA: call.inputs[1], BETA: call.inputs[2]})
    if call.version < 21:
        tensors = {leaf: each.moved(lambda x: x.repeat(channels // groups)) for leaf, each in tensors.items()}
    on_map(tracer, call, GroupNorm(groups, call.attribute("epsilon", _EPSILON)), tensors)


@records("MaxPool", "AveragePool")
def _pool(tracer: "Tracer", call: Call) -> None:
    rate = call.attribute("dilations", (1, 1))
    is_max = call.name == "MaxPool"
    if len(call.shape) != 4 or (not is_max and tuple(rate) != (1, 1)):
        record_unknown(tracer, call)
        return
    kernel, stride, rate = _pair(call, "kernel_shape"), _pair(call, "strides"), _pair(call, "dilations")
    padding = _padding(call, kernel, stride, rate)
    pads = _reaching(call, padding, kernel, stride, rate)
    counted = _within(padding, pads) if call.attribute("count_include_pad", 0) else UNPADDED
    on_map(
        tracer,
        call,
        MaxPool(kernel, stride, pads, rate) if is_max else AveragePool(kernel, stride, pads, counted),
    )


def _reaching(call: Call, padding: Pads, kernel: Pair, stride: Pair, rate: Pair) -> Pads:
    """Return the pads of a pool; with `ceil_mode` they reach as far behind as its last window does."""
    rows, columns = (
        (before, max(behind, (cells - 1) * step + each * (side - 1) + 1 - length - before))
        for (before, behind), cells, step, each, side, length in zip(
            padding, call.value.shape[2:], stride, rate, kernel, call.shape[2:], strict=True
        )
    )
    return rows, columns


def _within(padding: Pads, pads: Pads) -> Pads:
    """Return the cells of the padding that was asked for, which count, of all."""
    rows, columns = (
        (before, min(behind, reached)) for (before, behind), (_, reached) in zip(padding, pads, strict=True)
    )
    return rows, columns


@records("GlobalAveragePool")
def _global_average_pool(tracer: "Tracer", call: Call) -> None:
    tracer.recorder.mean(call.result, tracer.read(call.x), call.value, range(2, len(call.shape)))


@records("GlobalMaxPool")
def _global_max_pool(tracer: "Tracer", call: Call) -> None:
    if len(call.shape) != 4:
        record_unknown(tracer, call)
        return
    size = call.shape[2], call.shape[3]
    on_map(tracer, call, MaxPool(size, size))


@records("Pad")
def _pad(tracer: "Tracer", call: Call) -> None:
    numbers, axes = call.numbers(1, "pads"), call.numbers(3, "axes")
    rank = len(call.shape)
    pads = [(0, 0)] * rank
    before, behind = np.array_split(numbers or [], 2)
    for axis, *cells in zip(axes or range(rank), before, behind, strict=True):
        pads[axis] = int(cells[0]), int(cells[1])
    value = call.number(2, "value", 0.0)
    if not any(map(any, pads)):
        record_same(tracer, call)
    elif rank != 4 or any(pads[0]) or min(map(min, pads)) < 0 or call.attribute("mode", "constant") != "constant":
        record_unknown(tracer, call)
    else:
        on_map(tracer, call, Pad((pads[2], pads[3], pads[1]), value))


@records("Resize", "Upsample")
def _resize(tracer: "Tracer", call: Call) -> None:
    """Record a map of another size; before version 11 its cells begin together, and the nearest is the one before."""
    size = call.value.shape
    older = call.version < 11
    mode = "asymmetric" if older else call.attribute("coordinate_transformation_mode", "half_pixel")
    rounding = "floor" if older else call.attribute("nearest_mode", "round_prefer_floor")
    scales = _scales(call)
    symmetric = mode == "half_pixel_symmetric"
    exact = all(length * scale == cells for length, scale, cells in zip(call.shape, scales, size, strict=True))
    antialiased = call.attribute("antialias", 0) and min(scales) < 1
    if antialiased or mode.startswith("tf_") or (symmetric and not exact) or not are_constant(tracer, *call.inputs[1:]):
        record_unknown(tracer, call)
    elif call.attribute("mode", "nearest") == "nearest":
        record_nearest(tracer, call, mode, rounding, scales)
    elif (
        call.attribute("mode", "nearest") != "linear"
        or len(size) != 4
        or size[:2] != call.shape[:2]
        or (mode == "pytorch_half_pixel" and 1 in size[2:])
        or not (exact or mode == "align_corners")
    ):
        record_unknown(tracer, call)
    else:
        corners = {"align_corners": "aligned", "asymmetric": "asymmetric"}.get(mode, "half")
        on_map(tracer, call, Resize((size[2], size[3]), corners))


def _scales(call: Call) -> list[float]:
    """Return how many cells there are for each that there was, along each axis."""
    place = 1 if call.name == "Upsample" or call.version < 11 else 2
    given = call.argument(place) if call.input(place) else np.array(call.attribute("scales", []))
    if given is not None and given.size == len(call.shape):
        return [float(scale) for scale in given]
    return [cells / length for cells, length in zip(call.value.shape, call.shape, strict=True)]
