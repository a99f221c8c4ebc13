"""TensorFlow's checkpoints written: PREFIX.data-00000-of-00001, then PREFIX.index; `bundle` says what is in them.

The files are byte for byte those of `tf.compat.v1.train.Saver`, which sorts the tensors by name and aligns none.

Source: tensorflow/core/util/tensor_bundle/tensor_bundle.cc (`BundleWriter`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import IO

import google_crc32c

from isomorph.tools.checkpoints.checkpoint import Tensor
from isomorph.tools.checkpoints.protobuf import Fixed32, message
from isomorph.tools.checkpoints.tensor_bytes import check_tensors, little_endian, pieces
from isomorph.tools.checkpoints.tensorflow.bundle import OBJECT_GRAPH, VERSION
from isomorph.tools.checkpoints.tensorflow.crc32c import masked
from isomorph.tools.checkpoints.tensorflow.file_names import SHARD
from isomorph.tools.checkpoints.tensorflow.framework import DTYPES, is_name
from isomorph.tools.checkpoints.tensorflow.leveldb_writing import table
from isomorph.tools.checkpoints.wording import refusal, shown
from isomorph.tools.writing import new_file

_CODES = {dtype: code for code, dtype in DTYPES.items()}


def write_bundle(path: str | Path, tensors: Mapping[str, Tensor]) -> None:
    """Write `tensors` as a checkpoint of TensorFlow's in one shard.

    Names, shapes, dtypes and bits come back from `tf.train.load_checkpoint(prefix)`, from a `Saver`'s `restore`, and
    from `read_checkpoint`, in the order of the names in UTF-8. Big-endian tensors come back little-endian. At most one
    tensor at a time is copied, none that lies in C order.

    Two files cannot appear at once. The index, without which there is no checkpoint, comes last and whole; that of an
    older checkpoint of the same name is removed once the new shard has been written, so that at any moment there is
    the older checkpoint, none, or the new one. Further shards of the older one stay. A process that is killed meanwhile
    leaves hidden folders with unfinished files beside `path`.

    path: the prefix ("model.ckpt") or the index ("model.ckpt.index").

    Raises:
        BadInput: no tensors or no elements in any, a dtype that TensorFlow lacks, a name that is empty, not printable,
            has ".." in it, or is TensorFlow's own, or a path that names a shard or cannot be written.
    """
    index, shard = bundle_files(Path(path))
    check_tensors(index, tensors, _CODES)
    for name in tensors:
        if not is_name(name) or name == OBJECT_GRAPH:
            raise refusal(index, f"a tensor is called {shown(name)}, which no variable of TensorFlow's is: rename it")
    if not any(tensor.nbytes for tensor in tensors.values()):
        raise refusal(index, "none of its tensors has elements, some were expected in one at least")
    with new_file(index) as index_file, new_file(shard) as shard_file:
        index_file.write(table(_write_tensors(shard_file, tensors)))
        shard_file.flush()
        index.unlink(missing_ok=True)  # it is of the older shard, which is replaced next


def bundle_files(path: Path) -> tuple[Path, Path]:
    """Return the index and the shard of a checkpoint.

    path: its prefix or its index. Raises BadInput for what is the name of a shard, or of nothing.
    """
    prefix = path.name.removesuffix(".index")
    if not prefix or SHARD.fullmatch(prefix):
        raise refusal(path, "is no name for a TensorFlow checkpoint, its prefix or index was expected (model.ckpt)")
    return path.with_name(f"{prefix}.index"), path.with_name(f"{prefix}.data-00000-of-00001")


def _write_tensors(file: IO[bytes], tensors: Mapping[str, Tensor]) -> list[tuple[bytes, bytes]]:
    """Write the tensors' bytes; the entries of the index that describe them."""
    entries = [(b"", message((1, 1), (3, message((1, VERSION)))))]
    position = 0
    for name in sorted(tensors, key=str.encode):
        tensor, crc = tensors[name], 0
        for piece in pieces(tensor):
            crc = google_crc32c.extend(crc, bytes(piece))
            file.write(piece)
        shape = message(*((2, message((1, size))) for size in tensor.shape))
        described = ((1, _CODES[little_endian(tensor)]), (2, shape), (4, position), (5, tensor.nbytes))
        entries.append((name.encode(), message(*described, (6, Fixed32(masked(crc))))))
        position += tensor.nbytes
    return entries
