"""Files that people give in place of a checkpoint that is read here, known by their first bytes."""

from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.wording import counted, shown

READ_HERE = (
    "isomorph reads safetensors, PyTorch's .pth, .pt and .th, Keras's .h5 and .keras, Paddle's .pdparams, and "
    "TensorFlow's checkpoints here"
)
"""What ends the refusal of a file of another kind."""

_STARTS = {
    b"\x93NUMPY": "a NumPy .npy array",
    b"\x1f\x8b": "a gzip archive (unpack it first)",
    b"GGUF": "a GGUF model",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself (run `git lfs pull`)",
    b"<": "a web page or XML, perhaps a failed download",
    b"model_checkpoint_path": "the `checkpoint` file beside a TensorFlow checkpoint (name its .index)",
    b"\x08\x01\x12": "a TensorFlow SavedModel",
    **{bytes((8, version, tag)): "an ONNX model" for version in range(3, 32) for tag in (0x12, 0x1A, 0x22, 0x3A)},
}


def describe(file: MappedFile) -> str:
    """The rest of the refusal "FILE: ...", for a file that no format recognised."""
    head = file.read(0, 32)
    kind = next((kind for start, kind in _STARTS.items() if head.startswith(start)), None)
    if kind is not None:
        return f"this looks like {kind}; {READ_HERE}"
    return f"its {counted(file.size, 'byte')} start with {shown(head[:8])}, which no checkpoint does; {READ_HERE}"
