"""Read .onnx files, with the tensors that lie in files beside them. Nothing in them is executed."""

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, inliner

from isomorph.spec import BadInput

_LARGEST = 2**31 - 1
"""Bytes that a message of protocol buffers may have, and so the model with all its tensors."""


def read_model(path: Path) -> ModelProto:
    """Return the model of a file, its tensors with it, its own functions written out.

    `onnx` reads tensors from files in the same folder alone, through no links.

    Raises BadInput where there is no such file, where it is no ONNX model, and where one of its tensors lies elsewhere.
    """
    if not path.is_file():
        raise BadInput(f"There is no file {path}.")
    try:
        model = onnx.load(str(path), load_external_data=False)
    except DecodeError as error:
        raise BadInput(f"{path} is no ONNX file: it is damaged, or of another kind.") from error
    if not model.graph.node:
        raise BadInput(f"{path} is no ONNX file: it has no operators.")
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
        if model.ByteSize() > _LARGEST:
            raise BadInput(f"{path} holds more than 2 GiB with its tensors, which is too much for one message.")
        _check(model)
        return inliner.inline_local_functions(model) if model.functions else model
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(f"{path} is no valid ONNX file: {first_line(error)}") from error


def _check(model: ModelProto) -> None:
    """Check a model as `onnx` does, but for the axes of its results, which many files leave out."""
    open_results = [value for value in model.graph.output if not value.type.tensor_type.HasField("shape")]
    for value in open_results:
        value.type.tensor_type.shape.SetInParent()
    onnx.checker.check_model(model)
    for value in open_results:
        value.type.tensor_type.ClearField("shape")


def first_line(error: Exception) -> str:
    """Return the first line that an error says, or its class."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
