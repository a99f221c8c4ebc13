"""The sound files that are broken: a few small ones for each format, by the framework and by isomorph."""

from collections.abc import Mapping
from pathlib import Path

import ml_dtypes
import numpy as np

from isomorph.tools.checkpoints import Tensor, write_bundle, write_pdparams, write_pytorch_zip, write_safetensors

Seed = Mapping[str, bytes]
"""The files of one checkpoint, by what their names end in; the first is the one that is named to a reader."""

TENSORS: dict[str, Tensor] = {
    "conv1/weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.arange(3),
    "flags": np.array([True, False]),
    "half": np.array([1.5], ml_dtypes.bfloat16),
    "none": np.zeros((0, 2), np.float32),
}


def save(folder: Path) -> None:
    """What isomorph writes itself, in a folder for each format."""
    for form in ("zip", "safetensors", "bundle", "pdparams"):
        (folder / form).mkdir(exist_ok=True)
    plain = {name: value for name, value in TENSORS.items() if value.dtype != ml_dtypes.bfloat16}
    write_pytorch_zip(folder / "zip" / "ours.pth", TENSORS, {})
    write_safetensors(folder / "safetensors" / "ours.safetensors", TENSORS, {"a": "b"})
    write_safetensors(folder / "safetensors" / "plain.safetensors", {"w": plain["b"], "v": plain["b"]}, {})
    write_bundle(folder / "bundle" / "ours", TENSORS)
    write_bundle(folder / "bundle" / "plain", plain)
    write_pdparams(folder / "pdparams" / "ours.pdparams", plain)


def load(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Seed]:
    """The seeds in a format's folder, by name; of files beside each other those of one suffix stand first.

    A checkpoint that is a folder has its name; what its files' names end in starts with a slash.
    """
    found: dict[str, dict[str, bytes]] = {}
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    for place, path in sorted(paths.items(), key=lambda pair: (not pair[0].endswith(suffixes), pair[0])):
        name = place.partition("/")[0] if "/" in place else place.partition(".")[0]
        found.setdefault(name, {})[place.removeprefix(name)] = path.read_bytes()
    return dict(found)
