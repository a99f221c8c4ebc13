"""The kinds of files that `convert` writes, and whose names the tensors in each may have."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from isomorph.spec import Architecture, BadInput, zoos
from isomorph.spec.document import to_document
from isomorph.spec.naming import ZooTensor
from isomorph.spec.zoo import Framework
from isomorph.tools.checkpoints import (
    METADATA,
    Tensor,
    write_bundle,
    write_pdparams,
    write_pytorch_zip,
    write_safetensors,
    write_transformers_folder,
)
from isomorph.tools.checkpoints.keras.layer_order import layer_order
from isomorph.tools.checkpoints.keras.writing import FilledLayer, filled, write_h5, write_weights_h5
from isomorph.tools.checkpoints.tensorflow.writing import bundle_files
from isomorph.tools.converting.keras_model import write_keras_model
from isomorph.tools.weights.namings import all_namings

NO_PLACE = "a Keras model for inference has no auxiliary heads"


@dataclass(frozen=True)
class Content:
    """What `convert` writes into a file.

    architecture: whose tensors they are.
    form: whose names they get: a zoo's, or one of `isomorph.tools.weights.namings.OWN_NAMINGS`.
    canonical: canonical name -> array.
    """

    architecture: Architecture
    form: str
    canonical: Mapping[str, Tensor]

    @property
    def named(self) -> dict[str, ZooTensor]:
        """Canonical name -> the tensor's name and layout in the file."""
        return all_namings()[self.form].tensors(self.architecture)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Name in the file -> a view of the tensor with the file's axes."""
        named = self.named
        return {named[name].name: named[name].from_canonical(value) for name, value in self.canonical.items()}

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata that names the architecture: shapes and names alone cannot always tell it."""
        return {METADATA: json.dumps(to_document(self.architecture))}

    @property
    def own_metadata(self) -> dict[str, str]:
        """`metadata` under isomorph's own names, none under a zoo's: for formats that keep it among the tensors."""
        return {} if self.form in zoos() else self.metadata


def _one_file(path: Path) -> tuple[Path, ...]:
    return (path,)


def _nothing(architecture: Architecture, form: str) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Container:
    """A kind of file.

    name: its name for `--format`.
    suffixes: file names that end so are of this kind.
    frameworks: whose zoos' files are of this kind.
    form: whose names its tensors have where no zoo is named; None: it takes a zoo's names only.
    write: writes the file, whole or not at all.
    files: path -> all files that are written there.
    left_out: architecture, form -> the canonical tensors that it has no place for.
    """

    name: str
    suffixes: tuple[str, ...]
    frameworks: tuple[Framework, ...]
    form: str | None
    write: Callable[[Path, Content], None]
    files: Callable[[Path], tuple[Path, ...]] = _one_file
    left_out: Callable[[Architecture, str], tuple[str, ...]] = _nothing

    def takes(self, form: str) -> bool:
        """Tell whether anything reads files of this kind with the names of `form`."""
        return form == self.form or (form in zoos() and zoos()[form].framework in self.frameworks)


def find_container(target: str | Path, format: str | None, to: str | None) -> Container:
    """Return the kind of file that `target` is to be.

    >>> from isomorph.tools.converting.containers import find_container
    >>> [find_container(name, None, None).name for name in ("resnet20.pth", "resnet20.weights.h5", "resnet20.ckpt")]
    ['pytorch', 'weights.h5', 'tensorflow']

    format: the name of the kind; None goes by the suffix. to: the zoo whose names the tensors get; a name without a
        suffix is a folder of "transformers".
    Raises BadInput for an unknown name or suffix.
    """
    if format is not None:
        if format not in CONTAINERS:
            raise BadInput(f"There is no format {format!r}; there are {', '.join(CONTAINERS)}.")
        return CONTAINERS[format]
    name = Path(target).name.lower()
    matching = [(suffix, each) for each in CONTAINERS.values() for suffix in each.suffixes if name.endswith(suffix)]
    if matching:
        return max(matching, key=lambda match: len(match[0]))[1]
    if to == "transformers" and not Path(target).suffix:
        return CONTAINERS["transformers"]
    suffixes = ", ".join(suffix for each in CONTAINERS.values() for suffix in each.suffixes)
    raise BadInput(f"{target} has none of the suffixes {suffixes}; --format says what it is to be.")


def _write_safetensors(path: Path, content: Content) -> None:
    # A zoo's own readers ask for `format`, and know nothing of ours.
    is_pytorch = content.form in zoos() and zoos()[content.form].framework == "pytorch"
    write_safetensors(path, content.tensors, content.metadata | ({"format": "pt"} if is_pytorch else {}))


def _write_pytorch(path: Path, content: Content) -> None:
    records = {name: text.encode() for name, text in content.metadata.items()}
    write_pytorch_zip(path, content.tensors, records=records)


def _write_h5(path: Path, content: Content) -> None:
    write_h5(path, _layers(content), content.metadata)


def _write_weights_h5(path: Path, content: Content) -> None:
    write_weights_h5(path, _layers(content), content.metadata)


def _layers(content: Content) -> tuple[FilledLayer, ...]:
    return filled(layer_order(content.architecture, content.named), content.canonical)


def _write_keras(path: Path, content: Content) -> None:
    write_keras_model(path, content.architecture, content.canonical, content.metadata)


def _write_pdparams(path: Path, content: Content) -> None:
    write_pdparams(path, content.tensors, content.own_metadata)


def _write_bundle(path: Path, content: Content) -> None:
    notes = {name: np.frombuffer(text.encode(), np.uint8) for name, text in content.own_metadata.items()}
    write_bundle(path, {**content.tensors, **notes})


def _write_folder(path: Path, content: Content) -> None:
    write_transformers_folder(path, content.tensors, content.architecture)


def _left_out_of_keras(architecture: Architecture, form: str) -> tuple[str, ...]:
    return layer_order(architecture, all_namings()[form].tensors(architecture)).left_out


CONTAINERS = {
    container.name: container
    for container in (
        Container("safetensors", (".safetensors",), get_args(Framework), "canonical", _write_safetensors),
        Container("pytorch", (".pth", ".pt", ".th", ".bin"), ("pytorch",), "isomorph's pytorch", _write_pytorch),
        Container("h5", (".h5", ".hdf5"), ("keras",), "isomorph's keras", _write_h5, left_out=_left_out_of_keras),
        Container(
            "weights.h5",
            (".weights.h5",),
            ("keras",),
            "isomorph's keras",
            _write_weights_h5,
            left_out=_left_out_of_keras,
        ),
        Container("keras", (".keras",), (), "isomorph's keras", _write_keras, left_out=_left_out_of_keras),
        Container("pdparams", (".pdparams",), ("paddle",), "isomorph's paddle", _write_pdparams),
        Container("tensorflow", (".ckpt", ".index"), ("tensorflow",), "canonical", _write_bundle, files=bundle_files),
        Container("transformers", (), ("pytorch",), None, _write_folder),
    )
}
"""The name that `--format` takes -> the kind of file."""
