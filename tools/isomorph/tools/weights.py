"""A checkpoint whose architecture is known: its tensors under canonical names, and what else stands in the file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import ml_dtypes
import numpy as np

from isomorph.spec import Architecture, BadInput
from isomorph.tools.checkpoints import METADATA, Checkpoint, read_checkpoint
from isomorph.tools.checkpoints.paddle import pdparams
from isomorph.tools.identify import find_reading
from isomorph.tools.metadata import read_architecture
from isomorph.tools.own import find_architecture
from isomorph.tools.readings import Array, Reading

NOT_COMPUTED_WITH = "no network computes with it"
BESIDE = "it stands beside the network's tensors"


@dataclass(frozen=True)
class Weights:
    """A file that was read, and how it is to be understood.

    tensors: canonical name -> view of the mapped file, in network order.
    """

    path: Path
    checkpoint: Checkpoint
    reading: Reading
    tensors: Mapping[str, Array]

    @property
    def architecture(self) -> Architecture:
        """Whose tensors they are."""
        return self.reading.architecture

    @property
    def left_out(self) -> dict[str, str]:
        """What else the file holds -> why it is none of the network's tensors."""
        stray = dict.fromkeys(self.checkpoint.tensors.keys() - self.reading.carried.keys(), NOT_COMPUTED_WITH)
        return {name: stray[name] for name in self.checkpoint.tensors if name in stray} | dict.fromkeys(
            self.checkpoint.left_out, BESIDE
        )


def read_weights(path: str | Path, arch: str | None = None) -> Weights:
    """Read a checkpoint and tell whose tensors it holds.

    arch: the architecture of a file that cannot tell, or that is to be read as another.
    Raises BadInput for a file that cannot be read or fits nothing.
    """
    return identified(Path(path), read_checkpoint(path), arch)


def identified(path: Path, checkpoint: Checkpoint, arch: str | None = None) -> Weights:
    """The same of a checkpoint that has been read."""
    asked = find_architecture(arch) if arch else _told(path, checkpoint.metadata)
    reading = find_reading(checkpoint.tensors, str(path), asked)
    if checkpoint.format == pdparams.NAME:
        checkpoint = replace(checkpoint, tensors=_with_bfloat16(checkpoint.tensors))
    return Weights(path, checkpoint, reading, reading.canonical(checkpoint.tensors))


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
