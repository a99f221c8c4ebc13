"""TensorFlow's own reader, and sound files: a checkpoint of two shards, and such of the first format."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from mutations.described import of_arrays


def save(folder: Path) -> None:
    """Sound files, in a folder for each format."""
    _save_sharded(folder)
    _save_slices(folder / "v1")


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


def read(path: Path, _: str) -> dict[str, Any]:
    """Every tensor that `tf.train.load_checkpoint` lists."""
    try:
        if path.suffix == ".index":
            reader = tf.train.load_checkpoint(str(path.with_suffix("")))
            return {
                "tensors": of_arrays({name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()})
            }
        dtypes = tf.train.load_checkpoint(str(path)).get_variable_to_dtype_map()
        return {"tensors": of_arrays({name: _restored(path, name, dtype) for name, dtype in dtypes.items()})}
    except Exception as problem:
        return {"error": f"{type(problem).__name__}: {problem}"[:300]}


def _restored(path: Path, name: str, dtype: tf.DType) -> Any:
    """A tensor of the first format, by the operation that restores them: the reader itself joins no slices."""
    return tf.raw_ops.Restore(file_pattern=str(path), tensor_name=name, dt=dtype).numpy()
