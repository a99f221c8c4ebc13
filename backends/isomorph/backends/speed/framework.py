"""What `isomorph bench` asks of a framework beside networks, and where that is written for each of ours."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from isomorph.backends.options import Options
from isomorph.backends.protocol import Array, Unavailable
from isomorph.backends.speed.clock import Work

LEARNING_RATE, MOMENTUM = 0.01, 0.9
"""Of the training step that is measured; the L2 term, which costs each framework something else, is left out."""

_MODULES = {"pytorch": "pytorch", "keras": "keras", "paddle": "paddle", "oracle": "oracle"}


class Zoo(ABC):
    """A network of the framework's own zoo.

    native: the framework's own object.
    """

    native: Any

    @abstractmethod
    def load(self, tensors: Mapping[str, Array]) -> None:
        """Take over all tensors, under the zoo's names and in its axes."""

    @abstractmethod
    def answer(self, images: Array) -> Array:
        """[N, H, W, C] float32 -> logits [N, classes], eagerly, as the zoo's users write it."""


class Framework(ABC):
    """A framework's own zoo, training and matrix product."""

    @abstractmethod
    def zoo(self, name: str, classes: int, size: tuple[int, int, int]) -> Zoo:
        """The zoo's network `name`, freshly drawn, for images [height, width, channels].

        Raises Unavailable where the framework has no such zoo here.
        """

    @abstractmethod
    def training_step(self, native: Any, options: Options, images: Array, labels: Array) -> Work:
        """One step of SGD with momentum on images [N, H, W, C] and labels [N], as the framework's users write it.

        native: built with `options`, or of the zoo. The step returns the loss before it. Raises Unavailable for options
        that cannot be trained.
        """

    @abstractmethod
    def product(self, size: int, precision: str, device: str) -> Work:
        """The product of two matrices, `size` x `size`, in `precision`, as the framework computes it."""

    @abstractmethod
    def threads(self) -> int:
        """How many threads it computes with on a CPU."""


def find_framework(name: str) -> Framework:
    """That of the backend `name`, which has been imported. Raises Unavailable for other packages' backends."""
    own, _, engine = name.partition(":")
    if own not in _MODULES or (engine and own != "keras"):
        raise Unavailable(f"isomorph bench knows no training step and no matrix product of {name}.")
    module = importlib.import_module(f"isomorph.backends.speed.{_MODULES[own]}")
    framework: Framework = module.create()
    return framework
