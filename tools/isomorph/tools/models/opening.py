"""Open a model in a backend's process, choose images that it takes, and trace it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from isomorph.backends.array_forms import Array, Images
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

    def run(
        self,
        images: Images | None,
        size: tuple[int, int] | None,
        batch: int,
        seed: int,
        channels: int | None = None,
    ) -> Traced:
        """Trace it on images [N, H, W, C], or on drawn ones of the first size that it takes.

        channels: of the images, where the subject says; else those that the model declares, or usual ones.

        Raises BadInput where it takes none of them, with its own last words, and where it answers differently when it
        runs twice.
        """
        if images is not None:
            return self._traced(self._trace(images), "given")
        batch = self.model.batch or batch
        words = ""
        for dtype in dict.fromkeys((self.dtype, "float32")):  # a constant inside may be of one dtype alone
            self.cast(dtype)
            for height, width in self._sizes(size):
                for depth in self._channels(channels):
                    try:
                        graph = self._trace(draw_pixels(batch, height, width, depth, seed))
                    except BadInput as error:
                        words = words or str(error)
                        continue
                    return self._traced(graph, f"drawn, seed {seed}")
        sizes = ", ".join(f"{height}x{width}" for height, width in self._sizes(size))
        raise BadInput(f"{self.name} takes no images of {sizes}; --input says which it does. {words}")

    def _trace(self, images: Images) -> Graph:
        """Run it once. Raises BadInput where it does not take these images, or returns nothing of them."""
        self.progress(self.backend, f"tracing on {'x'.join(map(str, images.shape))}")
        graph = self.model.trace(images.astype(self.dtype))
        if not graph.outputs:
            raise BadInput(f"{self.name} returns nothing that depends on its images.")
        return graph

    def _traced(self, graph: Graph, source: str) -> Traced:
        """Return what a run gave. Raises BadInput where a second one gives something else."""
        again = self.model.trace(graph.images)
        for number, node in graph.nodes.items():
            other = again.nodes.get(number)
            if other is None or not _are_one(node.value, other.value):
                where = f", first in its module {node.name!r}" if node.name else ""
                raise BadInput(
                    f"{self.name} answers differently when it runs twice{where}: it is random, or keeps a state."
                )
        return Traced(self.name, self.backend, self.version, self.dtype, graph, source)

    def _sizes(self, size: tuple[int, int] | None) -> Sequence[tuple[int, int]]:
        """Return the sizes to try: the one that was asked for, those that it declares, or SIZE and usual ones."""
        if size:
            return [size]
        height, width, _ = self.model.input_shape
        first = (height or SIZE[0], width or SIZE[1])
        return [first] if height and width else [first, *((side, side) for side in OTHER_SIZES)]

    def _channels(self, channels: int | None) -> Sequence[int]:
        """Return the numbers of channels to try."""
        declared = self.model.input_shape[2]
        return [channels] if channels else list(dict.fromkeys((3, *([declared] if declared else []), 1)))


def _are_one(first: Array | None, second: Array | None) -> bool:
    if first is None or second is None:
        return first is second
    return np.array_equal(first, second, equal_nan=True)
