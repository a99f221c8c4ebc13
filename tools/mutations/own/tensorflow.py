"""TensorFlow's own reader, and sound files: a checkpoint of two shards, and such of the first format."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from isomorph.tools.checkpoints.tensorflow.bundle import OBJECT_GRAPH
from isomorph.tools.checkpoints.tensorflow.object_graph import TRAINING
from mutations.described import of_arrays


def save(folder: Path) -> None:
    """Sound files, in a folder for each format."""
    _save_sharded(folder)
    _save_slices(folder / "v1")
    _save_objects(folder / "objects")


def _save_sharded(folder: Path) -> None:
    """A checkpoint that is merged from two."""
    (folder / "bundle").mkdir(exist_ok=True)
    parts = []
    for number, name in enumerate(("conv1/weights", "logits/biases")):
        parts.append(str(folder / f"part{number}"))
        value = tf.reshape(tf.range(6, dtype=tf.float32), (2, 3))
        tf.raw_ops.SaveV2(prefix=parts[-1], tensor_names=[name], shape_and_slices=[""], tensors=[value])
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=str(folder / "bundle" / "sharded"))


def _save_slices(folder: Path) -> None:
    """Files of the first format: whole tensors of several dtypes, and one in slices."""
    folder.mkdir(exist_ok=True)
    values = [tf.range(6, dtype=tf.float32), tf.constant(-3, tf.int64), tf.constant([1, -200], tf.int32),
              tf.constant([True, False]), tf.zeros((0, 2)), tf.constant([1.5], tf.float16)]  # fmt: skip
    names = [f"conv{number}/weights" for number in range(len(values))]
    tf.raw_ops.Save(filename=str(folder / "whole.ckpt"), tensor_names=names, data=values)
    parts = ["4 3 0,1:-", "4 3 1,3:0,2", "4 3 1,3:2,1", "2 -"]
    values = [tf.ones((1, 3)), tf.ones((3, 2)), tf.zeros((3, 1)), tf.range(2, dtype=tf.float32)]
    tf.raw_ops.SaveSlices(
        filename=str(folder / "sliced.ckpt"), tensor_names=[*["w"] * 3, "b"], shapes_and_slices=parts, data=values
    )


def _save_objects(folder: Path) -> None:
    """Checkpoints of objects: modules in each other with an optimizer's slots, and variables that have no names."""
    folder.mkdir(exist_ok=True)
    plain, named = tf.Module(), tf.Module()
    plain.w, plain.b, plain.text = tf.Variable([1.0, 2.0]), tf.Variable(3), tf.Variable("words")
    named.inner, named.conv = plain, tf.Variable(tf.reshape(tf.range(6, dtype=tf.float32), (2, 3)), name="conv/kernel")
    optimizer = tf.compat.v1.train.MomentumOptimizer(0.1, 0.9)
    optimizer.minimize(lambda: tf.reduce_sum(named.conv**2), var_list=[named.conv])
    tf.train.Checkpoint(plain).write(str(folder / "plain"))
    tf.train.Checkpoint(model=named, optimizer=optimizer, step=tf.Variable(7)).write(str(folder / "named"))


def read(path: Path, _: str) -> dict[str, Any]:
    """Every tensor that `tf.train.load_checkpoint` lists, or of objects those that are a network's."""
    try:
        reader = tf.train.load_checkpoint(str(path.with_suffix("") if path.suffix == ".index" else path))
        dtypes = reader.get_variable_to_dtype_map()
        if path.suffix != ".index":
            return {"tensors": of_arrays({name: _restored(path, name, dtype) for name, dtype in dtypes.items()})}
        names = {name: name for name in dtypes}
        if OBJECT_GRAPH in names:
            names = _named(TrackableObjectGraph.FromString(reader.get_tensor(OBJECT_GRAPH)), dtypes)
        return {"tensors": of_arrays({name: reader.get_tensor(key) for key, name in names.items()})}
    except Exception as problem:
        return {"error": f"{type(problem).__name__}: {problem}"[:300]}


def _restored(path: Path, name: str, dtype: tf.DType) -> Any:
    """A tensor of the first format, by the operation that restores them: the reader itself joins no slices."""
    return tf.raw_ops.Restore(file_pattern=str(path), tensor_name=name, dt=dtype).numpy()


def _named(graph: TrackableObjectGraph, dtypes: Mapping[str, tf.DType]) -> dict[str, str]:
    """Key -> name of the numbers that objects save which the root leads to, but for what a training needs."""
    slots = {slot.slot_variable_node_id for node in graph.nodes for slot in node.slot_variables}
    reached, ahead = set[int](), {0}
    while ahead := ahead - slots - reached:
        reached |= ahead
        children = (child for number in ahead for child in graph.nodes[number].children)
        ahead = {child.node_id for child in children if child.local_name not in TRAINING}
    saved = [one for number in reached for one in graph.nodes[number].attributes]
    saved = [one for one in saved if dtypes[one.checkpoint_key] != tf.string]
    names = ["" if one.full_name == "Variable" else one.full_name for one in saved]
    return {
        one.checkpoint_key: name
        if name and names.count(name) == 1
        else one.checkpoint_key.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE")
        for one, name in zip(saved, names, strict=True)
    }
