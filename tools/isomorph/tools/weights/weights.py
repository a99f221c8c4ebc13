"""A checkpoint whose architecture is known: its tensors under canonical names, and what else stands in the file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import ml_dtypes
import numpy as np

from isomorph.spec import Architecture, BadInput, Preprocessing, architectures
from isomorph.tools.checkpoints import METADATA, Checkpoint, read_checkpoint
from isomorph.tools.checkpoints.paddle import pdparams
from isomorph.tools.checkpoints.transformers import folder
from isomorph.tools.designs.lookup import find_architecture
from isomorph.tools.published.lookup import find_published
from isomorph.tools.weights.identify import find_interpretation
from isomorph.tools.weights.interpretations import Array, Interpretation
from isomorph.tools.weights.keras_config import check_configured
from isomorph.tools.weights.metadata import read_architecture
from isomorph.tools.weights.network_names import follow_name

NOT_COMPUTED_WITH = "no network computes with it"
BESIDE = "it stands beside the network's tensors"


@dataclass(frozen=True)
class Weights:
    """A file that was read, and how it is to be understood.

    tensors: canonical name -> view of the mapped file, in network order.
    preprocessing_source: who says of this very file what becomes of photographs, in words; empty where nobody does, and
        the architecture has what is usual in its zoo.
    """

    path: Path
    checkpoint: Checkpoint
    interpretation: Interpretation
    tensors: Mapping[str, Array]
    preprocessing_source: str = ""

    @property
    def architecture(self) -> Architecture:
        """Whose tensors they are."""
        return self.interpretation.architecture

    @property
    def left_out(self) -> dict[str, str]:
        """What else the file holds -> why it is none of the network's tensors."""
        stray = dict.fromkeys(self.checkpoint.tensors.keys() - self.interpretation.carried.keys(), NOT_COMPUTED_WITH)
        return {name: stray[name] for name in self.checkpoint.tensors if name in stray} | dict.fromkeys(
            self.checkpoint.left_out, BESIDE
        )

    def as_published(self, sha256: str) -> Self:
        """The same with the preprocessing of the published weights that the file is, bit for bit, if it is any.

        sha256: the file's, in hexadecimal. What the file or a `.toml` says itself stays.
        """
        row = None if self.preprocessing_source else find_published(self.path, sha256)
        if row is None:
            return self
        return self._prepared(row.preprocessing, f"{row.title}, the published weights that this file is")

    def _prepared(self, preprocessing: Preprocessing, source: str) -> Self:
        network = self.architecture.with_options(preprocessing=preprocessing)
        interpretation = replace(self.interpretation, architecture=network)
        return replace(self, interpretation=interpretation, preprocessing_source=source)


def read_weights(path: str | Path, arch: str | None = None) -> Weights:
    """Read a checkpoint and tell whose tensors it holds.

    arch: the architecture of a file that cannot tell, or that is to be read as another.
    Raises BadInput for a file that cannot be read or fits nothing.
    """
    return identified(Path(path), read_checkpoint(path), arch)


def identified(path: Path, checkpoint: Checkpoint, arch: str | None = None) -> Weights:
    """The same of a checkpoint that has been read."""
    if checkpoint.refusal and not arch:
        raise BadInput(checkpoint.refusal)
    told = _told(path, checkpoint.metadata) if not arch or checkpoint.preprocessing_source else None
    asked = find_architecture(arch) if arch else told
    interpretation = find_interpretation(checkpoint.tensors, str(path), asked)
    if checkpoint.network_name and not told and not arch:
        interpretation = follow_name(checkpoint.network_name, checkpoint.tensors, str(path), interpretation)
    if told and not arch:
        _check_ends(path, told, interpretation.architecture)
    if not told and not arch:
        check_configured(path, checkpoint.layers, interpretation)
    if checkpoint.format == pdparams.NAME:
        checkpoint = replace(checkpoint, tensors=_with_bfloat16(checkpoint.tensors))
    weights = Weights(path, checkpoint, interpretation, interpretation.canonical(checkpoint.tensors))
    if arch and arch not in architectures():
        return replace(weights, preprocessing_source=arch)
    if told and checkpoint.format != folder.NAME:
        return replace(weights, preprocessing_source=f"{METADATA}, noted in the file")
    if told and checkpoint.preprocessing_source:
        return weights._prepared(told.convention.preprocessing, f"its {checkpoint.preprocessing_source}")
    return weights


def _check_ends(path: Path, told: Architecture, fitted: Architecture) -> None:
    """Raise BadInput where a file's tensors have other classes or channels than the file says."""
    pairs = {
        "classes": (told.head.num_classes, fitted.head.num_classes),
        "channels of images": (told.in_channels, fitted.in_channels),
    }
    for name, (said, has) in pairs.items():
        if said != has:
            raise BadInput(
                f"{path} says that its network has {said or 'no'} {name}, and its tensors are those of {has or 'none'};"
                " fetch it again, or say with --arch what it is."
            )


def _with_bfloat16(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Paddle's tensors: what it saved as uint16 is bfloat16, which its own reader takes it for."""
    return {
        name: value.view(ml_dtypes.bfloat16) if value.dtype == np.uint16 else value for name, value in tensors.items()
    }


def _told(path: Path, metadata: Mapping[str, str]) -> Architecture | None:
    """The architecture that a file's metadata names."""
    if METADATA not in metadata:
        return None
    try:
        return read_architecture(metadata[METADATA])
    except BadInput as error:
        raise BadInput(f"The {METADATA} of {path} is no architecture: {error}") from None
