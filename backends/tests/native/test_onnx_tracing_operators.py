"""Single operators of ONNX, traced: each is named, and the oracle gives its value."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx.inliner
import onnxruntime
import pytest
from onnx import ModelProto, NodeProto

from .graph_checks import assert_is_known, kinds
from .onnx_graphs import IMAGES, STATISTICS, W, draw, make, model, node

Array = npt.NDArray[Any]

COUNTED: dict[str, Any] = {"ceil_mode": 1, "count_include_pad": 1}
FLOAT32 = 1e-5
"""What single operators lose in float32, with room: sums of some hundreds of terms."""


DEPTHWISE, B, DENSE = draw(8, 1, 3, 3), draw(8), draw(8, 5)
NUMBERS = np.array

OPERATORS: dict[str, tuple[NodeProto | Sequence[NodeProto], dict[str, Array]]] = {
    "Conv": (node("Conv", "x w b", pads=[1, 2, 0, 1], strides=[2, 1]), {"w": W, "b": B}),
    "Conv with dilations": (node("Conv", "x w", dilations=[2, 1], pads=[2, 1, 2, 1]), {"w": W}),
    "Conv of each channel": (node("Conv", "x w", group=8), {"w": DEPTHWISE}),
    "Conv in groups": (node("Conv", "x w", group=4), {"w": draw(8, 2, 3, 3)}),
    "Conv of SAME_UPPER": (node("Conv", "x w", auto_pad="SAME_UPPER", strides=[2, 2]), {"w": W}),
    "Conv of SAME_LOWER": (node("Conv", "x w", auto_pad="SAME_LOWER", strides=[2, 2]), {"w": W}),
    "Conv of VALID": (node("Conv", "x w", auto_pad="VALID"), {"w": W}),
    "ConvTranspose": (
        node("ConvTranspose", "x w b", strides=[2, 2], pads=[1, 0, 1, 2], output_padding=[1, 0]),
        {"w": W, "b": B},
    ),
    "ConvTranspose in groups": (node("ConvTranspose", "x w", strides=[2, 3], group=2), {"w": draw(8, 4, 3, 3)}),
    "ConvTranspose of SAME_UPPER": (node("ConvTranspose", "x w", strides=[2, 2], auto_pad="SAME_UPPER"), {"w": W}),
    "ConvTranspose of SAME_LOWER": (node("ConvTranspose", "x w", strides=[2, 2], auto_pad="SAME_LOWER"), {"w": W}),
    "ConvTranspose to a size": (node("ConvTranspose", "x w", strides=[2, 2], output_shape=[18, 20]), {"w": W}),
    "BatchNormalization": (node("BatchNormalization", "x g b m v", epsilon=1e-3), STATISTICS),
    "InstanceNormalization": (node("InstanceNormalization", "x g b"), {"g": draw(8), "b": B}),
    "GroupNormalization": (node("GroupNormalization", "x g b", num_groups=2), {"g": draw(8), "b": B}),
    "LayerNormalization": (node("LayerNormalization", "x g b", epsilon=1e-3), {"g": draw(10), "b": draw(10, seed=2)}),
    "LayerNormalization over maps": (node("LayerNormalization", "x g", axis=2), {"g": draw(9, 10)}),
    "Gemm": (
        [node("GlobalAveragePool", "x", "p"), node("Flatten", "p", "f"), node("Gemm", "f w b", transB=1)],
        {"w": DENSE.T.copy(), "b": draw(5)},
    ),
    "Gemm with factors": (
        [node("ReduceMean", "x a", "f", keepdims=0), node("Gemm", "f w b", alpha=0.5, beta=2.0)],
        {"w": DENSE, "b": draw(5), "a": NUMBERS([2, 3])},
    ),
    "Gemm of values": (
        [node("ReduceMean", "x a", "f", keepdims=0), node("Gemm", "f f", transB=1)],
        {"a": NUMBERS([2, 3])},
    ),
    "MatMul with a stack of kernels": (node("MatMul", "x w"), {"w": draw(8, 10, 4)}),
    "MatMul with a kernel": ([node("Transpose", "x", "t", perm=[0, 2, 3, 1]), node("MatMul", "t w")], {"w": DENSE}),
    "MatMul of a kernel": (
        [node("Transpose", "x", "t", perm=[0, 2, 1, 3]), node("MatMul", "w t")],
        {"w": DENSE.T.copy()},
    ),
    "MatMul of values": ([node("Transpose", "x", "t", perm=[0, 1, 3, 2]), node("MatMul", "x t")], {}),
    "Einsum of values": (node("Einsum", "x x", equation="bchw,bchv->bcwv"), {}),
    "Einsum with a kernel": (node("Einsum", "w x", equation="co,bchw->bohw"), {"w": DENSE}),
    "Clip": (node("Clip", "x l h"), {"l": NUMBERS(-0.1, np.float32), "h": NUMBERS(0.3, np.float32)}),
    "Clip from above": (node("Clip", "x - h"), {"h": NUMBERS(0.3, np.float32)}),
    "LeakyRelu": (node("LeakyRelu", "x", alpha=0.1), {}),
    "PRelu": (node("PRelu", "x s"), {"s": NUMBERS([0.3], np.float32)}),
    "PRelu of each channel": (node("PRelu", "x s"), {"s": draw(8, 1, 1)}),
    "Elu": (node("Elu", "x", alpha=0.7), {}),
    "Celu": (node("Celu", "x"), {}),
    "HardSigmoid": (node("HardSigmoid", "x", alpha=0.1666667), {}),
    "HardSwish": (node("HardSwish", "x"), {}),
    "Gelu": (node("Gelu", "x"), {}),
    "Gelu by tanh": (node("Gelu", "x", approximate="tanh"), {}),
    "Mish": (node("Mish", "x"), {}),
    "Softplus": (node("Softplus", "x"), {}),
    "Sigmoid, Tanh, Erf, Exp": (
        [node("Sigmoid", "x", "a"), node("Tanh", "a", "b"), node("Erf", "b", "c"), node("Exp", "c")],
        {},
    ),
    "Abs by powers, Sqrt, Log, Reciprocal": (
        [
            node("Pow", "x two", "a"),
            node("Add", "a one", "b"),
            node("Sqrt", "b", "c"),
            node("Log", "c", "d"),
            node("Add", "d one", "e"),
            node("Reciprocal", "e"),
        ],
        {"two": NUMBERS(2, np.float32), "one": NUMBERS(1, np.float32)},
    ),
    "Softmax": (node("Softmax", "x", axis=1), {}),
    "LogSoftmax": (node("LogSoftmax", "x", axis=1), {}),
    "Add of a number": (node("Add", "one x"), {"one": NUMBERS(1, np.float32)}),
    "Sub from a tensor": (node("Sub", "c x"), {"c": draw(8, 1, 1)}),
    "Sub of a tensor": (node("Sub", "x c"), {"c": draw(8, 1, 1)}),
    "Sub of values": ([node("Relu", "x", "r"), node("Sub", "r x")], {}),
    "Sum of three": ([node("Relu", "x", "r"), node("Neg", "x", "n"), node("Sum", "r x n")], {}),
    "Mul by a tensor": (node("Mul", "x c"), {"c": draw(8, 1, 1)}),
    "Mul of values": ([node("Sigmoid", "x", "s"), node("Mul", "x s")], {}),
    "Div by a number": (node("Div", "x c"), {"c": NUMBERS(3, np.float32)}),
    "Div by a tensor": (node("Div", "x c"), {"c": abs(draw(8, 1, 1)) + 1}),
    "Div of a number": ([node("Exp", "x", "e"), node("Div", "c e")], {"c": NUMBERS(2, np.float32)}),
    "Div of values": ([node("Exp", "x", "e"), node("Div", "x e")], {}),
    "Concat of channels": ([node("Relu", "x", "r"), node("Concat", "x r", axis=1)], {}),
    "Concat of columns": ([node("Relu", "x", "r"), node("Concat", "x r", axis=-1)], {}),
    "Concat with a tensor": (
        [node("Expand", "c shape", "e"), node("Concat", "e x", axis=2)],
        {"c": draw(8, 1, 10), "shape": NUMBERS([2, 8, 1, 10])},
    ),
    "Pad": (node("Pad", "x p v"), {"p": NUMBERS([0, 1, 2, 0, 0, 0, 1, 3]), "v": NUMBERS(2, np.float32)}),
    "Pad of axes": (node("Pad", "x p - a"), {"p": NUMBERS([1, 2, 3, 4]), "a": NUMBERS([2, 3])}),
    "MaxPool": (node("MaxPool", "x", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1]), {}),
    "MaxPool of ceil_mode": (node("MaxPool", "x", kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1), {}),
    "MaxPool with dilations": (node("MaxPool", "x", kernel_shape=[2, 2], dilations=[2, 3]), {}),
    "MaxPool of SAME_LOWER": (node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_LOWER"), {}),
    "AveragePool": (node("AveragePool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]), {}),
    "AveragePool that counts its padding": (
        node("AveragePool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1),
        {},
    ),
    "AveragePool of ceil_mode": (
        node("AveragePool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1),
        {},
    ),
    "AveragePool of ceil_mode that counts": (
        node("AveragePool", "x", kernel_shape=[2, 3], strides=[2, 2], pads=[0, 1, 0, 1], **COUNTED),
        {},
    ),
    "AveragePool of SAME_UPPER": (
        node("AveragePool", "x", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
        {},
    ),
    "GlobalAveragePool": (node("GlobalAveragePool", "x"), {}),
    "GlobalMaxPool": (node("GlobalMaxPool", "x"), {}),
    "ReduceMean of channels": (node("ReduceMean", "x a"), {"a": NUMBERS([1])}),
    "ReduceMean of all": (node("ReduceMean", "x", keepdims=0), {}),
    "ReduceSum": (node("ReduceSum", "x a", keepdims=0), {"a": NUMBERS([2, -1])}),
    "Resize by half pixels": (node("Resize", "x - s", mode="linear"), {"s": NUMBERS([1, 1, 2, 2], np.float32)}),
    "Resize of aligned corners": (
        node("Resize", "x - - s", mode="linear", coordinate_transformation_mode="align_corners"),
        {"s": NUMBERS([2, 8, 17, 19])},
    ),
    "Resize of asymmetric cells": (
        node("Resize", "x - s", mode="linear", coordinate_transformation_mode="asymmetric"),
        {"s": NUMBERS([1, 1, 2, 3], np.float32)},
    ),
    "Resize as PyTorch's": (
        node("Resize", "x - s", mode="linear", coordinate_transformation_mode="pytorch_half_pixel"),
        {"s": NUMBERS([1, 1, 2, 2], np.float32)},
    ),
    "Where of constants, Shape, Gather, Reshape": (
        [
            node("Shape", "x", "s"),
            node("Gather", "s zero", "n", axis=0),
            node("Unsqueeze", "n zeros", "u"),
            node("Concat", "u rest", "target", axis=0),
            node("Reshape", "x target", "r"),
            node("Relu", "r"),
        ],
        {"zero": NUMBERS(0), "zeros": NUMBERS([0]), "rest": NUMBERS([-1, 10])},
    ),
    "Slice, Squeeze, Tile, Expand": (
        [
            node("Slice", "x from to axis step", "a"),
            node("Squeeze", "a axis", "b"),
            node("Tile", "b times", "c"),
            node("Unsqueeze", "c axis", "d"),
            node("Expand", "d shape", "e"),
            node("Relu", "e"),
        ],
        {
            **{"from": NUMBERS([3]), "to": NUMBERS([1]), "axis": NUMBERS([1]), "step": NUMBERS([-2])},
            **{"times": NUMBERS([1, 2, 1]), "shape": NUMBERS([2, 3, 18, 10])},
        },
    ),
    "Split, Gather, DepthToSpace, Identity": (
        [
            node("Split", "x sizes", "a b", axis=1),
            node("Gather", "b chosen", "c", axis=1),
            node("DepthToSpace", "c", "d", blocksize=2),
            node("Identity", "d", "e"),
            node("Relu", "e"),
        ],
        {"sizes": NUMBERS([3, 5]), "chosen": NUMBERS([4, 0, 0, 2])},
    ),
    "Cast and Dropout": (
        [node("Dropout", "x", "a"), node("Cast", "a", "b", to=onnx.TensorProto.DOUBLE), node("Cast", "b", "c", to=1)],
        {},
    ),
}


def nodes_of(nodes: NodeProto | Sequence[NodeProto]) -> list[NodeProto]:
    return [nodes] if isinstance(nodes, NodeProto) else list(nodes)


@pytest.mark.parametrize("name", OPERATORS)
def test_operator(name: str) -> None:
    nodes, tensors = OPERATORS[name]
    last = nodes_of(nodes)[-1].output[0]
    own = model(make(nodes_of(nodes), tensors, returned=[last]))
    graph = own.trace(IMAGES)
    assert_is_known(graph, FLOAT32)
    (expected,) = onnxruntime_of(own.native, IMAGES)
    np.testing.assert_array_equal(graph.take(graph.outputs[""]), expected)


def onnxruntime_of(native: ModelProto, images: Array) -> list[Array]:
    """What ONNX Runtime gives for the model as it is, by itself."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(native.SerializeToString(), options)
    answers: list[Array] = session.run(None, {"x": images.transpose(0, 3, 1, 2).copy()})
    return answers


