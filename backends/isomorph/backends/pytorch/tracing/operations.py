"""What PyTorch's operations on features, maps and matrices are in the words of `isomorph.spec.operations`.

Maps are [N, C, h, w] here, and kernels [O, I, h, w].
"""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Tensor as GraphTensor
from isomorph.backends.pytorch.tracing.call import Call, to_array
from isomorph.backends.pytorch.tracing.handlers import (
    InexpressibleError,
    can_pad,
    on_each,
    on_map,
    record_concatenation,
    record_pad,
    records,
)
from isomorph.spec.operations import (
    UNPADDED,
    AdaptivePool,
    AveragePool,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    GroupNorm,
    LayerNorm,
    MatrixProduct,
    MaxPool,
    Mean,
    Operation,
    Pads,
    Pair,
    Resize,
    Softmax,
    TransposedConvolution,
)
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS

if TYPE_CHECKING:
    from isomorph.backends.pytorch.tracing.tracer import Tracer


def _pair(values: Sequence[int]) -> Pair:
    return int(values[0]), int(values[-1])


def _both(values: Sequence[int]) -> Pads:
    """Return pads that are the same before and behind."""
    rows, columns = _pair(values)
    return (rows, rows), (columns, columns)


def _given(tracer: "Tracer", **tensors: Tensor | None) -> dict[str, GraphTensor]:
    """Return the tensors that are given, by leaf."""
    return {leaf: tracer.constant(tensor) for leaf, tensor in tensors.items() if tensor is not None}


@records("dropout", "native_dropout", "alpha_dropout", "feature_dropout")
def _dropout(tracer: "Tracer", call: Call) -> None:
    if np.array_equal(to_array(call.x), call.value):
        tracer.recorder.move(tracer.key(call.x), [tracer.key(call.result)], lambda x: [x])
    else:
        on_each(tracer, call, Dropout(float(call["p"])), [call.x])


@records("convolution", "_convolution")
def _convolution(tracer: "Tracer", call: Call) -> None:
    if call["weight"].ndim != 4:
        raise InexpressibleError
    stride, pads, rate, groups = _pair(call["stride"]), _both(call["padding"]), _pair(call["dilation"]), call["groups"]
    tensors = _given(tracer, **{BIASES: call["bias"]})
    kernel = tracer.constant(call["weight"])
    if not call["transposed"]:
        tensors[WEIGHTS] = kernel.moved(lambda w: w.transpose(2, 3, 1, 0))
        on_map(tracer, call, Convolution(stride, pads, rate, groups), tensors)
        return
    # [I, O / groups, h, w]: the groups lie in the inputs
    tensors[WEIGHTS] = kernel.moved(lambda w: _grouped_by_inputs(w, groups))
    crop = pads[0][0], pads[1][0]
    size = int(call.result.shape[2]), int(call.result.shape[3])
    on_map(tracer, call, TransposedConvolution(stride, crop, size, rate, groups), tensors)


