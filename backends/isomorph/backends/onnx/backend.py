"""The protocol over ONNX files, which can be opened alone."""

from collections.abc import Mapping
from typing import Any

import onnxruntime

from isomorph.backends.models import Model
from isomorph.backends.onnx.model import OnnxModel, open_model
from isomorph.backends.protocol import Backend, Network, Options, Unavailable
from isomorph.spec import Architecture


class Onnx(Backend):
    """The backend of ONNX files, which ONNX Runtime runs on the CPU."""

    name = "onnx"

    @property
    def version(self) -> str:
        """ONNX Runtime's version."""
        return str(onnxruntime.__version__)

    def has_gpu(self) -> bool:
        """Return False: operators are run on the CPU, the only place where each kernel is known to be exact."""
        return False

    def use_exact_arithmetic(self) -> None:
        """Do nothing: ONNX Runtime's kernels for CPUs round as their dtype does."""

    def layouts(self, device: str) -> tuple[str, ...]:
        """Return the layout of ONNX's operators."""
        return ("NCHW",)

    def open(self, what: str, arguments: Mapping[str, Any] | None = None) -> Model:
        """Open an .onnx file."""
        return open_model(what, arguments or {})

    def model(self, native: Any) -> Model:
        """Return an onnx.ModelProto as a model that can be traced."""
        return OnnxModel(native, native.graph.name or "ONNX")

    def _build(self, architecture: Architecture, options: Options) -> Network:
        raise Unavailable("onnx builds no networks: it opens .onnx files.")


def create(engine: str) -> Onnx:
    """Return the backend, for `load_backend`; it has no engines."""
    return Onnx()
