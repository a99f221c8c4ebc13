"""TensorFlow's own classes for frozen graphs, and sound files, as TensorFlow 1 freezes them."""

from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.framework.graph_pb2 import GraphDef

from mutations.described import of_arrays

_FLOATS = (tf.float32, tf.float64, tf.bfloat16, tf.float16)
_V1 = tf.compat.v1


def save(folder: Path) -> None:
    """Sound files, whose variables have names: a convolution and a dense layer; a batch norm, and half floats."""
    (folder / "pb").mkdir(exist_ok=True)

    def plain(images: Any) -> Any:
        kernel, bias, matrix = (
            _variable("conv/weights", 1, 1, 2, 3),
            _variable("conv/biases", 3),
            _variable("fc/w", 3, 2),
        )
        maps = tf.nn.bias_add(tf.nn.conv2d(images, kernel, 1, "SAME"), bias)
        return tf.matmul(tf.reduce_mean(maps, (1, 2)), matrix)

    def normalised(images: Any) -> Any:
        four = [_variable(f"bn/{name}", 2) for name in ("gamma", "beta", "moving_mean", "moving_variance")]
        maps = _V1.nn.fused_batch_norm(images, *four, is_training=False)[0]
        return tf.cast(tf.reduce_mean(maps, (1, 2)), tf.float16) * _variable("halves", 2, dtype=tf.float16)

    for name, network in {"plain": plain, "normalised": normalised}.items():
        with tf.Graph().as_default() as graph, _V1.Session() as session:
            out = network(_V1.placeholder(tf.float32, (1, 2, 2, 2)))
            session.run(_V1.global_variables_initializer())
            frozen = _V1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), [out.op.name])
        (folder / "pb" / f"{name}.pb").write_bytes(frozen.SerializeToString())


def _variable(name: str, *shape: int, dtype: tf.DType = tf.float32) -> Any:
    return _V1.get_variable(name, shape, dtype, initializer=_V1.random_uniform_initializer(0.5, 1.5, 0))


def read(path: Path, _: str) -> dict[str, Any]:
    """Every constant of floats but single numbers, by TensorFlow's classes, under the names of nodes."""
    try:
        graph = GraphDef.FromString(path.read_bytes())
        held = {node.name: node.attr["value"].tensor for node in graph.node if node.op == "Const"}
        arrays = {
            name: tf.make_ndarray(tensor)
            for name, tensor in held.items()
            if tensor.dtype in _FLOATS and tensor.tensor_shape.dim
        }
        return {"tensors": of_arrays(arrays)}
    except Exception as problem:
        return {"error": f"{type(problem).__name__}: {problem}"[:300]}
