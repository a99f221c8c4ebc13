"""TensorFlow Lite's own classes for its programs, and sound files, as its converter writes them."""

import os
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

from isomorph.tools.checkpoints.tensorflow.lite import scope_of
from mutations.described import of_arrays

_TYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.FLOAT64: np.float64,
    schema.TensorType.BFLOAT16: tf.bfloat16.as_numpy_dtype,
}
_AXES = {
    schema.BuiltinOperator.CONV_2D: (1, 2, 3, 0),
    schema.BuiltinOperator.DEPTHWISE_CONV_2D: (1, 2, 3, 0),
    schema.BuiltinOperator.FULLY_CONNECTED: (1, 0),
}


def save(folder: Path) -> None:
    """Sound files: convolutions, a separable one and a dense layer, in float32 and float16."""
    (folder / "tflite").mkdir(exist_ok=True)
    for name, layers in {
        "plain": [keras.layers.Conv2D(2, 3), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)],
        "separable": [keras.layers.SeparableConv2D(3, 3), keras.layers.BatchNormalization(), keras.layers.ReLU()],
    }.items():
        network = keras.Sequential([keras.layers.Input((4, 4, 2)), *layers])
        draw = np.random.default_rng(0)
        network.set_weights([draw.uniform(0.5, 1.5, value.shape) for value in network.get_weights()])
        converter = tf.lite.TFLiteConverter.from_keras_model(network)
        (folder / "tflite" / f"{name}.tflite").write_bytes(converter.convert())
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
        (folder / "tflite" / f"{name}16.tflite").write_bytes(converter.convert())


def read(path: Path, _: str) -> dict[str, Any]:
    """Every kernel, bias and other constant of floats, by Lite's classes; names and axes as isomorph gives them."""
    try:
        return {"tensors": of_arrays(_weights(schema.Model.GetRootAs(path.read_bytes())))}
    except Exception as problem:
        return {"error": f"{type(problem).__name__}: {problem}"[:300]}


def _weights(model: Any) -> dict[str, Any]:
    subgraph = model.Subgraphs(0)
    source: dict[int, int] = {}
    found: dict[str, Any] = {}
    layers = set()
    for operator in map(subgraph.Operators, range(subgraph.OperatorsLength())):
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
        inputs = [source.get(operator.Inputs(at), operator.Inputs(at)) for at in range(operator.InputsLength())]
        constants = [number if _raw(model, subgraph, number).size else -1 for number in inputs]
        if (
            kind == schema.BuiltinOperator.DEQUANTIZE
            and len(inputs) == operator.OutputsLength() == 1
            and constants[0] >= 0
        ):
            source[operator.Outputs(0)] = inputs[0]
        elif kind in _AXES and len(inputs) > 1 and constants[1] >= 0:
            if tuple(inputs[1:3]) not in layers:
                layers.add(tuple(inputs[1:3]))
                name = _name(subgraph, inputs[1])
                scope = name if f"{scope_of(name)}/kernel" in found else scope_of(name)
                found[f"{scope}/kernel"] = _value(model, subgraph, inputs[1]).transpose(_AXES[kind])
                if len(inputs) > 2 and constants[2] >= 0:
                    found[f"{scope}/bias"] = _value(model, subgraph, inputs[2])
        else:
            for number in constants:
                if number >= 0 and subgraph.Tensors(number).Type() in _TYPES and _name(subgraph, number) not in found:
                    value = _value(model, subgraph, number)
                    is_vector = value.ndim and value.shape[-1] == value.size
                    found[_name(subgraph, number)] = value.reshape(-1) if is_vector else value
    return found


def _raw(model: Any, subgraph: Any, number: int) -> Any:
    """The bytes of a tensor, none where it is computed."""
    if not 0 <= number < subgraph.TensorsLength():
        return np.zeros(0, np.uint8)
    buffer = model.Buffers(subgraph.Tensors(number).Buffer())
    return buffer.DataAsNumpy() if buffer.DataLength() else np.zeros(0, np.uint8)


def _name(subgraph: Any, number: int) -> str:
    return (subgraph.Tensors(number).Name() or b"").decode() or f"tensor_{number}"


def _value(model: Any, subgraph: Any, number: int) -> Any:
    tensor = subgraph.Tensors(number)
    shape = [tensor.Shape(at) for at in range(tensor.ShapeLength())]
    return _raw(model, subgraph, number).view(_TYPES[tensor.Type()]).reshape(shape)
