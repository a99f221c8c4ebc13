"""Read a file in the format that its content has: a table with a row for each format."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import NamedTuple

from isomorph.tools.checkpoints import lookalikes, recognition
from isomorph.tools.checkpoints.checkpoint import Checkpoint
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.tensorflow.file_names import index_of
from isomorph.tools.checkpoints.wording import refusal, shown

LONGEST_NAME = 1024
"""Characters of the name of a tensor; those of the deepest modules take a hundred."""


class Format(NamedTuple):
    """What recognises the files of one format, and the module here that reads them, imported for the first of them."""

    recognise: Callable[[MappedFile], bool]
    module: str

    def read(self, file: MappedFile) -> Checkpoint:
        """Read the checkpoint in `file`. Raises BadInput where it is not sound."""
        read: Callable[[MappedFile], Checkpoint] = _reader(self.module).read
        return read(file)


PYTORCH = (
    Format(recognition.is_zip, "pytorch.zip"),
    Format(recognition.is_pytorch_stream, "pytorch.stream"),
    Format(recognition.is_tar, "pytorch.tar"),
)

SAFETENSORS = Format(recognition.is_safetensors, "safetensors_file")

FORMATS = (
    Format(recognition.is_keras_archive, "keras.archive"),
    Format(recognition.is_hdf5, "keras.h5"),
    Format(recognition.is_npz, "numpy.npz"),
    *PYTORCH,
    SAFETENSORS,
    Format(recognition.is_saved_slices, "tensorflow.saved_slices"),
    Format(recognition.is_leveldb_table, "tensorflow.bundle"),
    Format(recognition.is_tensorflow_lite, "tensorflow.lite"),
    Format(recognition.is_frozen_graph, "tensorflow.frozen_graph"),
    Format(recognition.is_pdiparams, "paddle.pdiparams"),
    Format(recognition.is_network_pickle, "numpy.network_pickle"),
    Format(recognition.is_pickle, "paddle.pdparams"),
)
"""The first one that recognises a file is its format: some start as others do."""


def read_checkpoint(path: str | Path, key: str | None = None, prefix: str | None = None) -> Checkpoint:
    """Read the tensors in the file at `path`, whatever its suffix; nothing in the file is executed.

    >>> from isomorph.tools.checkpoints import read_checkpoint
    >>> checkpoint = read_checkpoint("resnet8.safetensors")
    >>> checkpoint.format, checkpoint.tensors["conv1/weights"].shape
    ('safetensors', (3, 3, 3, 16))

    path: the file; of a TensorFlow checkpoint its prefix, its index or any of its shards; a folder of transformers',
        of TensorFlow's SavedModel or of torch.distributed.checkpoint.
    key: of several dictionaries of tensors in the file the one that is wanted, as `Checkpoint.dictionaries` calls it.
    prefix: take the tensors whose names start so, without it; None takes all.

    The file is mapped, not read, and the arrays are views that stand as long as it is left alone: the time this takes
    grows with the number of tensors, not with their size, but for the checksums of a TensorFlow checkpoint and of a
    `.keras` archive. Whether the values are finite is not looked at.

    Raises:
        BadInput: the file cannot be opened, is none of the formats, is damaged, holds code, or holds no tensors, or
            far more than a network has, or under far longer names; none of its dictionaries is called `key`, or none of
            its tensors starts with `prefix`.
    """
    checkpoint = _read(path)
    if key is not None:
        checkpoint = _under_key(checkpoint, path, key)
    _check_names(checkpoint, path)
    return _under_prefix(checkpoint, path, prefix) if prefix else checkpoint


def _check_names(checkpoint: Checkpoint, path: str | Path) -> None:
    """Raise BadInput for a name so long that it is no network's: what looks into names would take its time for it."""
    if longest := next((name for name in checkpoint.tensors if len(name) > LONGEST_NAME), None):
        raise refusal(
            path,
            f"a tensor's name, {shown(longest, 20)}, has {len(longest):,} characters, and {LONGEST_NAME:,} are the most"
            " of any network's: save it under another",
        )


def _under_key(checkpoint: Checkpoint, path: str | Path, key: str) -> Checkpoint:
    dictionaries = checkpoint.dictionaries
    if key in dictionaries:
        return replace(dictionaries[key].open(), key=key, dictionaries=dictionaries)
    more = f" and {len(dictionaries) - 8:,} more" if len(dictionaries) > 8 else ""
    keys = ", ".join(map(shown, list(dictionaries)[:8])) + more
    there = f"there are {keys}" if dictionaries else "it has one, which needs no key"
    raise refusal(path, f"it has no dictionary of tensors under the key {shown(key)}; {there}")


def _under_prefix(checkpoint: Checkpoint, path: str | Path, prefix: str) -> Checkpoint:
    tensors = {name: value for name, value in checkpoint.tensors.items() if name.startswith(prefix) and name != prefix}
    if not tensors:
        first = next(iter(checkpoint.tensors))
        raise refusal(path, f"none of its tensors starts with {shown(prefix)}; the first is called {shown(first)}")
    return replace(
        checkpoint,
        tensors=MappingProxyType({name.removeprefix(prefix): value for name, value in tensors.items()}),
        unwrapped=(*checkpoint.unwrapped, prefix),
        left_out=(*checkpoint.left_out, *(name for name in checkpoint.tensors if name not in tensors)),
    )


def _read(path: str | Path) -> Checkpoint:
    path = Path(path)
    if (checkpoint := _in_folder(path)) is not None:
        return checkpoint
    lookalikes.check_folder(path)
    return read_file(index_of(path), FORMATS)


def _in_folder(path: Path) -> Checkpoint | None:
    """Read the checkpoint that is a folder of several files; None where `path` is of none of those."""
    readers = (
        (path if recognition.is_transformers_folder(path) else None, "transformers.folder"),
        (path if recognition.is_saved_model(path) else None, "tensorflow.saved_model"),
        (recognition.distributed_folder(path), "pytorch.distributed"),
    )
    folder, module = next((reader for reader in readers if reader[0] is not None), (None, ""))
    if folder is None:
        return None
    read: Callable[[Path], Checkpoint] = _reader(module).read
    return read(folder)


def read_file(path: Path, formats: Iterable[Format]) -> Checkpoint:
    """Read the file at `path` in the first of `formats` that recognises it. Raises BadInput where none does."""
    file = MappedFile(path)
    for form in formats:
        if form.recognise(file):
            return form.read(file)
    raise file.bad(lookalikes.describe(file))


def _reader(module: str) -> ModuleType:
    return import_module(f"isomorph.tools.checkpoints.{module}")
