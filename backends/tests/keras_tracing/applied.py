"""What the tests of single operations share: how a model is made of a function, and what a trace of it is."""

from collections.abc import Callable
from typing import Any

import keras
import numpy.typing as npt
import tensorflow as tf

from isomorph.backends import load_backend
from isomorph.backends.graphs.graph import Graph
from isomorph.spec.operations import Input, Operation

Array = npt.NDArray[Any]
SelfCheck = Callable[..., None]
Shuffle = Callable[[Any], None]


class Applied(keras.Model):  # type: ignore[misc]  # Keras's classes are Any
    """Somebody's class: a function of images and of layers."""

    def __init__(self, function: Callable[..., Any], *parts: Any) -> None:
        super().__init__()
        self.function, self.parts = function, list(parts)

    def call(self, x: Any) -> Any:
        return self.function(x, *self.parts)


class Normalized(keras.Model):  # type: ignore[misc]  # Keras's classes are Any
    """A batch norm by hand, with tensors in an order of its own."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function
        names = ("variance", "gamma", "mean", "beta")
        self.own = {name: self.add_weight((4,), name=name, initializer="ones") for name in names}

    def call(self, x: Any) -> Any:
        own = (self.own[name].value for name in ("gamma", "beta", "mean", "variance"))
        return self.function(x, *own)


def trace(model: Any, images: Array, shuffle: Callable[[Any], None]) -> Graph:
    model(tf.constant(images))
    shuffle(model)
    return load_backend("keras").model(model).trace(images)


def operations(graph: Graph) -> list[Operation]:
    return [node.operation for node in graph.nodes.values() if node.kind is not Input]


# The factors of Keras's GELU are float32 in every dtype.
