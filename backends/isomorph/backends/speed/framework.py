"""Base classes of a framework as `isomorph bench` measures it; each of our backends has them in its `speed.py`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

from isomorph.backends.array_forms import Answers, Images, Labels, Tensors
from isomorph.backends.options import Options
from isomorph.backends.speed.clock import Work

LEARNING_RATE, MOMENTUM = 0.01, 0.9
"""The optimiser of the measured training step; it has no L2 term, whose cost differs between frameworks."""


class Zoo(ABC):
    """A network of the framework's own zoo.

    native: the framework's own object. options: its device, and the layout in which it takes images.
    """

    native: Any
    options: Options

    @abstractmethod
    def load(self, tensors: Tensors) -> None:
        """Load all tensors, under the zoo's names and in its axes."""

    @abstractmethod
    def prepared(self, images: Images) -> Callable[[], Answers]:
        """As `Network.prepared`: [N, H, W, C] float32 -> logits [N, classes], eagerly, as the zoo's users write it."""


class Framework(ABC):
    """A framework's own zoo, training and matrix product."""

    @abstractmethod
    def zoo(self, name: str, classes: int, size: tuple[int, int, int], device: str) -> Zoo:
        """Return the zoo's network `name`, freshly drawn on a device, for images [height, width, channels].

        Raises Unavailable where the framework has no such zoo here.
        """

    @abstractmethod
    def training_step(self, native: Any, options: Options, images: Images, labels: Labels) -> Work:
        """Return a step of SGD with momentum on images [N, H, W, C] and labels [N], as the framework's users write it.

        native: built with `options`, or of the zoo. The batch is moved to the device once, before all steps, as loaders
        do meanwhile. A step returns the loss before it. Raises Unavailable for options that cannot be trained.
        """

    @abstractmethod
    def products(self, size: int, precision: str, device: str) -> Iterator[tuple[str, Work]]:
        """Yield the product of two matrices, `size` x `size`, in `precision`, in each form that may be the fastest.

        Each form is a name and the work. There may be several, as frameworks use different libraries for products and
        for convolutions, which are products, too.
        """

    @abstractmethod
    def threads(self) -> int:
        """Return the number of threads with which it computes on a CPU."""
