"""Open a model in a backend's process, choose images that it takes, and trace it."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, Self

import numpy as np

from isomorph.backends import find_backend
from isomorph.backends.array_forms import Array, Images, Tensors
from isomorph.backends.failures import BackendFailed, DiskFull
from isomorph.backends.graphs.graph import Graph, Node
from isomorph.backends.memory import available_memory
from isomorph.backends.models import Model
from isomorph.backends.process import BackendProcess
from isomorph.backends.remote_model import RemoteModel
from isomorph.conformance.cases import draw_pixels
from isomorph.conformance.likeness.causes.words import short
from isomorph.spec import Architecture, BadInput
from isomorph.tools.models.frameworks import backend_of
from isomorph.tools.models.live import backend_of_object, copied

Progress = Callable[[str, str], None]
"""Called with the name of a backend and what it does."""

SIZE = (67, 68)
"""Height and width of images, unless told otherwise: maps in front of pools are even and odd somewhere."""

OTHER_SIZES = (28, 32, 64, 96, 128, 160, 192, 224, 256, 299, 384, 512)
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


MOST_WORDS = 400
"""Characters of what somebody's code says of itself that are passed on."""

_OUT_OF_MEMORY = re.compile(r"allocate memory|out of memory|MemoryError|bad_alloc|ResourceExhausted", re.IGNORECASE)
"""What frameworks' errors say where memory is short: each has an exception of its own, and none crosses a process."""


@contextmanager
def in_words_of(name: str) -> Iterator[None]:
    """Have whatever a model's code raises be one sentence that names the model.

    Raises BackendFailed, in place of BadInput, where its memory does not suffice: nothing is known of the model then.
    """
    try:
        yield
    except DiskFull:
        raise
    except BadInput as error:
        sentence = _sentence(str(error))
        raise (BackendFailed if _OUT_OF_MEMORY.search(sentence) else BadInput)(sentence) from error
    except BackendFailed as error:
        raise type(error)(_sentence(f"{name}: {error}")) from error


def _sentence(words: str) -> str:
    """Return words with a full stop, in a line, and the middle of very many left out."""
    words = " ".join(words.split())
    if len(words) > MOST_WORDS:
        words = f"{words[: MOST_WORDS // 2]} ... {words[-MOST_WORDS // 2 :]}"
    return words if words.endswith((".", "?")) else f"{words}."


@contextmanager
def opened_model(
    what: Any,
    *,
    call: Mapping[str, Any] | None = None,
    runs_in: str | None = None,
    training: bool = False,
    python: Mapping[str, str] | None = None,
    memory: float | None = None,
    timeout: float,
    progress: Progress,
) -> Iterator["OpenedModel"]:
    """Open a model as `diagnose` takes it: in a process of its own, unless it is an object already."""
    if backend_of_object(what):
        if call or runs_in:
            raise BadInput(f"{type(what).__name__} is a model already; call and runs_in are about one that is opened.")
        yield OpenedModel.of(what, training, progress)
        return
    if not isinstance(what, str | PathLike):
        raise BadInput(
            f"{type(what).__name__} is no model; expected a module of PyTorch, Keras or Paddle, or the name of one."
        )
    interpreters = {find_backend(backend).name: path for backend, path in (python or {}).items()}
    name = backend_of(str(what), runs_in, interpreters)
    limit = available_memory() if memory is None else int(memory)
    with BackendProcess(name, interpreters.get(name, sys.executable), limit, timeout) as process:
        yield OpenedModel.in_process(process, str(what), call or {}, training, progress)


