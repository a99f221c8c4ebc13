"""Read a checkpoint and find its architecture: its tensors under canonical names, and what else the file holds."""

import shlex
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from isomorph.spec import Architecture, BadInput, Preprocessing, architecture, architectures, tensor_shapes
from isomorph.spec.tensors import match_exactly
from isomorph.spec.zoo import translated
from isomorph.tools.checkpoints import METADATA, Checkpoint, Tensors, read_checkpoint
from isomorph.tools.checkpoints.checkpoint import FOLDER
from isomorph.tools.checkpoints.wording import shown
from isomorph.tools.designs.lookup import find_architecture
from isomorph.tools.designs.titles import width_of
from isomorph.tools.remark import Remark
from isomorph.tools.weights.identify import find_interpretation
from isomorph.tools.weights.interpretations import Interpretation
from isomorph.tools.weights.keras_config import check_configured
from isomorph.tools.weights.metadata import read_architecture
from isomorph.tools.weights.network_names import follow_name
from isomorph.tools.weights.values.agreement import find_agreement

NOT_COMPUTED_WITH = "no network computes with it"
BESIDE = "it stands beside the network's tensors"


class AveragesBeside(Remark):
    """A file holds weights that training averaged over its steps beside those that are taken."""


class ValuesDisagree(Remark):
    """The running means in a file are not those that its other tensors make, read as its network's."""


@dataclass(frozen=True)
class Weights:
    """A checkpoint that was read, and the architecture that it fits.

    tensors: canonical name -> view of the mapped file, in network order.
    preprocessing_source: where the preprocessing for this very file comes from, in words; empty where the architecture
        has the usual one of its zoo.
    """

    path: Path
    checkpoint: Checkpoint
    interpretation: Interpretation
    tensors: Tensors
    preprocessing_source: str = ""

    @property
    def architecture(self) -> Architecture:
        """The architecture of the tensors."""
        return self.interpretation.architecture

    @property
    def left_out(self) -> dict[str, str]:
        """Name of everything else in the file -> why it is not one of the network's tensors."""
        unused = [name for name in self.checkpoint.tensors if name not in self.interpretation.carried]
        return dict.fromkeys(unused, NOT_COMPUTED_WITH) | dict.fromkeys(self.checkpoint.left_out, BESIDE)

    def as_published(self, sha256: str) -> Self:
        """Return the same with the preprocessing of the published weights that the file is, bit for bit, if any.

        sha256: the file's, in hexadecimal. A preprocessing that the file or a `.toml` gives stays.
        """
        if self.preprocessing_source:
            return self
        from isomorph.tools.published.lookup import find_published  # noqa: PLC0415 - `inspect` and `diff` need no table

        published = find_published(self.path, sha256)
        if published is None:
            return self
        return self._with_preprocessing(
            published.preprocessing, f"{published.title}, the published weights that this file is"
        )

    def with_options(self, options: Mapping[str, Any]) -> Self:
        """Return the same tensors as those of a network with some options changed.

        Raises BadInput for options that contradict the file: its classes, channels and widths are its tensors' own.
        """
        fitted = self.architecture
        for name, value in (("num_classes", fitted.head.num_classes), ("in_channels", fitted.in_channels)):
            if name in options and options[name] != value:
                actual, wanted = ("none" if each is None else each for each in (value, options[name]))
                raise BadInput(f"The {name} of {self.path} is {actual}, not {wanted}; leave the option out.")
        options = translated(fitted.name, options)
        _check_width(self.path, fitted, options.pop("width_multiplier", None))
        network = fitted.with_options(**options)
        shapes = {name: tuple(value.shape) for name, value in self.tensors.items()}
        match_exactly(tensor_shapes(network), shapes, f"{network.name} with these options" if options else network.name)
        return replace(self, interpretation=replace(self.interpretation, architecture=network))

    def _with_preprocessing(self, preprocessing: Preprocessing, source: str) -> Self:
        network = self.architecture.with_options(preprocessing=preprocessing)
        interpretation = replace(self.interpretation, architecture=network)
        return replace(self, interpretation=interpretation, preprocessing_source=source)


def _check_width(path: Path, fitted: Architecture, wanted: Any) -> None:
    """Raise BadInput where a width multiplier was asked for that is not the one of a file's tensors."""
    if wanted is None:
        return
    if architecture(fitted.name, width_multiplier=wanted).blocks != fitted.blocks:
        width = width_of(fitted)
        raise BadInput(f"The width_multiplier of {path} is {width}, not {wanted}; leave the option out.")


def read_weights(
    path: str | Path,
    arch: str | None = None,
    key: str | None = None,
    prefix: str | None = None,
    tensor_map: str | Path | None = None,
) -> Weights:
    """Read a checkpoint and find the architecture of its tensors.

    >>> from isomorph.tools.weights.weights import read_weights
    >>> weights = read_weights("resnet8.safetensors")
    >>> weights.architecture.name, weights.tensors["conv1/weights"].shape
    ('mlperf_tiny/resnet8', (3, 3, 3, 16))

    arch: the architecture, where the file cannot tell it, or is to be read as another.
    key, prefix: which dictionary of the file, and which of its tensors, as `read_checkpoint` takes them.
    tensor_map: a file that says which tensor is which, as `inspect --map` writes it, and all of these.
    Raises BadInput for a file that cannot be read or fits nothing. Warns where averaged weights stand beside those that
    are taken, and where values do not agree with one another.
    """
    if tensor_map is not None:
        weights = _mapped(Path(path), tensor_map, arch=arch, key=key, prefix=prefix)
    else:
        weights = identified(Path(path), read_part(path, key, prefix), arch)
    _warn_of_values(weights)
    return weights


