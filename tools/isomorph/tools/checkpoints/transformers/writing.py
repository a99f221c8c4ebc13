"""Write a folder that transformers' `from_pretrained` reads."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from isomorph.spec import Architecture, zoo
from isomorph.spec.tensors import match_exactly
from isomorph.tools.checkpoints.checkpoint import Tensor
from isomorph.tools.checkpoints.recognition import FOLDER_CONFIG
from isomorph.tools.checkpoints.safetensors_file import write_safetensors
from isomorph.tools.checkpoints.transformers.config import write_config
from isomorph.tools.checkpoints.transformers.preprocessor import PREPROCESSOR, write_preprocessor
from isomorph.tools.checkpoints.wording import refusal, shown
from isomorph.tools.writing import new_folder, write_text

DTYPES = ("float64", "float32", "float16", "bfloat16")

_MEAN, _COUNTER = ".running_mean", ".num_batches_tracked"


def write_transformers_folder(path: str | Path, tensors: Mapping[str, Tensor], architecture: Architecture) -> None:
    """Write a folder of transformers' at `path`, which appears whole or not at all.

    tensors: of `architecture`, under transformers' names and with its axes, floating point numbers all of one dtype.
        The counters of batch norms (`num_batches_tracked`) may be among them; those that are not are written as 0.

    It holds `config.json`, `model.safetensors`, and `preprocessor_config.json` where transformers has the
    architecture's preprocessing and it takes three channels. At most one tensor at a time is copied.

    Raises:
        BadInput: no network of transformers' has the function of `architecture`, the tensors are not its own, or
            `path` is there already or cannot be written.
    """
    path = Path(path)
    naming = zoo("transformers").naming
    config = write_config(architecture)
    carried = {name: tensor.shape for name, tensor in tensors.items() if naming.carries(name)}
    expected = {tensor.name: tensor.shape for tensor in naming.tensors(architecture).values()}
    match_exactly(expected, carried, architecture.name)
    dtypes = {str(tensors[name].dtype) for name in carried}
    if len(dtypes) > 1 or not dtypes <= set(DTYPES):
        names = ", ".join(sorted(dtypes))
        raise refusal(path, f"its tensors would be of {names}, all of one of {', '.join(DTYPES)} were expected")
    counters = [f"{name.removesuffix(_MEAN)}{_COUNTER}" for name in carried if name.endswith(_MEAN)]
    if strangers := sorted(tensors.keys() - carried.keys() - set(counters)):
        raise refusal(path, f"its tensor {shown(strangers[0])} counts the batches of no batch norm: leave it out")
    # Without them transformers says that it makes them up.
    whole = {**dict.fromkeys(counters, np.array(0, np.int64)), **tensors}
    preprocessor = write_preprocessor(architecture.convention.preprocessing) if architecture.in_channels == 3 else None
    with new_folder(path) as folder:
        _write_json(folder / FOLDER_CONFIG, {**config, "dtype": dtypes.pop()})
        if preprocessor is not None:
            _write_json(folder / PREPROCESSOR, preprocessor)
        write_safetensors(folder / "model.safetensors", whole, {"format": "pt"})


def _write_json(path: Path, document: Mapping[str, object]) -> None:
    write_text(path, json.dumps(document, indent=2) + "\n")
