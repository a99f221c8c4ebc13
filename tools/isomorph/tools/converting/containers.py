"""The kinds of files that tensors can be written to, and whose names belong in each."""

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
from isomorph.tools.weights.interpretations import Array
from isomorph.tools.weights.namings import all_namings

NO_PLACE = "a Keras model for inference has no auxiliary heads"


@dataclass(frozen=True)
class Content:
    """What a file is to hold.

    architecture: whose tensors they are.
    form: whose names they get: a zoo's, or one of `isomorph.tools.weights.namings.OWN_NAMINGS`.
    canonical: canonical name -> array.
    """

    architecture: Architecture
    form: str
    canonical: Mapping[str, Array]

    @property
    def named(self) -> dict[str, ZooTensor]:
        """Canonical name -> what the file calls a tensor, and how it lies there."""
        return all_namings()[self.form].tensors(self.architecture)

    @property
    def tensors(self) -> dict[str, Array]:
        """Name in the file -> a view with the axes that it has there."""
        named = self.named
        return {named[name].name: named[name].from_canonical(value) for name, value in self.canonical.items()}

    @property
    def metadata(self) -> dict[str, str]:
        """What says whose tensors these are: shapes and names alone cannot always."""
        return {METADATA: json.dumps(to_document(self.architecture))}

    @property
    def own_metadata(self) -> dict[str, str]:
        """The same in a file of isomorph's own alone, for formats where it stands among the tensors."""
        return {} if self.form in zoos() else self.metadata


def _one_file(path: Path) -> tuple[Path, ...]:
    return (path,)


def _everything(architecture: Architecture, form: str) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Container:
    """A kind of file.

    name: what `--format` calls it.
    suffixes: those that ask for it.
    frameworks: whose zoos' files are of this kind.
    form: whose names its tensors have where no zoo was asked for; None: it takes a zoo's alone.
    write: makes it appear, whole or not at all.
    files: all that it consists of.
    left_out: the canonical tensors that it has no place for.
    """

    name: str
    suffixes: tuple[str, ...]
    frameworks: tuple[Framework, ...]
    form: str | None
    write: Callable[[Path, Content], None]
    files: Callable[[Path], tuple[Path, ...]] = _one_file
    left_out: Callable[[Architecture, str], tuple[str, ...]] = _everything

    def takes(self, form: str) -> bool:
        """Whether files of this kind are read where tensors have the names of `form`."""
        return form == self.form or (form in zoos() and zoos()[form].framework in self.frameworks)


def find_container(target: str | Path, asked: str | None, to: str | None) -> Container:
    """The kind of file that `target` is to be.

    asked: its name; None goes by the suffix. to: the zoo whose names were asked for, "transformers" of a folder.
    Raises BadInput for a name or a suffix that there is not.
    """
    if asked is not None:
        if asked not in CONTAINERS:
            raise BadInput(f"There is no format {asked!r}; there are {', '.join(CONTAINERS)}.")
        return CONTAINERS[asked]
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
    zoos_own = {"format": "pt"} if content.form in zoos() and zoos()[content.form].framework == "pytorch" else {}
    write_safetensors(path, content.tensors, {**content.metadata, **zoos_own})


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
"""By the names that `--format` takes."""
