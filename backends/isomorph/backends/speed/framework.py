"""What `isomorph bench` asks of a framework beside networks; each of our backends has it in its `speed.py`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from isomorph.backends.network import Array
from isomorph.backends.options import Options
from isomorph.backends.speed.clock import Work

LEARNING_RATE, MOMENTUM = 0.01, 0.9
"""Of the training step that is measured; the L2 term, which costs each framework something else, is left out."""


class Zoo(ABC):
    """A network of the framework's own zoo.

    native: the framework's own object. options: where it is, and in which layout it takes images.
    """

    native: Any
    options: Options

    @abstractmethod
    def load(self, tensors: Mapping[str, Array]) -> None:
        """Take over all tensors, under the zoo's names and in its axes."""

    @abstractmethod
    def prepared(self, images: Array) -> Callable[[], Array]:
        """As `Network.prepared`: [N, H, W, C] float32 -> logits [N, classes], eagerly, as the zoo's users write it."""


class Framework(ABC):
    """A framework's own zoo, training and matrix product."""

    @abstractmethod
    def zoo(self, name: str, classes: int, size: tuple[int, int, int], device: str) -> Zoo:
        """The zoo's network `name`, freshly drawn on a device, for images [height, width, channels].

        Raises Unavailable where the framework has no such zoo here.
        """

    @abstractmethod
    def training_step(self, native: Any, options: Options, images: Array, labels: Array) -> Work:
        """One step of SGD with momentum on images [N, H, W, C] and labels [N], as the framework's users write it.

        native: built with `options`, or of the zoo. The batch is moved to where it computes once, before all steps,
        as loaders do meanwhile. A step returns the loss before it. Raises Unavailable for options that cannot be
        trained.
        """

    @abstractmethod
    def products(self, size: int, precision: str, device: str) -> Iterator[tuple[str, Work]]:
        """The product of two matrices, `size` x `size`, in `precision`, in each form that may be the fastest.

        Yields what a form is called and the work, one form after the other. There may be several, as frameworks leave
        products and convolutions, which are products, too, to different libraries.
        """

    @abstractmethod
    def threads(self) -> int:
        """How many threads it computes with on a CPU."""
