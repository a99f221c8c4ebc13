"""Tell the format of a file by its first bytes, or its last: a function for each format, which needs no reader of it.

Readers know far more of their formats, and the frameworks' data types: each is imported for its own files alone.
"""

import re
from pathlib import Path

from isomorph.tools.checkpoints.mapped_file import MappedFile

FOLDER_CONFIG = "config.json"
"""The file of a folder of transformers' that describes the model."""

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""What an HDF5 file starts with."""

KERAS_CONFIG, KERAS_WEIGHTS = "config.json", "model.weights.h5"
"""The two members of an archive of Keras's that are read."""

LARGEST_SAFETENSORS_HEADER = 100_000_000
"""Bytes; the safetensors library's own limit."""

PYTORCH_MAGIC = 0x1950A86A20F9469CFC6C
"""The number that a stream of PyTorch's starts with, as a pickle."""

LEVELDB_MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
"""What a table of LevelDB's ends with."""

DISTRIBUTED_METADATA = ".metadata"
"""The file of a folder of torch.distributed.checkpoint's that lists the tensors in the others."""

SAVED_MODEL, SAVED_VARIABLES = "saved_model.pb", "variables/variables.index"
"""The program in a folder of TensorFlow's SavedModel, and the index of its variables."""

_FIRST_OF_KERAS = (b"metadata.json", KERAS_CONFIG.encode(), KERAS_WEIGHTS.encode())
_MARKS_OF_NETWORKS = (b"matching_heuristics", b"__author__", b"\x05\0\0\0blobs", b"\x05blobs")
_MARKED = 1024  # bytes at either end of a pickle in which those stand
_LENGTH = rb"(?:[\x80-\xff]{0,4}[\x01-\x7f])"  # a protocol buffer's, of what follows
_FIRST_NODE = re.compile(
    rb"\n" + _LENGTH + rb"\n" + _LENGTH + rb"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*\x12[\x01-\x7f][A-Z_]", re.DOTALL
)
_ZIP = b"PK\3\4"


def is_transformers_folder(path: Path) -> bool:
    """Tell whether `path` is a folder with a `config.json`."""
    try:
        return (path / FOLDER_CONFIG).is_file()
    except (OSError, ValueError):  # an impossible name, which is refused where it is opened
        return False


def distributed_folder(path: Path) -> Path | None:
    """Return the folder of torch.distributed.checkpoint's that `path` is, or is a file of; None where it is neither."""
    folder = path.parent if path.name == DISTRIBUTED_METADATA or path.suffix == ".distcp" else path
    try:
        return folder if (folder / DISTRIBUTED_METADATA).is_file() else None
    except (OSError, ValueError):
        return None


def is_saved_model(path: Path) -> bool:
    """Tell whether `path` is a folder of TensorFlow's SavedModel that holds variables."""
    try:
        return (path / SAVED_MODEL).is_file() and (path / SAVED_VARIABLES).is_file()
    except (OSError, ValueError):
        return False


def is_keras_archive(file: MappedFile) -> bool:
    """Tell whether it starts as a zip archive whose first member is one of those that Keras writes."""
    head = file.read(0, 64)
    length = int.from_bytes(head[26:28], "little")
    return head.startswith(_ZIP) and head[30 : 30 + length] in _FIRST_OF_KERAS


def is_hdf5(file: MappedFile) -> bool:
    """Tell whether it starts with HDF5's signature."""
    return file.read(0, len(HDF5_SIGNATURE)) == HDF5_SIGNATURE


def is_zip(file: MappedFile) -> bool:
    """Tell whether it starts as a zip archive."""
    return file.read(0, len(_ZIP)) == _ZIP


def is_npz(file: MappedFile) -> bool:
    """Tell whether it starts as a zip archive whose first member is called as an array of NumPy's is."""
    head = file.read(0, 30)
    return head.startswith(_ZIP) and file.read(30, int.from_bytes(head[26:28], "little")).endswith(b".npy")


def is_pytorch_stream(file: MappedFile) -> bool:
    """Tell whether it starts with a pickle of PyTorch's magic number, of any pickle protocol."""
    head = file.read(0, 32)
    return head.startswith(b"\x80") and b"\x8a\x0a" + PYTORCH_MAGIC.to_bytes(10, "little") in head


def is_tar(file: MappedFile) -> bool:
    """Tell whether it starts as a tar archive."""
    return file.read(257, 5) == b"ustar"


def is_safetensors(file: MappedFile) -> bool:
    """Tell whether it starts with the length of a header and the header's brace, or what the library takes for one."""
    length, brace = int.from_bytes(file.read(0, 8), "little"), file.read(8, 1)
    return length <= LARGEST_SAFETENSORS_HEADER and brace in (b"{", b" ", b"\t", b"\r", b"\n")


def is_leveldb_table(file: MappedFile) -> bool:
    """Tell whether it ends as a table of LevelDB's, which TensorFlow's indices are."""
    return file.read(max(0, file.size - len(LEVELDB_MAGIC)), len(LEVELDB_MAGIC)) == LEVELDB_MAGIC


def is_saved_slices(file: MappedFile) -> bool:
    """Tell whether it is a table of TensorFlow's first format: its first entry starts with a list of tensors.

    That entry shares no key and has none, in both formats; an index's value starts with a number of shards instead.
    """
    return is_leveldb_table(file) and re.match(rb"\0\0[\x80-\xff]{0,4}[\0-\x7f]\n", file.read(0, 8)) is not None


def is_tensorflow_lite(file: MappedFile) -> bool:
    """Tell whether it has the mark of TensorFlow Lite's programs, behind the place of its first table."""
    return file.read(4, 4) == b"TFL3"


def is_frozen_graph(file: MappedFile) -> bool:
    """Tell whether it starts as TensorFlow's GraphDef: with a node, of which first the name, then the operation."""
    return _FIRST_NODE.match(file.read(0, _MARKED)) is not None


def is_pdiparams(file: MappedFile) -> bool:
    """Tell whether it starts as the parameters beside a program of Paddle's.

    The first tensor: its version, no levels of detail, its version again, then the length of its dtype and shape.
    """
    start = rb"\0{16}(?:\x02\0{3}\x08[\0-\x1f]|[\x03-\xff]\0{3}\x08[\0-\x1f]\x10)"
    return re.match(start, file.read(0, 23)) is not None


def is_network_pickle(file: MappedFile) -> bool:
    """Tell whether it starts as a pickle, and starts or ends with what detectron2 or Caffe2 put beside their arrays."""
    ends = file.read(0, _MARKED) + file.read(max(0, file.size - _MARKED), _MARKED)
    return is_pickle(file) and any(mark in ends for mark in _MARKS_OF_NETWORKS)


def is_pickle(file: MappedFile) -> bool:
    """Tell whether it starts as a pickle of protocol 2 or later; PyTorch's streams do so, too."""
    head = file.read(0, 2)
    return head[:1] == b"\x80" and head[1:] in (b"\2", b"\3", b"\4", b"\5")
