"""Open a model in a backend's process, choose images that it takes, and trace it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from isomorph.backends.array_forms import Array, Images
from isomorph.backends.failures import BackendEnded
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.memory import available_memory
from isomorph.backends.models import Model
from isomorph.backends.process import BackendProcess
from isomorph.backends.remote_model import RemoteModel
from isomorph.conformance.cases import draw_pixels
from isomorph.spec import BadInput
from isomorph.tools.models.live import backend_of_object, copied
from isomorph.tools.models.naming import backend_of

Progress = Callable[[str, str], None]
"""Called with the name of a backend and what it does."""

SIZE = (67, 68)
"""Height and width of images, unless told otherwise: maps in front of pools are even and odd somewhere."""

OTHER_SIZES = (32, 64, 96, 128, 160, 192, 224, 256, 299, 384, 512)
"""Sides of square images that are tried where a model refuses those of SIZE."""


@dataclass(frozen=True)
class Traced:
    """A model that has run.

    name: as it was given. backend, version: in which framework. dtype: in which it computed.
    images_source: where the images come from.
    """

    name: str
    backend: str
    version: str
    dtype: str
    graph: Graph
    images_source: str

    @property
    def images(self) -> Images:
        """The images that it ran on."""
        return self.graph.images

    def with_source(self, images_source: str) -> "Traced":
        """Return it with another source of its images."""
        return replace(self, images_source=images_source)


@contextmanager
def opened_model(
    what: Any,
    *,
    call: Mapping[str, Any] | None,
    runs_in: str | None,
    training: bool,
    python: str,
    memory: float | None,
    timeout: float,
    progress: Progress,
) -> Iterator["OpenedModel"]:
    """Open a model as `diagnose` takes it: in a process of its own, unless it is an object already."""
    if backend_of_object(what):
        yield OpenedModel.of(what, training, progress)
        return
    name = backend_of(str(what), runs_in)
    limit = available_memory() if memory is None else int(memory)
    with BackendProcess(name, python, limit, timeout) as process:
        yield OpenedModel.in_process(process, str(what), call or {}, training, progress)


class OpenedModel:
    """A model that is open, here or in a backend's process, and the images that it takes.

    name: as it was given. backend, version: in which framework it is.
    training: whether it may be in training mode.
    """

    def __init__(
        self,
        model: Model | RemoteModel,
        name: str,
        backend: str,
        version: str,
        training: bool,
        progress: Progress,
    ) -> None:
        self.model = model
        self.name = name
        self.backend = backend
        self.version = version
        self.progress = progress
        if not training and (modules := model.in_training()):
            first, *others = modules
            more = f" and {len(others)} more" if others else ""
            raise BadInput(
                f"{name} is in training mode, as its module {first or 'itself'!r}{more}: it has to be ready for"
                " inference (.eval()), or --training compares it as it is."
            )
        self.dtype = "float64" if model.cast("float64") else model.dtype

    @classmethod
    def of(cls, native: Any, training: bool, progress: Progress) -> Self:
        """Open a copy of a framework's own object, in this process."""
        model, version = copied(native)
        return cls(model, type(native).__name__, backend_of_object(native) or "", version, training, progress)

    @classmethod
    def in_process(
        cls, process: BackendProcess, what: str, arguments: Mapping[str, Any], training: bool, progress: Progress
    ) -> Self:
        """Open a factory or a saved program in a backend's process."""
        progress(process.name, "importing")
        version: str = process.describe()["version"]
        progress(process.name, f"opening {what}")
        return cls(process.open(what, arguments), what, process.name, version, training, progress)

    def cast(self, dtype: str) -> None:
        """Have it compute in another dtype. Raises BadInput where it cannot."""
        if self.dtype != dtype and not self.model.cast(dtype):
            raise BadInput(f"{self.name} computes in {self.dtype} alone, and the other model in {dtype}.")
        self.dtype = dtype

    def run(self, images: Images | None, size: tuple[int, int] | None, batch: int, seed: int) -> Traced:
        """Trace it on images [N, H, W, C], or on drawn ones of the first size that it takes.

        Raises BadInput where it takes none of them, with its own last words, and where it answers differently when it
        runs twice.
        """
        if images is not None:
            return self._traced(self.trace(images), "given")
        tried = [size] if size else self._sizes()
        words = ""
        for height, width in tried:
            try:
                drawn = self._drawn(batch, height, width, seed)
                return self._traced(self.trace(drawn), f"drawn, seed {seed}")
            except (BackendEnded, BadInput):
                raise
            except Exception as error:  # whatever a model raises that is given images it does not take
                words = words or str(error) or type(error).__name__
        sizes = ", ".join(f"{height}x{width}" for height, width in tried)
        raise BadInput(f"{self.name} takes no images of {sizes}; --input says which it does. At the first: {words}")

    def trace(self, images: Images) -> Graph:
        """Run it twice. Raises BadInput where that gives two answers."""
        self.progress(self.backend, "tracing")
        first = self.model.trace(images.astype(self.dtype))
        if not first.outputs:
            raise BadInput(f"{self.name} returns nothing that depends on its images.")
        second = self.model.trace(images.astype(self.dtype))
        for number, node in first.nodes.items():
            other = second.nodes.get(number)
            if other is None or not _are_one(node.value, other.value):
                where = f" first in its module {node.name!r}" if node.name else ""
                raise BadInput(
                    f"{self.name} answers differently when it runs twice,{where}: it is random, or keeps a state."
                )
        return first

    def _traced(self, graph: Graph, source: str) -> Traced:
        return Traced(self.name, self.backend, self.version, self.dtype, graph, source)

    def _sizes(self) -> Sequence[tuple[int, int]]:
        """Return the sizes to try: those that it declares, or SIZE and usual ones."""
        height, width, _ = self.model.input_shape
        first = (height or SIZE[0], width or SIZE[1])
        return [first] if height and width else [first, *((side, side) for side in OTHER_SIZES)]

    def _drawn(self, batch: int, height: int, width: int, seed: int) -> Images:
        channels = self.model.input_shape[2] or 3
        return draw_pixels(batch, height, width, channels, seed)


def _are_one(first: Array | None, second: Array | None) -> bool:
    if first is None or second is None:
        return first is second
    return np.array_equal(first, second, equal_nan=True)