def read_part(path: str | Path, key: str | None = None, prefix: str | None = None) -> Checkpoint:
    """Read a checkpoint as `read_checkpoint` does. Warns of averaged weights beside those that are taken unasked."""
    checkpoint = read_checkpoint(path, key, prefix)
    if key is None and (sentence := averages_beside(checkpoint)):
        warnings.warn(f"{path} {sentence}", AveragesBeside, stacklevel=2)
    return checkpoint


def _mapped(path: Path, tensor_map: str | Path, **others: str | None) -> Weights:
    """Read a file by a map. Raises BadInput where one of the `others`, which the map says, is given, too."""
    if given := next((name for name, value in others.items() if value is not None), None):
        raise BadInput(f"--{given} goes without --map: {tensor_map} says it; change it there.")
    from isomorph.tools.weights.maps.reading import read_map  # noqa: PLC0415 - most files need no map

    read = read_map(tensor_map)
    content = read.content
    checkpoint = read_checkpoint(path, content.key or None, content.prefix or None)
    interpretation = read.interpret(checkpoint.tensors, str(path))
    source = "" if content.arch in architectures() else content.arch
    return Weights(path, checkpoint, interpretation, interpretation.canonical(checkpoint.tensors), source)


def _warn_of_values(weights: Weights) -> None:
    """Warn where the values of a file do not agree as those of its network."""
    agreement = find_agreement(weights.architecture, weights.tensors)
    if agreement.status == "do not agree":
        warnings.warn(
            f"The values of {weights.path} do not agree as those of {weights.interpretation.title}: {agreement.reason}."
            " Running means are not what the tensors before them make: layers may have been exchanged, or the network"
            " may be another; `isomorph inspect` says more.",
            ValuesDisagree,
            stacklevel=3,
        )


def part_of(checkpoint: Checkpoint) -> str:
    """Return which dictionary and prefix the tensors of a checkpoint are from, in words; empty where they are all."""
    others = [key for key in checkpoint.dictionaries if key != checkpoint.key]
    within = " and ".join(map(shown, checkpoint.unwrapped))
    beside = f" (--key {shlex.quote(others[0])} is another dictionary in it)" if others else ""
    return f"of which the tensors within {within} were looked at{beside}" if within else beside.strip(" ()")


def averages_beside(checkpoint: Checkpoint) -> str:
    """Return what to say of weights that are averaged over steps beside those that were taken; empty without any."""
    averaged = [key for key, each in checkpoint.dictionaries.items() if each.is_averaged and key != checkpoint.key]
    if not averaged:
        return ""
    return (
        f"holds averaged weights beside those under {checkpoint.key}, which are taken: --key {' or '.join(averaged)}."
    )


def identified(path: Path, checkpoint: Checkpoint, arch: str | None = None) -> Weights:
    """Find the architecture of a checkpoint that has been read, as `read_weights` does."""
    if checkpoint.refusal and not arch:
        raise BadInput(checkpoint.refusal)
    noted = _noted(path, checkpoint.metadata) if not arch or checkpoint.preprocessing_source else None
    wanted = find_architecture(arch) if arch else noted
    interpretation = find_interpretation(checkpoint.tensors, str(path), wanted, part_of(checkpoint))
    if checkpoint.network_name and not noted and not arch:
        interpretation = follow_name(checkpoint.network_name, checkpoint.tensors, str(path), interpretation)
    if noted and not arch:
        _check_ends(path, noted, interpretation.architecture)
    if not noted and not arch:
        check_configured(path, checkpoint.layers, interpretation)
    weights = Weights(path, checkpoint, interpretation, interpretation.canonical(checkpoint.tensors))
    if arch and arch not in architectures():
        return replace(weights, preprocessing_source=arch)
    if noted and checkpoint.format != FOLDER:
        return replace(weights, preprocessing_source=f"{METADATA}, noted in the file")
    if noted and checkpoint.preprocessing_source:
        return weights._with_preprocessing(noted.convention.preprocessing, f"its {checkpoint.preprocessing_source}")
    return weights


def _check_ends(path: Path, noted: Architecture, fitted: Architecture) -> None:
    """Raise BadInput where a file's tensors have other classes or channels than its metadata says."""
    pairs = {
        "classes": (noted.head.num_classes, fitted.head.num_classes),
        "channels of images": (noted.in_channels, fitted.in_channels),
    }
    for name, (expected, actual) in pairs.items():
        if expected != actual:
            raise BadInput(
                f"{path} says that its network has {expected or 'no'} {name}, and its tensors are those of"
                f" {actual or 'none'}; fetch it again, or say with --arch what it is."
            )


def _noted(path: Path, metadata: Mapping[str, str]) -> Architecture | None:
    """Return the architecture in a file's metadata, if there is one."""
    if METADATA not in metadata:
        return None
    try:
        return read_architecture(metadata[METADATA])
    except BadInput as error:
        raise BadInput(f"The {METADATA} of {path} is no architecture: {error}") from None