class OpenedModel:
    """A model that is open, here or in a backend's process, and the images that it takes.

    name: as it was given. backend, version: in which framework it is.
    training: whether it may be in training mode, and be random.
    live: the object of this process that it is, or is a copy of; nothing is put into that.
    """

    def __init__(
        self,
        model: Model | RemoteModel,
        name: str,
        backend: str,
        version: str,
        training: bool,
        progress: Progress,
        live: Any = None,
    ) -> None:
        self.model = model
        self.live = live
        self.name = name
        self.backend = backend
        self.version = version
        self.training = training
        self.progress = progress
        if not training and (modules := model.in_training()):
            raise BadInput(
                f"{name} is in training mode{_named_first(modules)}; have it ready for inference, as .eval() does, or"
                " --training compares it as it is."
            )
        with in_words_of(name):
            self.dtype = "float64" if model.cast("float64") else model.dtype

    @classmethod
    def of(cls, native: Any, training: bool, progress: Progress) -> Self:
        """Open a copy of a framework's own object, in this process."""
        model, version = copied(native)
        return cls(model, type(native).__name__, backend_of_object(native) or "", version, training, progress, native)

    @classmethod
    def in_process(
        cls, process: BackendProcess, what: str, arguments: Mapping[str, Any], training: bool, progress: Progress
    ) -> Self:
        """Open a factory or a saved program in a backend's process."""
        progress(process.name, "importing")
        version: str = process.describe()["version"]
        progress(process.name, f"opening {what}")
        with in_words_of(what):
            model = process.open(what, arguments)
        return cls(model, what, process.name, version, training, progress)

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
        network: Architecture | None = None,
    ) -> Traced:
        """Trace it on images [N, H, W, C], or on drawn ones of the first size that it takes.

        network: what the model should be, whose channels and usual size are tried; else those that it declares.

        Raises BadInput where it takes none of them, with its own last words, and where it answers differently when it
        runs twice.
        """
        if images is not None:
            return self._traced(self._trace(images), "given")
        batch = self.model.batch or batch
        words = ""
        for dtype in dict.fromkeys((self.dtype, "float32")):  # a constant inside may be of one dtype alone
            self.cast(dtype)
            for height, width in self._sizes(size, network):
                for depth in self._channels(network):
                    _check_memory(batch, height, width, depth)
                    try:
                        graph = self._trace(draw_pixels(batch, height, width, depth, seed))
                    except BadInput as error:
                        words = words or str(error)
                        continue
                    return self._traced(graph, f"drawn, seed {seed}")
        raise BadInput(_sentence(f"{self.name} takes no images{_tried(self._sizes(size, network))}: {words}"))

    def load(self, tensors: Tensors) -> None:
        """Put values into some of its own tensors.

        Raises BadInput for an object of this process that could not be copied.
        """
        if isinstance(self.model, Model) and self.model.native is self.live:
            raise BadInput(
                f"{self.name} cannot be copied, and no other weights are put into what is yours; name a function that"
                " makes it."
            )
        with in_words_of(self.name):
            self.model.load(tensors)

    def tensors(self) -> dict[str, Array]:
        """Return all that it stores, under its own names."""
        with in_words_of(self.name):
            return self.model.tensors()

    def _trace(self, images: Images) -> Graph:
        """Run it once. Raises BadInput where it does not take these images, or returns nothing of them."""
        self.progress(self.backend, f"tracing on {'x'.join(map(str, images.shape))}")
        with in_words_of(self.name):
            graph = self.model.trace(images.astype(self.dtype))
        if not graph.outputs:
            raise BadInput(f"{self.name} returns nothing that depends on its images.")
        return graph

    def _traced(self, graph: Graph, source: str) -> Traced:
        """Return what a run gave.

        Raises BadInput where a second one gives something else, unless training may, and where the answer is not
        finite.
        """
        if not self.training:
            self._check_again(graph)
        for read in graph.outputs.values():
            if not np.isfinite(graph.take(read)).all():
                raise BadInput(f"{self.name} answers with numbers that are not finite{_first_not_finite(graph)}.")
        self.progress(self.backend, "done")
        return Traced(self.name, self.backend, self.version, self.dtype, graph, source)

    def _check_again(self, graph: Graph) -> None:
        """Run it once more. Raises BadInput where it computes anything else."""
        with in_words_of(self.name):
            again = self.model.trace(graph.images)
        for number, node in graph.nodes.items():
            other = again.nodes.get(number)
            if other is None or not _are_one(node.value, other.value):
                raise BadInput(
                    f"{self.name} answers differently when it runs twice, first in {_place(node)}: it is random, or"
                    " keeps a state."
                )

    def _sizes(self, size: tuple[int, int] | None, network: Architecture | None) -> Sequence[tuple[int, int]]:
        """Return the sizes to try: the one that was asked for, those that it declares, or SIZE and usual ones."""
        if size:
            return [size]
        height, width, _ = self.model.input_shape
        first = (height or SIZE[0], width or SIZE[1])
        if height and width:
            return [first]
        own = [network.convention.preprocessing.size] if network else []
        return list(dict.fromkeys((first, *own, *((side, side) for side in OTHER_SIZES))))

    def _channels(self, network: Architecture | None) -> Sequence[int]:
        """Return the numbers of channels to try."""
        declared = self.model.input_shape[2]
        return [network.in_channels] if network else list(dict.fromkeys((3, *([declared] if declared else []), 1)))


def _tried(sizes: Sequence[tuple[int, int]]) -> str:
    """Return which images were tried, and what to do where others are needed."""
    first, *others = (f"{height}x{width}" for height, width in sizes)
    if not others:
        return f" of {first}"
    return f" of {first} or of {len(others)} usual sizes, and --input says which it takes"


def _check_memory(batch: int, height: int, width: int, channels: int) -> None:
    """Raise BadInput for images that take more memory than there is to be drawn, which needs four copies."""
    needed, available = 32 * batch * height * width * channels, available_memory()
    if available is not None and needed > available:
        raise BadInput(
            f"{batch} images of {height}x{width} take {needed / 2**30:,.1f} GiB of memory to be drawn, and there are"
            f" {available / 2**30:,.1f} GiB; expected smaller images, or fewer of them."
        )


def _named_first(modules: Sequence[str]) -> str:
    """Return ", in its modules 'a', 'b' and 3 more", without the model itself, whose name is empty."""
    named = [module for module in modules if module]
    if not named:
        return ""
    listed = " and ".join(map(repr, named[:2])) if len(named) < 3 else f"{named[0]!r} and {len(named) - 1} more"
    return f", in its module{'s' if len(named) > 1 else ''} {listed}"


def _place(node: Node) -> str:
    """Return "the dropout of head.drop": an operation, and the module in which it stands."""
    return f"the {short(node.operation)}{f' of {node.name}' if node.name else ''}"


def _first_not_finite(graph: Graph) -> str:
    """Return where a number that is not finite arises of finite ones; the images come first, and are."""

    def is_finite(node: Node) -> bool:
        return node.value is None or bool(np.isfinite(node.value).all())

    for node in graph.nodes.values():
        if not is_finite(node) and all(is_finite(graph.nodes[read.source]) for read in node.reads):
            return f", first in {_place(node)}"
    return ""


def _are_one(first: Array | None, second: Array | None) -> bool:
    if first is None or second is None:
        return first is second
    return np.array_equal(first, second, equal_nan=True)
