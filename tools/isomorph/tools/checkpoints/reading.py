"""Recognise the format of a file by its content, and read it: a table with a row for each format."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from isomorph.tools.checkpoints import lookalikes, safetensors_file
from isomorph.tools.checkpoints.checkpoint import Checkpoint
from isomorph.tools.checkpoints.keras import archive as keras_archive
from isomorph.tools.checkpoints.keras import h5 as keras_h5
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.paddle import pdparams
from isomorph.tools.checkpoints.pytorch import stream as pytorch_stream
from isomorph.tools.checkpoints.pytorch import tar as pytorch_tar
from isomorph.tools.checkpoints.pytorch import zip as pytorch_zip
from isomorph.tools.checkpoints.tensorflow import bundle
from isomorph.tools.checkpoints.transformers import folder


@dataclass(frozen=True)
class Format:
    """The functions that recognise and read one format."""

    name: str
    recognise: Callable[[MappedFile], bool]
    read: Callable[[MappedFile], Checkpoint]


FORMATS = tuple(
    Format(module.NAME, module.recognise, module.read)
    for module in (
        keras_archive,
        keras_h5,
        pytorch_zip,
        pytorch_stream,
        pytorch_tar,
        safetensors_file,
        bundle,
        pdparams,
    )
)


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read the tensors in the file at `path`, whatever its suffix; nothing in the file is executed.

    >>> from isomorph.tools.checkpoints import read_checkpoint
    >>> checkpoint = read_checkpoint("resnet8.safetensors")
    >>> checkpoint.format, checkpoint.tensors["conv1/weights"].shape
    ('safetensors', (3, 3, 3, 16))

    path: the file; of a TensorFlow checkpoint its prefix, its index or any of its shards; a folder of transformers'.

    The file is mapped, not read, and the arrays are views that stand as long as it is left alone: the time this takes
    grows with the number of tensors, not with their size, but for the checksums of a TensorFlow checkpoint and of a
    `.keras` archive. Whether the values are finite is not looked at.

    Raises:
        BadInput: the file cannot be opened, is none of the formats, is damaged, holds code, or holds no tensors.
    """
    if folder.recognise(Path(path)):
        return folder.read(Path(path))
    lookalikes.check_folder(Path(path))
    file = MappedFile(bundle.index_of(Path(path)))
    for form in FORMATS:
        if form.recognise(file):
            return form.read(file)
    raise file.bad(lookalikes.describe(file))
