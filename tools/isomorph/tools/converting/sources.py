"""Read what `convert` starts from: a network's tensors, all or some of them from a file."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isomorph.spec import Architecture, BadInput, tensor_shapes
from isomorph.tools.checkpoints import Checkpoint, Tensors, read_checkpoint, sha256
from isomorph.tools.converting.initialisation import initialise, with_new_head
from isomorph.tools.designs.lookup import find_architecture
from isomorph.tools.published.lookup import has_published_name
from isomorph.tools.weights.identify import find_interpretation
from isomorph.tools.weights.namings import all_namings
from isomorph.tools.weights.told import ToldByStructure
from isomorph.tools.weights.weights import read_weights

REPLACED = "a fresh one stands in its place"
LOGITS = "logits/weights"
MISFIT = "no tensor of the network has its name and shape"


@dataclass(frozen=True)
class Source:
    """A network and its tensors.

    tensors: canonical name -> array, views of the mapped file where nothing was drawn.
    form: whose names the tensors have in the file. format: the file's. files: all files that were read.
    names: canonical name -> name in the file.
    left_out: name in the file -> why it is not among the tensors.
    drawn: canonical names of the tensors that were drawn.
    """

    architecture: Architecture
    tensors: Tensors
    form: str
    format: str
    files: tuple[Path, ...]
    names: Mapping[str, str]
    left_out: Mapping[str, str]
    drawn: tuple[str, ...] = ()

    def with_new_head(self, num_classes: int | None, seed: int) -> "Source":
        """Return the same with newly drawn classifiers; None keeps the number of classes.

        Raises BadInput for None where the network has no head.
        """
        if num_classes is None:
            raise BadInput("The file has no head; --num-classes says how many classes the new one has.")
        changed, tensors, drawn = with_new_head(self.architecture, self.tensors, num_classes, seed)
        replaced = {self.names[name]: REPLACED for name in drawn if name in self.names}
        left_out = {**self.left_out, **replaced}
        return replace(self, architecture=changed, tensors=tensors, drawn=drawn, left_out=left_out)


def read_whole(path: str | Path, options: Mapping[str, Any], **told: Any) -> Source:
    """Read a file that holds all tensors of a network, as `read_weights` does of what it is `told`.

    options: of the network, where the file's is not as its name says: another epsilon, other padding.

    Published weights under their published name keep their own preprocessing; a file of another name is not hashed to
    see whether it is one of them.
    """
    weights = read_weights(path, **told)
    if has_published_name(weights.path):
        weights = weights.as_published(sha256(weights.path))
    weights = weights.with_options(options)
    interpretation, checkpoint = weights.interpretation, weights.checkpoint
    return Source(
        weights.architecture,
        weights.tensors,
        interpretation.form,
        checkpoint.format,
        _files(checkpoint),
        {canonical: tensor.name for canonical, tensor in interpretation.expected.items()},
        weights.left_out,
    )


def read_part(
    path: str | Path,
    arch: str,
    options: Mapping[str, Any],
    num_classes: int | None,
    seed: int,
    key: str | None = None,
    prefix: str | None = None,
) -> Source:
    """Read the tensors of a file that fit an architecture in name and shape, and draw the others from `seed`.

    Raises BadInput for a file that cannot be read, where nothing fits, and where a trained head would be replaced
    unasked.
    """
    classes = {} if num_classes is None else {"num_classes": num_classes}
    network = find_architecture(arch, **options, **classes)
    checkpoint = read_checkpoint(path, key, prefix)
    form, fitting = _best_fit(network, checkpoint.tensors)
    if not fitting:
        raise BadInput(f"No tensor of {path} has the name and the shape of one of {network.name}.")
    named = all_namings()[form].tensors(network)
    missing = tuple(name for name in tensor_shapes(network) if name not in fitting)
    if LOGITS in missing:
        _check_head(str(path), checkpoint.tensors, network, num_classes)
    dtype = checkpoint.tensors[next(iter(fitting.values()))].dtype
    drawn = {name: value.astype(dtype) for name, value in initialise(network, frozenset(missing), seed).items()}
    tensors = {
        name: drawn[name] if name in drawn else tensor.to_canonical(checkpoint.tensors[tensor.name])
        for name, tensor in named.items()
    }
    misfits = dict.fromkeys(name for name in checkpoint.tensors if name not in fitting.values())
    left_out = dict.fromkeys((*misfits, *checkpoint.left_out), MISFIT)
    return Source(network, tensors, form, checkpoint.format, _files(checkpoint), fitting, left_out, missing)


def _check_head(source: str, tensors: Tensors, network: Architecture, num_classes: int | None) -> None:
    """Raise BadInput where a file holds a whole network, its head under any names, and no other head was asked for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ToldByStructure)  # the refusal says so
        try:
            whole = find_interpretation(tensors, source, network)
        except BadInput:
            return
    classes = whole.architecture.head.num_classes
    if num_classes in (None, classes):
        raise BadInput(
            f"{source} holds all of {whole.title}, a head of {classes} classes among it"
            f" ({whole.expected[LOGITS].name}), which --partial would replace by a fresh one; leave --partial out to"
            " take it, or say --num-classes of another head, or --head new instead of --partial."
        )


def _files(checkpoint: Checkpoint) -> tuple[Path, ...]:
    return checkpoint.path, *checkpoint.shards


def _best_fit(network: Architecture, tensors: Tensors) -> tuple[str, dict[str, str]]:
    """Return the form under which most tensors fit, and for those canonical name -> name in the file."""
    best: tuple[str, dict[str, str]] = ("", {})
    for form, naming in all_namings().items():
        try:
            named = naming.tensors(network)
        except BadInput:
            continue  # the network has no such names
        fitting = {
            canonical: tensor.name
            for canonical, tensor in named.items()
            if tensor.name in tensors and tuple(tensors[tensor.name].shape) == tensor.shape
        }
        best = max(best, (form, fitting), key=lambda each: len(each[1]))
    return best