def _grouped_by_inputs(weights: Array, groups: int) -> Array:
    """[groups * I, O, h, w] -> [h, w, I, groups * O]."""
    inputs, outputs, rows, columns = weights.shape
    split = weights.reshape(groups, inputs // groups, outputs, rows, columns)
    return split.transpose(3, 4, 1, 0, 2).reshape(rows, columns, inputs // groups, groups * outputs)


def _features_last(x: Array) -> Array:
    """[N, C, ...] -> [N, ..., C]."""
    return np.moveaxis(x, 1, -1)


def _on_features(tracer: "Tracer", call: Call, operation: Operation, tensors: dict[str, GraphTensor]) -> None:
    """Record an operation on [N, C, ...], of however many axes."""
    read = tracer.read(call.x).moved(_features_last)
    key = tracer.key(call.result)
    value = _features_last(call.value)
    tracer.recorder.add(key, operation, [read], value, tensors, move=lambda x: np.moveaxis(x, -1, 1))


@records(
    *("native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training"),
    *("_batch_norm_no_update", "_batch_norm_with_update", "cudnn_batch_norm"),
)
def _batch_norm(tracer: "Tracer", call: Call) -> None:
    training = bool(call.arguments.get("training", "update" in call.name and "no_update" not in call.name))
    epsilon = float(call.arguments["eps"] if "eps" in call.arguments else call["epsilon"])
    tensors = {GAMMA: call["weight"], BETA: call["bias"]}
    running_mean, running_variance = call.arguments.get("running_mean"), call.arguments.get("running_var")
    if not training:
        tensors |= {MOVING_MEAN: running_mean, MOVING_VARIANCE: running_variance}
    batch = tracer.batch
    depth = call.x.shape[1]
    # An instance norm is run as the batch norm of [1, N * C, ...], with all tensors repeated N times.
    is_of_instances = call.x.shape[0] == 1 and (batch > 1 or running_mean is None)
    if not is_of_instances or (not training and batch == 1):
        _on_features(tracer, call, BatchNorm(epsilon, training), _given(tracer, **tensors))
        return
    repeated = _given(tracer, **tensors)
    if depth % batch or not all(_is_repeated(each, batch) for each in repeated.values()):
        raise InexpressibleError
    once = {leaf: each.moved(lambda x: x[: depth // batch]) for leaf, each in repeated.items()}
    operation = GroupNorm(depth // batch, epsilon) if training else BatchNorm(epsilon)

    def by_image(x: Array) -> Array:
        return np.moveaxis(x.reshape(batch, depth // batch, *x.shape[2:]), 1, -1)

    def together(x: Array) -> Array:
        return np.moveaxis(x, -1, 1).reshape(call.x.shape)

    read = tracer.read(call.x).moved(by_image)
    tracer.recorder.add(tracer.key(call.result), operation, [read], by_image(call.value), once, move=together)


def _is_repeated(tensor: GraphTensor, times: int) -> bool:
    """Return whether a tensor is one that was repeated so many times."""
    parts = tensor.value.reshape(times, -1)
    return bool((parts == parts[:1]).all())


@records("native_layer_norm")
def _layer_norm(tracer: "Tracer", call: Call) -> None:
    """Record a norm over the last axis; one over several axes is one over what they are together."""
    axes = len(call["normalized_shape"])
    shape = tuple(call.x.shape)
    tensors = _given(tracer, **{GAMMA: call["weight"], BETA: call["bias"]})

    def flat(x: Array) -> Array:
        return x.reshape(*shape[:-axes], prod(shape[-axes:]))

    tracer.recorder.add(
        tracer.key(call.result),
        LayerNorm(float(call["eps"])),
        [tracer.read(call.x).moved(flat)],
        flat(call.value),
        {leaf: tensor.moved(lambda x: x.reshape(-1)) for leaf, tensor in tensors.items()},
        move=lambda x: x.reshape(shape),
    )


@records("native_group_norm")
def _group_norm(tracer: "Tracer", call: Call) -> None:
    tensors = _given(tracer, **{GAMMA: call["weight"], BETA: call["bias"]})
    _on_features(tracer, call, GroupNorm(int(call["group"]), float(call["eps"])), tensors)


@records("addmm", "mm", "bmm")
def _product(tracer: "Tracer", call: Call) -> None:
    """Record a product of two values, or of one and a kernel."""
    names = ("mat1", "mat2") if call.name == "addmm" else list(call.arguments)[:2]
    first, second = (call[name] for name in names)
    if any(call.arguments.get(name, 1) != 1 for name in ("alpha", "beta")):
        raise InexpressibleError  # the compositions have it
    added = call["self"] if call.name == "addmm" else None
    biases = _given(tracer, **{BIASES: added})
    key = tracer.key(call.result)
    if tracer.flows(first) and not tracer.flows(second) and (kernel := _kernel(tracer, second)):
        tracer.recorder.add(key, Dense(), [tracer.read(first)], call.value, {WEIGHTS: kernel} | biases)
    elif biases:
        raise InexpressibleError
    elif tracer.flows(second) and not tracer.flows(first) and (kernel := _kernel(tracer, first)):  # W x = (x' W')'
        tensors = {WEIGHTS: kernel.moved(np.transpose)}
        read = tracer.read(second).moved(_transposed)
        tracer.recorder.add(key, Dense(), [read], _transposed(call.value), tensors, _transposed)
    else:
        reads = [tracer.read(each, constant=True) for each in (first, second)]
        tracer.recorder.add(key, MatrixProduct(), reads, call.value)


def _kernel(tracer: "Tracer", matrices: Tensor) -> GraphTensor | None:
    """Return the one matrix that all matrices of an operand are; None where there are others."""
    tensor = tracer.constant(matrices)
    if matrices.ndim == 2:
        return tensor
    numbers = tensor.layout.numbers()
    return tensor.moved(lambda x: x[0]) if (numbers == numbers[:1]).all() else None


def _transposed(x: Array) -> Array:
    return x.swapaxes(-1, -2)


@records("_softmax", "_safe_softmax", "softmax")
def _softmax(tracer: "Tracer", call: Call) -> None:
    axis = int(call["dim"])

    def last(x: Array) -> Array:
        return np.moveaxis(x, axis, -1)

    read = tracer.read(call.x).moved(last)
    key = tracer.key(call.result)
    tracer.recorder.add(key, Softmax(), [read], last(call.value), move=lambda x: np.moveaxis(x, -1, axis))


@records("cat")
def _concatenate(tracer: "Tracer", call: Call) -> None:
    parts = [each for each in call["tensors"] if each.numel()]
    contents = [tracer.read(each) if tracer.flows(each) else tracer.constant(each) for each in parts]
    axis = int(call["dim"]) % call.result.ndim
    record_concatenation(tracer.recorder, tracer.key(call.result), contents, call.value, axis)


@records("constant_pad_nd")
def _pad(tracer: "Tracer", call: Call) -> None:
    """Record padding; where it is below zero it cuts off."""
    pads = list(zip(call["pad"][::2], call["pad"][1::2], strict=True))[::-1]
    pads = [(0, 0)] * (call.x.ndim - len(pads)) + pads
    if not can_pad([(0, 0), *pads[1:]]) or max(pads[0]) > 0:
        raise InexpressibleError
    inner = tuple(
        slice(max(-before, 0), size - max(-behind, 0))
        for (before, behind), size in zip(pads, call.x.shape, strict=True)
    )
    read = tracer.read(call.x).moved(lambda x: x[inner])
    key = tracer.key(call.result)
    if max(map(max, pads)) <= 0:
        tracer.recorder.reads[key] = read
        return
    rest = [(max(before, 0), max(behind, 0)) for before, behind in pads]
    record_pad(tracer.recorder, key, read, rest, float(call["value"]), call.value)


@records("max_pool2d_with_indices")
def _max_pool(tracer: "Tracer", call: Call) -> None:
    kernel = _pair(call["kernel_size"])
    stride = _pair(call["stride"] or kernel)
    rate = _pair(call["dilation"])
    pads = _reaching(call, kernel, stride, rate)
    on_map(tracer, call, MaxPool(kernel, stride, pads, rate))


@records("avg_pool2d")
def _average_pool(tracer: "Tracer", call: Call) -> None:
    if call["divisor_override"]:
        raise InexpressibleError
    kernel = _pair(call["kernel_size"])
    stride = _pair(call["stride"] or kernel)
    counted = _both(call["padding"]) if call["count_include_pad"] else UNPADDED
    on_map(tracer, call, AveragePool(kernel, stride, _reaching(call, kernel, stride, (1, 1)), counted))


def _reaching(call: Call, kernel: Pair, stride: Pair, rate: Pair) -> Pads:
    """Return the pads of a pool; with `ceil_mode` they reach as far behind as its last window does."""
    if call.x.ndim != 4:
        raise InexpressibleError
    pads = []
    for axis, (before, behind) in enumerate(_both(call["padding"])):
        size, cells = call.x.shape[2 + axis], call.result.shape[2 + axis]
        reach = (cells - 1) * stride[axis] + rate[axis] * (kernel[axis] - 1) + 1
        pads.append((before, max(behind, reach - size - before)))
    return pads[0], pads[1]


@records("_adaptive_avg_pool2d")
def _adaptive_pool(tracer: "Tracer", call: Call) -> None:
    if call.x.ndim != 4:
        raise InexpressibleError
    on_map(tracer, call, AdaptivePool(_pair(call["output_size"])))


@records("mean")
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


@records("upsample_bilinear2d")
def _resize(tracer: "Tracer", call: Call) -> None:
    """Record a resizing; its cells lie by the sizes, unless it is told another scale."""
    sizes = call.x.shape[2:], call.result.shape[2:]
    scales: list[Any] = [call.arguments.get("scales_h"), call.arguments.get("scales_w")]
    told = [size if scale is None else before * scale for before, size, scale in zip(*sizes, scales, strict=True)]
    if not call["align_corners"] and told != list(sizes[1]):
        raise InexpressibleError
    rows, columns = sizes[1]
    on_map(tracer, call, Resize((int(rows), int(columns)), "aligned" if call["align_corners"] else "half"))
