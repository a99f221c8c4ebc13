"""What the operations of PyTorch are in the words of `isomorph.spec.operations`, each with its attributes.

Maps are [N, C, h, w] here, and kernels [O, I, h, w].
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Tensor as GraphTensor
from isomorph.backends.pytorch.tracing.call import Call, to_array
from isomorph.spec.operations import (
    RELU,
    RELU6,
    SCALE,
    SHIFT,
    AdaptivePool,
    Affine,
    AveragePool,
    BatchNorm,
    Cast,
    Convolution,
    Dense,
    Dropout,
    GroupNorm,
    LayerNorm,
    MatrixProduct,
    MaxPool,
    Mean,
    Operation,
    Pad,
    Pads,
    Pair,
    Pointwise,
    Product,
    Quotient,
    Resize,
    Softmax,
    Sum,
    TransposedConvolution,
    Unknown,
)
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS

if TYPE_CHECKING:
    from isomorph.backends.pytorch.tracing.tracer import Tracer

Handler = Callable[["Tracer", Call], None]

HANDLERS: dict[str, Handler] = {}
"""Operation -> the function that records a call of it."""

MOVING: set[str] = set()
"""Operations that only move elements. They are followed from the model's own tensors on, too."""

RANDOM = frozenset(("bernoulli", "bernoulli_", "normal_", "rand", "rand_like", "randn", "randn_like", "uniform_"))
"""Operations that draw."""

CONSTANT = frozenset(
    ("empty_like", "full_like", "new_empty", "new_full", "new_ones", "new_zeros", "ones_like", "zeros_like")
)
"""Operations that take no more from a tensor than its shape."""


