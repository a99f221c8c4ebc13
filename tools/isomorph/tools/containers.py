"""The kinds of files that tensors can be written to, and whose names belong in each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from isomorph.spec import Architecture, BadInput, zoos
from isomorph.spec.zoo import Framework
from isomorph.tools.checkpoints import write_safetensors
from isomorph.tools.checkpoints.paddle.writing import write_pdparams
from isomorph.tools.checkpoints.pytorch.zip_writing import write_pytorch_zip
from isomorph.tools.checkpoints.tensorflow.writing import bundle_files, write_bundle
from isomorph.tools.readings import Array

NO_PLACE = "a Keras model for inference has no auxiliary heads"


@dataclass(frozen=True)
class Content:
    """What a file is to hold.

    architecture: whose tensors they are.
    form: whose names they have: a zoo's, or one of `isomorph.tools.namings.OWN`.
    tensors: name in the file -> array with the axes that it has there.
    metadata: for formats that have room for it.
    """

    architecture: Architecture
    form: str
    tensors: Mapping[str, Array]
    metadata: Mapping[str, str]


def _one_file(path: Path) -> tuple[Path, ...]:
    return (path,)


def _everything(architecture: Architecture, form: str) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Container:
    """A kind of file.

    name: what `--format` calls it.
    suffixes: those that ask for it.
    framework: whose zoos' files are of this kind; None: everyone reads it.
    form: whose names its tensors have where no zoo was asked for; None: it takes a zoo's alone.
    write: makes it appear, whole or not at all.
    files: all that it consists of.
    left_out: the canonical tensors that it has no place for.
    """

    name: str
    suffixes: tuple[str, ...]
    framework: Framework | None
    form: str | None
    write: Callable[[Path, Content], None]
    files: Callable[[Path], tuple[Path, ...]] = _one_file
    left_out: Callable[[Architecture, str], tuple[str, ...]] = _everything

    def takes(self, form: str) -> bool:
        """Whether files of this kind are read where tensors have the names of `form`."""
        framework = zoos()[form].framework if form in zoos() else None
        return self.framework in (None, framework) or form == self.form


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


CONTAINERS = {
    container.name: container
    for container in (
        Container("safetensors", (".safetensors",), None, "canonical", _write_safetensors),
        Container("pytorch", (".pth", ".pt", ".th", ".bin"), "pytorch", "isomorph's pytorch", _write_pytorch),
        Container(
            "pdparams",
            (".pdparams",),
            "paddle",
            "isomorph's paddle",
            lambda path, content: write_pdparams(path, content.tensors),
        ),
        Container(
            "tensorflow",
            (".ckpt", ".index"),
            "tensorflow",
            "canonical",
            lambda path, content: write_bundle(path, content.tensors),
            files=bundle_files,
        ),
    )
}
"""By the names that `--format` takes."""
