"""A small ResNet as a folder of transformers', written by hand: what its own writer would not write, too."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isomorph.spec import Architecture
from isomorph.tools.checkpoints import write_safetensors
from isomorph.tools.checkpoints.transformers.config import read_config

from .converted import named
from .tensors import Tensors, plain

CONFIG: Mapping[str, Any] = {
    "model_type": "resnet",
    "depths": [1, 2],
    "hidden_sizes": [16, 32],
    "embedding_size": 8,
    "layer_type": "bottleneck",
    "id2label": {"0": "cat", "1": "dog", "2": "cow"},
}
SMALL = read_config(CONFIG)


def tensors(architecture: Architecture = SMALL) -> Tensors:
    """Tensors that a network runs with, every one another, under transformers' names."""
    return named(architecture, "transformers", plain(architecture))


def write_config(path: Path, **changed: Any) -> Path:
    """A folder of the small network's `config.json`, in which fields are `changed`, and nothing else."""
    path.mkdir()
    (path / "config.json").write_text(json.dumps({**CONFIG, **changed}))
    return path


def write_parts(path: Path, parts: Mapping[str, Tensors], places: Mapping[str, Any] | None = None) -> Path:
    """A folder of the small network in files of the names in `parts`; `places` are what the index says instead."""
    write_config(path)
    for name, part in parts.items():
        write_safetensors(path / name, part, {"format": "pt"})
    own = {tensor: name for name, part in parts.items() for tensor in part}
    index = {"metadata": {"total_size": 1}, "weight_map": own if places is None else places}
    (path / "model.safetensors.index.json").write_text(json.dumps(index))
    return path


def halves() -> dict[str, Tensors]:
    """The small network's tensors in two files."""
    whole = list(tensors().items())
    return {"model-00001-of-00002.safetensors": dict(whole[:9]), "model-00002-of-00002.safetensors": dict(whole[9:])}
