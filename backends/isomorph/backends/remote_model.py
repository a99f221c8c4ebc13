"""A model that somebody else wrote, in a process of its own."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from isomorph.backends.array_forms import Array, Images, Tensors
from isomorph.backends.arrays import SharedArrays, mapped
from isomorph.backends.graphs import crossing
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.models import Size

if TYPE_CHECKING:
    from isomorph.backends.process import BackendProcess


class RemoteModel:
    """A model in a BackendProcess, with the methods of `isomorph.backends.models.Model`."""

    def __init__(self, process: "BackendProcess", key: int, name: str, description: dict[str, Any]) -> None:
        self.process = process
        self.key = key
        self.name = name
        self._describe(description)

    def _describe(self, description: dict[str, Any]) -> None:
        self.batch: Size = description["batch"]
        height, width, channels = description["input_shape"]
        self.input_shape: tuple[Size, Size, Size] = height, width, channels
        self.dtype: str = description["dtype"]
        self._in_training: list[str] = description["in_training"]

    def in_training(self) -> list[str]:
        """As `Model.in_training`."""
        return self._in_training

    def cast(self, dtype: str) -> bool:
        """As `Model.cast`."""
        if not self.process.call("cast_model", key=self.key, dtype=dtype):
            return False
        self._describe(self.process.call("describe_model", key=self.key))
        return True

    def tensors(self) -> dict[str, Array]:
        """As `Model.tensors`."""
        return mapped(self.process.call("model_tensors", key=self.key, out=self.process.new_file()))

    def load(self, tensors: Tensors) -> None:
        """As `Model.load`."""
        shared = self.process.share(tensors)
        try:
            self.process.call("load_model", key=self.key, tensors=shared.to_document())
        finally:
            Path(shared.path).unlink(missing_ok=True)

    def trace(self, images: Images | SharedArrays) -> Graph:
        """As `Model.trace`; shared images are called "images"."""
        return trace(self.process, self.key, images)


def trace(process: "BackendProcess", key: int, images: Images | SharedArrays) -> Graph:
    """Trace a model in a process, or the native object of a network there."""
    shared = images if isinstance(images, SharedArrays) else process.share({"images": images})
    try:
        reply = process.call("trace", key=key, images=shared.to_document(), out=process.new_file())
    finally:
        if shared is not images:
            Path(shared.path).unlink(missing_ok=True)
    return crossing.from_document(reply["graph"], mapped(reply["arrays"]))
