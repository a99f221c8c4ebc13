"""TensorFlow's own reader, and a sound checkpoint of two shards."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from mutations.described import of_arrays


def save(folder: Path) -> None:
    """A sound checkpoint, merged from two."""
    (folder / "bundle").mkdir(exist_ok=True)
    parts = []
    for number, name in enumerate(("conv1/weights", "logits/biases")):
        parts.append(str(folder / f"part{number}"))
        value = tf.reshape(tf.range(6, dtype=tf.float32), (2, 3))
        tf.raw_ops.SaveV2(prefix=parts[-1], tensor_names=[name], shape_and_slices=[""], tensors=[value])
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=str(folder / "bundle" / "sharded"))


def read(path: Path, _: str) -> dict[str, Any]:
    """Every tensor that `tf.train.load_checkpoint` gives."""
    try:
        reader = tf.train.load_checkpoint(str(path.with_suffix("")))
        return {"tensors": of_arrays({name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()})}
    except Exception as problem:
        return {"error": f"{type(problem).__name__}: {problem}"[:300]}
