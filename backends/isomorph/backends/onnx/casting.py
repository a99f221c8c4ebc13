"""Have an ONNX model compute in another dtype of floats."""

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, numpy_helper

from isomorph.spec import BadInput

_OF_DTYPES = {"Cast": "to", "ConstantOfShape": "value", "EyeLike": "dtype"}
"""Operators that name a dtype, and the attribute in which they do; of ConstantOfShape it is a tensor."""


def cast(model: ModelProto, before: str, after: str) -> ModelProto:
    """Return a model whose tensors, values and constants are of the dtype `after` where they were of `before`.

    Raises BadInput where one of these is no dtype of floats.
    """
    for dtype in (before, after):
        if dtype not in _NAMES:
            raise BadInput(f"{dtype} is no dtype of floats; expected one of {', '.join(_NAMES)}.")
    model = _copy(model)
    old, new = (TensorProto.DataType.Value(_NAMES[dtype]) for dtype in (before, after))
    for graph in _graphs(model.graph):
        for tensor in graph.initializer:
            _cast_tensor(tensor, old, new)
        for value in (*graph.input, *graph.output, *graph.value_info):
            _cast_value(value, old, new)
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.type == AttributeProto.TENSOR:
                    _cast_tensor(attribute.t, old, new)
                elif attribute.name == _OF_DTYPES.get(node.op_type) and attribute.i == old:
                    attribute.i = new
    return model


_NAMES = {"float16": "FLOAT16", "float32": "FLOAT", "float64": "DOUBLE", "bfloat16": "BFLOAT16"}


def _copy(model: ModelProto) -> ModelProto:
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """Yield a graph and those inside its operators."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                yield from _graphs(attribute.g)


def _cast_tensor(tensor: TensorProto, old: int, new: int) -> None:
    if tensor.data_type == old:
        values = numpy_helper.to_array(tensor).astype(onnx.helper.tensor_dtype_to_np_dtype(new))
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _cast_value(value: ValueInfoProto, old: int, new: int) -> None:
    if value.type.tensor_type.elem_type == old:
        value.type.tensor_type.elem_type = new


def lift_constants(model: ModelProto) -> ModelProto:
    """Return a model with the results of its operators `Constant` as tensors of its graph, under their names."""
    model = _copy(model)
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        if node.op_type == "Constant" and node.domain in ("", "ai.onnx") and (value := _value_of(node)) is not None:
            value.name = node.output[0]
            model.graph.initializer.append(value)
        else:
            nodes.append(node)
    model.ir_version = max(model.ir_version, 4)  # from which on a tensor need not be an input, too
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _value_of(node: NodeProto) -> TensorProto | None:
    """Return the tensor that an operator `Constant` gives; None of one that is sparse, or a text."""
    (attribute,) = node.attribute
    value = onnx.helper.get_attribute_value(attribute)
    match attribute.name:
        case "value":
            copy = TensorProto()
            copy.CopyFrom(value)
            return copy
        case "value_float" | "value_floats":
            return numpy_helper.from_array(np.array(value, np.float32))
        case "value_int" | "value_ints":
            return numpy_helper.from_array(np.array(value, np.int64))
    return None