@pytest.mark.parametrize("mode", ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"])
@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
@pytest.mark.parametrize("size", [(18, 20), (13, 7), (1, 25)], ids=["twice as large", "uneven", "a row"])
def test_nearest_cells_are_a_layout(mode: str, rounding: str, size: tuple[int, int]) -> None:
    resize = node("Resize", "x - - s", mode="nearest", coordinate_transformation_mode=mode, nearest_mode=rounding)
    own = model(make([resize], {"s": np.array([2, 8, *size])}))
    graph = own.trace(IMAGES)
    assert kinds(graph) == []
    np.testing.assert_array_equal(graph.take(graph.outputs[""]), onnxruntime_of(own.native, IMAGES)[0])


OLDER: dict[str, tuple[int, list[NodeProto], dict[str, Array], list[str]]] = {
    "Clip by attributes": (7, [node("Clip", "x", min=0.0, max=6.0)], {}, ["Pointwise"]),
    "Pad by attributes": (7, [node("Pad", "x", pads=[0, 1, 1, 0, 0, 0, 1, 2], value=1.5)], {}, ["Pad"]),
    "Softmax of all axes behind": (7, [node("Softmax", "x", axis=1)], {}, ["Softmax"]),
    "Upsample by scales of its own": (
        7,
        [node("Upsample", "x", scales=[1.0, 1.0, 2.0, 2.0], mode="linear")],
        {},
        ["Resize"],
    ),
    "Upsample by scales": (
        9,
        [node("Upsample", "x s", "u", mode="nearest"), node("Relu", "u")],
        {"s": np.array([1, 1, 2, 2], np.float32)},
        ["Pointwise"],
    ),
    "Resize by scales": (
        10,
        [node("Resize", "x s", mode="linear")],
        {"s": np.array([1, 1, 2, 2], np.float32)},
        ["Resize"],
    ),
    "ReduceMean by attributes": (11, [node("ReduceMean", "x", axes=[-1, 2])], {}, ["Mean"]),
    "Squeeze by attributes": (
        11,
        [node("Unsqueeze", "x", "u", axes=[1]), node("Squeeze", "u", "s", axes=[1]), node("Relu", "s")],
        {},
        ["Pointwise"],
    ),
    "Split by attributes": (
        11,
        [node("Split", "x", "a b", axis=1, split=[2, 6]), node("Relu", "b")],
        {},
        ["Pointwise"],
    ),
    "Slice by attributes": (
        9,
        [node("Slice", "x", "s", axes=[2], starts=[1], ends=[-1]), node("Relu", "s")],
        {},
        ["Pointwise"],
    ),
    "BatchNormalization": (7, [node("BatchNormalization", "x g b m v")], STATISTICS, ["BatchNorm"]),
    "GroupNormalization by groups": (
        18,
        [node("GroupNormalization", "x g b", num_groups=2)],
        {"g": draw(2), "b": draw(2, seed=2)},
        ["GroupNorm"],
    ),
    "Dropout that is not in training": (
        7,
        [node("Dropout", "x", "d", ratio=0.4), node("Relu", "d")],
        {},
        ["Pointwise"],
    ),
}


@pytest.mark.parametrize("name", OLDER)
def test_operator_of_an_older_version(name: str) -> None:
    opset, nodes, tensors, expected = OLDER[name]
    own = model(make(nodes, tensors, opset))
    graph = own.trace(IMAGES)
    assert kinds(graph) == expected
    assert_is_known(graph, FLOAT32)
    np.testing.assert_array_equal(graph.take(graph.outputs[""]), onnxruntime_of(own.native, IMAGES)[0])
