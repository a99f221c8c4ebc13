"""Graphs of ONNX by hand: nodes, tensors and one input of images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from isomorph.backends import load_backend
from isomorph.backends.models import Model

Array = npt.NDArray[Any]

IMAGES = np.random.default_rng(0).normal(size=(2, 9, 10, 8)).astype(np.float32)


def draw(*shape: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def node(operator: str, inputs: str, outputs: str = "y", **attributes: Any) -> NodeProto:
    """An operator whose inputs and outputs are named in one text each; a "-" leaves an input out."""
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(operator, names, outputs.split(), **attributes)


def make(
    nodes: Sequence[NodeProto],
    tensors: dict[str, Array] | None = None,
    opset: int = 21,
    shape: Sequence[int | str] = ("n", 8, 9, 10),
    returned: Sequence[str] = ("y",),
) -> ModelProto:
    """A model that takes "x", of this shape, and returns values by name."""
    graph = helper.make_graph(
        list(nodes),
        "by hand",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in returned],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (tensors or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def model(native: ModelProto) -> Model:
    return load_backend("onnx").model(native)


W = draw(8, 8, 3, 3)
STATISTICS = {"g": draw(8), "b": draw(8), "m": draw(8), "v": abs(draw(8)) + 0.5}