def _records(*names: str) -> Callable[[Handler], Handler]:
    """Enter a function in HANDLERS."""

    def enter(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return enter


def _moves(*names: str) -> Callable[[Handler], Handler]:
    """Enter a function in HANDLERS and its operations in MOVING."""
    MOVING.update(names)
    return _records(*names)


def channels_last(x: Array) -> Array:
    """[N, C, h, w] -> [N, h, w, C]; others stay."""
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x


def channels_first(x: Array) -> Array:
    """[N, h, w, C] -> [N, C, h, w]; others stay."""
    return x.transpose(0, 3, 1, 2) if x.ndim == 4 else x


def _pair(values: Sequence[int]) -> Pair:
    return int(values[0]), int(values[-1])


def _both(values: Sequence[int]) -> Pads:
    """Return pads that are the same before and behind."""
    rows, columns = _pair(values)
    return (rows, rows), (columns, columns)


def _on_map(tracer: "Tracer", call: Call, operation: Operation, tensors: dict[str, GraphTensor] | None = None) -> None:
    """Record an operation on a map, or on [N, C]."""
    read = tracer.read(call.x).moved(channels_last)
    value = channels_last(call.value)
    tracer.recorder.add(tracer.key(call.result), operation, [read], value, tensors, channels_first)


def _as_it_lies(
    tracer: "Tracer", call: Call, operation: Operation, tensors: dict[str, GraphTensor] | None = None
) -> None:
    """Record an operation on what has its features last here, too."""
    tracer.recorder.add(tracer.key(call.result), operation, [tracer.read(call.x)], call.value, tensors)


def _on_each(
    tracer: "Tracer",
    call: Call,
    operation: Operation,
    operands: Sequence[Tensor],
    tensors: dict[str, GraphTensor] | None = None,
) -> None:
    """Record an operation on each element alone."""
    reads = [tracer.read(each) for each in operands]
    tracer.recorder.add_each(tracer.key(call.result), operation, reads, call.value, tensors, channels_last)


def _given(tracer: "Tracer", **tensors: Tensor | None) -> dict[str, GraphTensor]:
    """Return the tensors that are given, by leaf."""
    return {leaf: tracer.constant(tensor) for leaf, tensor in tensors.items() if tensor is not None}


def _are_constant(tracer: "Tracer", *tensors: Tensor | None) -> bool:
    return not any(map(tracer.flows, tensors))


def record_unknown(tracer: "Tracer", call: Call) -> None:
    """Record an operation that has no handler."""
    reads = [tracer.read(each).moved(channels_last) for each in call.inputs if tracer.flows(each)]
    for result in call.results:
        value = channels_last(to_array(result))
        tracer.recorder.add(tracer.key(result), Unknown(call.name), reads, value, move=channels_first)


@_moves(
    *("alias", "channel_shuffle", "chunk", "clone", "contiguous", "detach", "expand", "flip", "index_select"),
    *("lift_fresh", "movedim", "narrow", "permute", "pixel_shuffle", "pixel_unshuffle", "repeat", "roll", "select"),
    *("slice", "split", "split_with_sizes", "swapaxes", "t", "transpose", "unbind"),
)
def _move(tracer: "Tracer", call: Call) -> None:
    """Run an operation that only moves elements on their numbers."""

    def move(numbers: Array) -> list[Array]:
        given = torch.from_numpy(numbers if min(numbers.strides, default=0) >= 0 else numbers.copy())
        return [each.numpy() for each in call.again(given)]

    tracer.recorder.move(tracer.key(call.x), list(map(tracer.key, call.results)), move)


@_moves(
    *("_reshape_alias", "_unsafe_view", "as_strided_", "flatten", "reshape", "squeeze", "unflatten", "unsqueeze"),
    "view",
)
def _reshape(tracer: "Tracer", call: Call) -> None:
    """Record the same elements with other axes; an adaptive pool of one cell ends in `as_strided_`."""
    shape = tuple(call.result.shape)
    tracer.recorder.move(tracer.key(call.x), [tracer.key(call.result)], lambda x: [x.reshape(shape)])


@_moves("upsample_nearest2d")
def _repeat(tracer: "Tracer", call: Call) -> None:
    """Repeat the nearest cell: an operation on floats alone, which hold every whole number below 2 ** 53."""

    def move(numbers: Array) -> list[Array]:
        (moved,) = call.again(torch.from_numpy(numbers.astype(np.float64)))
        return [moved.numpy().astype(np.int64)]

    tracer.recorder.move(tracer.key(call.x), [tracer.key(call.result)], move)


@_moves("_to_copy")
def _cast(tracer: "Tracer", call: Call) -> None:
    """Pass on what stays as it is in another dtype or on another device."""
    source, result = tracer.key(call.x), tracer.key(call.result)
    if np.array_equal(to_array(call.x), call.value, equal_nan=True):
        tracer.recorder.move(source, [result], lambda x: [x])
    elif tracer.flows(call.x):
        _on_each(tracer, call, Cast(str(call.result.dtype).removeprefix("torch.")), [call.x])


@_records("dropout", "native_dropout", "alpha_dropout", "feature_dropout")
def _dropout(tracer: "Tracer", call: Call) -> None:
    if np.array_equal(to_array(call.x), call.value):
        tracer.recorder.move(tracer.key(call.x), [tracer.key(call.result)], lambda x: [x])
    else:
        _on_each(tracer, call, Dropout(float(call["p"])), [call.x])


@_records("convolution", "_convolution")
def _convolution(tracer: "Tracer", call: Call) -> None:
    weights, bias = call["weight"], call["bias"]
    if not _are_constant(tracer, weights, bias) or weights.ndim != 4:
        record_unknown(tracer, call)
        return
    stride, pads, rate, groups = _pair(call["stride"]), _both(call["padding"]), _pair(call["dilation"]), call["groups"]
    tensors = _given(tracer, **{BIASES: bias})
    kernel = tracer.constant(weights)
    if not call["transposed"]:
        tensors[WEIGHTS] = kernel.moved(lambda w: w.transpose(2, 3, 1, 0))
        _on_map(tracer, call, Convolution(stride, pads, rate, groups), tensors)
        return
    # [I, O / groups, h, w]: the groups lie in the inputs
    tensors[WEIGHTS] = kernel.moved(lambda w: _grouped_by_inputs(w, groups))
    crop = pads[0][0], pads[1][0]
    size = int(call.result.shape[2]), int(call.result.shape[3])
    _on_map(tracer, call, TransposedConvolution(stride, crop, size, rate, groups), tensors)


def _grouped_by_inputs(weights: Array, groups: int) -> Array:
    """[groups * I, O, h, w] -> [h, w, I, groups * O]."""
    inputs, outputs, rows, columns = weights.shape
    split = weights.reshape(groups, inputs // groups, outputs, rows, columns)
    return split.transpose(3, 4, 1, 0, 2).reshape(rows, columns, inputs // groups, groups * outputs)


@_records(
    "native_batch_norm",
    "_native_batch_norm_legit",
    "_native_batch_norm_legit_no_training",
    "_batch_norm_no_update",
    "_batch_norm_with_update",
    "cudnn_batch_norm",
    "batch_norm",
)
def _batch_norm(tracer: "Tracer", call: Call) -> None:
    training = bool(call.arguments.get("training", "update" in call.name and "no_update" not in call.name))
    epsilon = float(call.arguments["eps"] if "eps" in call.arguments else call["epsilon"])
    given = {GAMMA: call["weight"], BETA: call["bias"]}
    if not training:
        given |= {MOVING_MEAN: call["running_mean"], MOVING_VARIANCE: call["running_var"]}
    _on_map(tracer, call, BatchNorm(epsilon, training), _given(tracer, **given))


@_records("native_layer_norm")
def _layer_norm(tracer: "Tracer", call: Call) -> None:
    if len(call["normalized_shape"]) != 1:
        record_unknown(tracer, call)
        return
    tensors = _given(tracer, **{GAMMA: call["weight"], BETA: call["bias"]})
    _as_it_lies(tracer, call, LayerNorm(float(call["eps"])), tensors)


@_records("native_group_norm")
def _group_norm(tracer: "Tracer", call: Call) -> None:
    tensors = _given(tracer, **{GAMMA: call["weight"], BETA: call["bias"]})
    _on_map(tracer, call, GroupNorm(int(call["group"]), float(call["eps"])), tensors)


@_records("addmm", "mm", "bmm", "baddbmm", "linear", "matmul")
def _product(tracer: "Tracer", call: Call) -> None:
    """Record a product of two values, or of one and a kernel."""
    names = {"addmm": ("mat1", "mat2"), "baddbmm": ("batch1", "batch2"), "linear": ("input", "weight")}
    first, second = (call[name] for name in names.get(call.name, list(call.arguments)[:2]))
    added = call.arguments.get("bias") if call.name == "linear" else call["self"] if "add" in call.name else None
    factors = [call.arguments.get(name, 1) for name in ("alpha", "beta")]
    if call.name == "linear" or factors != [1, 1] or not _are_constant(tracer, added):
        record_unknown(tracer, call)
        return
    key = tracer.key(call.result)
    if tracer.flows(first) and tracer.flows(second):
        if added is not None:
            record_unknown(tracer, call)
            return
        tracer.recorder.add(key, MatrixProduct(), [tracer.read(first), tracer.read(second)], call.value)
    elif tracer.flows(first) and second.ndim == 2:
        tensors = {WEIGHTS: tracer.constant(second)} | _given(tracer, **{BIASES: added})
        tracer.recorder.add(key, Dense(), [tracer.read(first)], call.value, tensors)
    elif tracer.flows(second) and first.ndim == 2 and added is None:  # W x = (x' W')'
        tensors = {WEIGHTS: tracer.constant(first).moved(np.transpose)}
        read = tracer.read(second).moved(_transposed)
        tracer.recorder.add(key, Dense(), [read], _transposed(call.value), tensors, _transposed)
    else:
        record_unknown(tracer, call)


def _transposed(x: Array) -> Array:
    return x.swapaxes(-1, -2)


@_records("_softmax", "_safe_softmax", "softmax")
def _softmax(tracer: "Tracer", call: Call) -> None:
    axis = int(call["dim"])

    def last(x: Array) -> Array:
        return np.moveaxis(x, axis, -1)

    read = tracer.read(call.x).moved(last)
    key = tracer.key(call.result)
    tracer.recorder.add(key, Softmax(), [read], last(call.value), move=lambda x: np.moveaxis(x, -1, axis))


_POINTWISE: dict[str, Pointwise] = {
    "erf": Pointwise("erf"),
    "exp": Pointwise("exp"),
    "log": Pointwise("log"),
    "mish": Pointwise("mish"),
    "neg": Pointwise("linear", (-1.0, 0.0)),
    "reciprocal": Pointwise("power", (-1.0,)),
    "relu": RELU,
    "relu6": RELU6,
    "rsqrt": Pointwise("power", (-0.5,)),
    "sigmoid": Pointwise("sigmoid"),
    "silu": Pointwise("silu"),
    "sqrt": Pointwise("power", (0.5,)),
    "square": Pointwise("power", (2.0,)),
    "tanh": Pointwise("tanh"),
    "hardsigmoid": Pointwise("hard_sigmoid", (1 / 6, 0.5)),
    "hardswish": Pointwise("hard_swish", (1 / 6, 0.5)),
}


@_records(*_POINTWISE, *(f"{name}_" for name in _POINTWISE))
def _pointwise(tracer: "Tracer", call: Call) -> None:
    _on_each(tracer, call, _POINTWISE[call.name.removesuffix("_")], [call.x])


@_records(
    *(
        f"{name}{end}"
        for name in ("clamp", "clamp_min", "clamp_max", "hardtanh", "leaky_relu", "elu", "gelu", "softplus", "pow")
        for end in ("", "_")
    )
)
def _with_constants(tracer: "Tracer", call: Call) -> None:
    """Record a function of each element that has arguments."""
    operation = _function(call)
    if operation is None:
        record_unknown(tracer, call)
    else:
        _on_each(tracer, call, operation, [call.x])


def _function(call: Call) -> Pointwise | None:
    """Return the function that a call computes of each element; None of one that is none of FUNCTIONS."""
    given = call.arguments
    match call.name.removesuffix("_"):
        case "clamp" | "clamp_min" | "clamp_max":
            low, high = given.get("min"), given.get("max")
            if isinstance(low, Tensor) or isinstance(high, Tensor):
                return None
            return Pointwise("clip", (-inf if low is None else float(low), inf if high is None else float(high)))
        case "hardtanh":
            return Pointwise("clip", (float(given["min_val"]), float(given["max_val"])))
        case "leaky_relu":
            return Pointwise("leaky_relu", (float(given["negative_slope"]),))
        case "elu" if given["scale"] == 1 and given["input_scale"] == 1:
            return Pointwise("elu", (float(given["alpha"]),))
        case "gelu":
            return Pointwise("gelu_tanh" if given["approximate"] == "tanh" else "gelu")
        case "softplus" if given["beta"] == 1:
            return Pointwise("softplus")
        case "pow" if isinstance(given["exponent"], int | float):
            return Pointwise("power", (float(given["exponent"]),))
    return None


@_records("prelu", "_prelu_kernel")
def _prelu(tracer: "Tracer", call: Call) -> None:
    slopes = to_array(call["weight"])
    if slopes.size == 1:
        _on_each(tracer, call, Pointwise("leaky_relu", (float(slopes.reshape(-1)[0]),)), [call.x])
    else:
        record_unknown(tracer, call)


@_records("add", "add_", "sub", "sub_", "rsub")
def _sum(tracer: "Tracer", call: Call) -> None:
    first, second, times = call["self"], call["other"], float(call["alpha"])
    factors = {"add": (1.0, times), "sub": (1.0, -times), "rsub": (-times, 1.0)}[call.name.removesuffix("_")]
    if tracer.flows(first) and tracer.flows(second):
        _on_each(tracer, call, Sum(factors), [first, second])
        return
    if not tracer.flows(first):
        first, second, factors = second, first, factors[::-1]
    of_x, of_constant = factors
    if _is_number(second):
        _on_each(tracer, call, Pointwise("linear", (of_x, of_constant * float(second))), [first])
        return
    shift = tracer.constant(second)
    if of_constant != 1:
        shift = GraphTensor.computed(of_constant * shift.value)
    tensors = {SHIFT: shift}
    if of_x != 1:
        tensors[SCALE] = GraphTensor.computed(np.array(of_x))
    _on_each(tracer, call, Affine(), [first], tensors)


@_records("mul", "mul_", "div", "div_")
def _multiple(tracer: "Tracer", call: Call) -> None:
    first, second = call["self"], call["other"]
    divides = call.name.startswith("div")
    if call.arguments.get("rounding_mode"):
        record_unknown(tracer, call)
    elif any(isinstance(each, Tensor) and tracer.key(each) in tracer.random for each in (first, second)):
        dropped = second if tracer.flows(first) else first
        share = float((to_array(dropped) == 0).mean())
        _on_each(tracer, call, Dropout(round(share, 2)), [first if tracer.flows(first) else second])
    elif tracer.flows(first) and tracer.flows(second):
        _on_each(tracer, call, Quotient() if divides else Product(), [first, second])
    elif divides and not tracer.flows(first):
        record_unknown(tracer, call)
    else:
        x, constant = (first, second) if tracer.flows(first) else (second, first)
        if _is_number(constant):
            factor = float(constant)
            _on_each(tracer, call, Pointwise("linear", (1 / factor if divides else factor, 0.0)), [x])
            return
        scale = tracer.constant(constant)
        _on_each(tracer, call, Affine(), [x], {SCALE: GraphTensor.computed(1 / scale.value) if divides else scale})


def _is_number(value: Any) -> bool:
    return not isinstance(value, Tensor) or value.numel() == 1


@_records("cat", "concat", "concatenate")
def _concatenate(tracer: "Tracer", call: Call) -> None:
    tensors = [each for each in call["tensors"] if each.numel()]
    if not all(map(tracer.flows, tensors)):
        record_unknown(tracer, call)
        return
    reads = [tracer.read(each) for each in tensors]
    tracer.recorder.concatenate(tracer.key(call.result), reads, call.value, int(call["dim"]))


@_records("constant_pad_nd")
def _pad(tracer: "Tracer", call: Call) -> None:
    pads = list(call["pad"]) + [0] * (8 - len(call["pad"]))
    if call.value.ndim != 4 or any(pads[6:]) or min(pads) < 0:
        record_unknown(tracer, call)
        return
    columns, rows, channels = ((pads[at], pads[at + 1]) for at in (0, 2, 4))
    _on_map(tracer, call, Pad((rows, columns, channels), float(call["value"])))


@_records("max_pool2d_with_indices", "max_pool2d")
def _max_pool(tracer: "Tracer", call: Call) -> None:
    kernel = _pair(call["kernel_size"])
    stride = _pair(call["stride"] or kernel)
    rate = _pair(call["dilation"])
    pads = _reaching(call, kernel, stride, rate)
    _on_map(tracer, call, MaxPool(kernel, stride, pads, rate))


@_records("avg_pool2d")
def _average_pool(tracer: "Tracer", call: Call) -> None:
    if call["divisor_override"]:
        record_unknown(tracer, call)
        return
    kernel = _pair(call["kernel_size"])
    stride = _pair(call["stride"] or kernel)
    counted = _both(call["padding"]) if call["count_include_pad"] else ((0, 0), (0, 0))
    _on_map(tracer, call, AveragePool(kernel, stride, _reaching(call, kernel, stride, (1, 1)), counted))


def _reaching(call: Call, kernel: Pair, stride: Pair, rate: Pair) -> Pads:
    """Return the pads of a pool; with `ceil_mode` they reach as far behind as its last window does."""
    pads = []
    for axis, (before, behind) in enumerate(_both(call["padding"])):
        size, cells = call.x.shape[2 + axis], call.result.shape[2 + axis]
        reach = (cells - 1) * stride[axis] + rate[axis] * (kernel[axis] - 1) + 1
        pads.append((before, max(behind, reach - size - before)))
    return pads[0], pads[1]


@_records("_adaptive_avg_pool2d", "adaptive_avg_pool2d")
def _adaptive_pool(tracer: "Tracer", call: Call) -> None:
    _on_map(tracer, call, AdaptivePool(_pair(call["output_size"])))


@_records("mean")
def _mean(tracer: "Tracer", call: Call) -> None:
    """Record a mean over any axes, as one over the last but one of what is moved there."""
    rank = call.x.ndim
    axes = sorted({axis % rank for axis in call.arguments.get("dim") or range(rank)})
    others = [axis for axis in range(rank) if axis not in axes]
    # the features are the last axis that stays; of maps, where the channels stay
    leading, features = (others[:-1], others[-1:]) if others else ([], [])

    def move(x: Array) -> Array:
        moved = x.transpose(*leading, *axes, *features)
        lengths = [x.shape[axis] for axis in leading]
        return moved.reshape(*lengths, -1, x.shape[features[0]] if features else 1)

    value = call.value
    lies = [call.x.shape[axis] for axis in others] or [1]
    read = tracer.read(call.x).moved(move)
    tracer.recorder.add(
        tracer.key(call.result), Mean(), [read], value.reshape(lies), move=lambda x: x.reshape(value.shape)
    )


@_records("upsample_bilinear2d")
def _resize(tracer: "Tracer", call: Call) -> None:
    rows, columns = call.result.shape[2:]
    _on_map(tracer, call, Resize((int(rows), int(columns)), "aligned" if call["align_corners"] else "half"))
