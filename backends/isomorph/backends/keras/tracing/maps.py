"""Operations of TensorFlow on maps: convolutions, pools, resizing, the fused batch norm."""

from typing import TYPE_CHECKING

from isomorph.backends.graphs.handlers import Handlers
from isomorph.backends.keras.tracing.call import Call
from isomorph.backends.keras.tracing.dilation import convolve_apart
from isomorph.backends.keras.tracing.registry import Handler, are_constant, on_map, pads_of, record_unknown, size_of
from isomorph.spec.operations import (
    AveragePool,
    BatchNorm,
    Convolution,
    MaxPool,
    Pads,
    Pair,
    Resize,
    TransposedConvolution,
)
from isomorph.spec.padding import pads
from isomorph.spec.tensors import BETA, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS

if TYPE_CHECKING:
    from isomorph.backends.keras.tracing.tracer import Tracer

HANDLERS: Handlers[Handler] = Handlers()
"""What records calls of these operations."""


def _pair(call: Call, name: str) -> Pair:
    """Return an attribute of four axes as what it says of rows and columns."""
    values = call.attributes.get(name) or (1, 1, 1, 1)
    rows, columns = values[2:4] if call.channels_first else values[1:3]
    return int(rows), int(columns)


def _pads(call: Call, size: Pair, kernel: Pair, stride: Pair, rate: Pair = (1, 1)) -> Pads:
    """Return what pads a map of `size`, as a call's attributes say."""
    match call["padding"]:
        case "EXPLICIT":
            given = call["explicit_paddings"]
            return pads_of(given[4:8] if call.channels_first else given[2:6])
        case "SAME":
            rows, columns = (pads("same", *axis) for axis in zip(size, kernel, stride, rate, strict=True))
            return rows, columns
    return (0, 0), (0, 0)


@HANDLERS.records("Conv2D", "DepthwiseConv2dNative")
def _convolution(tracer: "Tracer", call: Call) -> None:
    x, weights = call.inputs
    if not are_constant(tracer, weights):
        record_unknown(tracer, call)
        return
    rows, columns, depth_in, times = map(int, weights.shape)
    stride, rate = _pair(call, "strides"), _pair(call, "dilations")
    depth = int(x.shape[1 if call.channels_first else 3])
    kernel = tracer.constant(weights)
    groups = depth // depth_in
    if call.name == "DepthwiseConv2dNative":
        kernel = kernel.moved(lambda w: w.reshape(rows, columns, 1, depth_in * times))
        groups = depth_in
    operation = Convolution(stride, _pads(call, size_of(call, x), (rows, columns), stride, rate), rate, groups)
    tensors = {WEIGHTS: kernel}
    on_map(tracer, call, operation, x, tensors)
    convolve_apart(tracer, x, call.result, operation, tensors)


@HANDLERS.records("Conv2DBackpropInput")
def _transposed_convolution(tracer: "Tracer", call: Call) -> None:
    """Record the transpose of a convolution, whose kernel is [h, w, O, I]."""
    _, weights, x = call.inputs
    rows, columns, _, depth_in = map(int, weights.shape)
    stride, rate = _pair(call, "strides"), _pair(call, "dilations")
    depth = int(x.shape[1 if call.channels_first else 3])
    if not are_constant(tracer, weights) or not tracer.flows(x) or depth != depth_in:
        record_unknown(tracer, call)
        return
    size = size_of(call, call.result)
    top, left = _pads(call, size, (rows, columns), stride, rate)
    operation = TransposedConvolution(stride, (top[0], left[0]), size, rate)
    tensors = {WEIGHTS: tracer.constant(weights).moved(lambda w: w.transpose(0, 1, 3, 2))}
    on_map(tracer, call, operation, x, tensors)


@HANDLERS.records("MaxPool", "AvgPool")
def _pool(tracer: "Tracer", call: Call) -> None:
    kernel, stride = _pair(call, "ksize"), _pair(call, "strides")
    around = _pads(call, size_of(call, call.x), kernel, stride)
    pool = MaxPool if call.name == "MaxPool" else AveragePool
    on_map(tracer, call, pool(kernel, stride, around), call.x)


@HANDLERS.records("ResizeBilinear")
def _resize(tracer: "Tracer", call: Call) -> None:
    """Record a resizing, which TensorFlow computes in float32 whatever the map's dtype is (2.21)."""
    corners = "asymmetric"
    if call.attributes.get("align_corners"):
        corners = "aligned"
    elif call.attributes.get("half_pixel_centers"):
        corners = "half"
    on_map(tracer, call, Resize(size_of(call, call.result), corners), call.x)


@HANDLERS.records("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
def _batch_norm(tracer: "Tracer", call: Call) -> None:
    x, *constants = call.inputs
    if not are_constant(tracer, *constants):
        record_unknown(tracer, call)
        return
    training = bool(call["is_training"])
    leaves = (GAMMA, BETA) if training else (GAMMA, BETA, MOVING_MEAN, MOVING_VARIANCE)
    tensors = dict(zip(leaves, map(tracer.constant, constants), strict=False))
    on_map(tracer, call, BatchNorm(tracer.rounded(call["epsilon"]), training), x, tensors)
