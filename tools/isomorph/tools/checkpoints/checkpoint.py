"""A checkpoint that has been read, whatever its format."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

Tensor = NDArray[Any]
"""A tensor of a file: any dtype, bfloat16 of ml_dtypes among them, and as many axes as its own."""

Tensors = Mapping[str, Tensor]
"""Name -> tensor."""

METADATA = "isomorph.architecture"
"""The key of the metadata that says, as JSON, which architecture the tensors of a canonical file are of."""


FOLDER = "transformers folder"
"""The format of a folder of transformers' or timm's, whose other files say more of its network than the weights do."""


_AVERAGED = re.compile(r"ema|averag|teacher|shadow|swa|momentum", re.IGNORECASE)


def is_averaged(key: str) -> bool:
    """Whether a key of a dictionary, or a prefix of names, says that weights are averaged over steps of training.

    >>> from isomorph.tools.checkpoints.checkpoint import is_averaged
    >>> is_averaged("state_dict_ema"), is_averaged("state_dict")
    (True, False)
    """
    return _AVERAGED.search(key) is not None


class Dictionary(NamedTuple):
    """One of several dictionaries of tensors in a file.

    tensors: how many it has. is_averaged: whether its key says that its weights are averaged over steps of training.
    open: returns the checkpoint of its tensors. Raises BadInput where they are not sound.
    """

    tensors: int
    is_averaged: bool
    open: Callable[[], "Checkpoint"]


@dataclass(frozen=True, eq=False)  # arrays have no single truth value, so two checkpoints have no `==`
class Checkpoint:
    """The tensors of one file, and what the file says of them.

    Attributes:
        path: the file; of a TensorFlow checkpoint or SavedModel its index, of a transformers folder its config.json.
        format: "safetensors", "PyTorch zip", "PyTorch stream" (the bare pickle stream before PyTorch 1.6), "PyTorch
            tar" (before 0.1.10), "PyTorch distributed checkpoint" (a folder), "Keras HDF5" (.h5, .weights.h5), "Keras
            archive" (.keras), "TensorFlow checkpoint", "TensorFlow object checkpoint" (of tf.train.Checkpoint),
            "TensorFlow SavedModel", "TensorFlow checkpoint (V1)" (before 0.12), "TensorFlow frozen graph" (.pb),
            "TensorFlow Lite" (.tflite), "Paddle pickle", "Paddle inference parameters" (.pdiparams), "detectron2
            pickle", "Caffe2 pickle", "NumPy archive" (.npz) or "transformers folder".
        tensors: names as in the file, less what `unwrapped` lists, in the file's order; of Keras's files by the rules
            of `keras.h5`, in the order of their groups' names; of programs, in the order of their operations, by the
            rules of `tensorflow.lite` and `tensorflow.frozen_graph`. The arrays are read-only views of the mapped file
            in its own dtype (bfloat16 by ml_dtypes), neither copied nor read yet. They may be strided, and unaligned
            where the file does not align them; NumPy handles both, and `numpy.array` makes an ordinary copy. What HDF5
            holds in chunks has been decoded instead. They stand as long as the file is not changed or cut.
        metadata: safetensors' `__metadata__`; of other formats METADATA alone, where isomorph noted it, or a
            transformers folder's config.json describes it.
        unwrapped: what was peeled off to reach the tensors, outermost first: keys of dictionaries ("state_dict"), then
            prefixes that all names carried ("module.").
        left_out: the entries beside the tensors, on every level that was peeled off ("epoch", "optimizer").
        shards: the files beside `path` that hold the tensors, where it does not itself.
        preprocessing_source: what says how photographs are prepared, as the architecture in METADATA has it: the name
            of a file of a folder; empty where nothing does.
        layers: of a Keras model, what its configuration says of each layer, by the layer's name: its class under
            "class_name", and its options; empty where there is no configuration.
        network_name: what the file itself calls its network, where a training script noted that beside its tensors, as
            "resnet50" under "arch"; empty where none did.
        key: of several dictionaries of tensors the one whose tensors these are, its keys joined by dots; "." for the
            dictionary that was saved itself, and empty where there is one.
        dictionaries: key -> each of several, the likeliest first; empty where there is one.
        refusal: a sentence on why the file's own word on its architecture cannot be followed; empty where it can, or
            has none.
    """

    path: Path
    format: str
    tensors: Mapping[str, Tensor] = field(repr=False)
    metadata: Mapping[str, str]
    unwrapped: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    shards: tuple[Path, ...] = ()
    preprocessing_source: str = ""
    network_name: str = ""
    key: str = ""
    dictionaries: Mapping[str, Dictionary] = field(default_factory=dict, repr=False)
    refusal: str = ""
    layers: Mapping[str, Mapping[str, object]] = field(default_factory=dict, repr=False)
