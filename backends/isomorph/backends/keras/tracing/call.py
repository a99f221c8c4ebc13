"""One call of an operation of TensorFlow, as its callbacks tell of it."""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from isomorph.backends.array_forms import Array


class Call:
    """One call of an operation.

    name: "Conv2D".
    inputs: the tensors that it took, resources among them.
    attributes: what else decides its result, "strides".
    results: the tensors that it gave.
    """

    def __init__(self, name: Any, inputs: Sequence[Any], attributes: Sequence[Any] | None, results: Any) -> None:
        self.name: str = _text(name)
        self.inputs = list(inputs)
        pairs = list(attributes or ())
        self.attributes = {_text(key): _text(value) for key, value in zip(pairs[::2], pairs[1::2], strict=True)}
        self.results = list(results or ())

    def __getitem__(self, name: str) -> Any:
        return self.attributes[name]

    def again(self, x: Array, **others: Any) -> Array:
        """Return what the operation gives for another first input, and for `others` by their names."""
        function = getattr(tf.raw_ops, self.name)
        names = list(inspect.signature(function).parameters)
        options = {name: value for name, value in self.attributes.items() if name in names}
        given = dict(zip(names, [x, *self.inputs[1:]], strict=False)) | options | others
        return to_array(function(**given))

    @property
    def x(self) -> Any:
        """What it is an operation on: its first input."""
        return self.inputs[0]

    @property
    def result(self) -> Any:
        """The first tensor that it gave."""
        return self.results[0]

    @property
    def channels_first(self) -> bool:
        """Whether its maps are [N, C, h, w]."""
        return self.attributes.get("data_format") == "NCHW"

    def integers(self, place: int) -> list[int]:
        """Return the values of an input that says how: axes, a shape."""
        return [int(each) for each in to_array(self.inputs[place]).reshape(-1)]


def to_array(tensor: Any) -> Array:
    """Return a tensor's values; those of half precision in float32, which holds them all."""
    array: Array = tensor.numpy() if hasattr(tensor, "numpy") else np.asarray(tensor)
    return array.astype(np.float32) if tensor.dtype in (tf.bfloat16, tf.float16) else array


def address(tensor: Any) -> int | None:
    """Return where a tensor's floats lie in memory; None where that is not the CPU's."""
    if tensor.dtype not in (tf.float16, tf.float32, tf.float64) or "CPU" not in tensor.device:
        return None
    place: int = np.asarray(memoryview(tensor)).__array_interface__["data"][0]
    return place


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
