"""Recognise files that users give in place of a checkpoint, by their first bytes, to say what they are."""

import codecs
import re
from pathlib import Path

from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.recognition import SAVED_MODEL, SAVED_VARIABLES
from isomorph.tools.checkpoints.wording import counted, refusal, shown

_PADDLE_PROGRAM = "a program of Paddle's inference, whose tensors are in the .pdiparams beside it (name that)"
_EXPORTED = "it runs and is no checkpoint: name the one that it was exported from"

READ_HERE = "isomorph reads safetensors and the checkpoints of PyTorch, Keras, TensorFlow, Paddle and NumPy here"
"""What ends the refusal of a file of another kind."""

_STARTS = {
    b"\x93NUMPY": "a NumPy .npy array",
    b"\x1f\x8b": "a gzip archive (unpack it first)",
    b"GGUF": "a GGUF model",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself (run `git lfs pull`)",
    b"<": "a web page or XML, perhaps a failed download",
    b"model_checkpoint_path": "the `checkpoint` file beside a TensorFlow checkpoint (name its .index)",
    b"\x08\x01\x12": "the program of a TensorFlow SavedModel, whose tensors are in the variables/ beside it (name the "
    "folder)",
    b"ftrt": f"a TensorRT engine ({_EXPORTED})",
    b'{"base_code":': _PADDLE_PROGRAM,
    b"{": "JSON, which may describe a network, and holds no tensors",
    **{bytes((8, version, tag)): "an ONNX model" for version in range(3, 32) for tag in (0x12, 0x1A, 0x22, 0x3A)},
}

_LENGTH = rb"(?:[\x80-\xff]{0,4}[\x01-\x7f])"  # a protocol buffer's, of what follows

_FORMS = {
    # flatbuffers carry their kind behind the offset of their root
    rb".{4}ET[0-9]{2}": f"an ExecuTorch program ({_EXPORTED})",
    # the first block: number 0, inside no other
    rb"\n" + _LENGTH + rb"\x08\0\x10(?:\xff{9}\x01)": _PADDLE_PROGRAM,
}


def check_folder(path: Path) -> None:
    """Raise BadInput for a folder that is known not to be a checkpoint; what is none passes."""
    try:
        is_saved_model = (path / SAVED_MODEL).is_file()
    except (OSError, ValueError):  # an impossible name, which is refused where it is opened
        return
    if is_saved_model:
        raise refusal(
            path,
            f"is a TensorFlow SavedModel without {SAVED_VARIABLES}, where its tensors were expected: fetch that, too, "
            "if the model has any",
        )


def describe(file: MappedFile) -> str:
    """Return the rest of the refusal "FILE: ...", for a file that no format recognised."""
    head = file.read(0, 32)
    kind = next((kind for start, kind in _STARTS.items() if head.startswith(start)), None)
    kind = kind or next((kind for form, kind in _FORMS.items() if re.match(form, file.read(0, 1024), re.DOTALL)), None)
    kind = kind or ("text, which holds no tensors" if _is_text(file.read(0, 1024)) else None)
    if kind is not None:
        return f"this looks like {kind}; {READ_HERE}"
    return f"its {counted(file.size, 'byte')} start with {shown(head[:8])}, which no checkpoint does; {READ_HERE}"


def _is_text(start: bytes) -> bool:
    """Tell whether the first bytes of a file are UTF-8's, without control characters; the last letter may be cut."""
    try:
        letters = codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\t\r\n" for letter in letters)
