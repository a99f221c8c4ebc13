"""The variables of a model of Keras or TensorFlow, under its own names."""

from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from isomorph.backends.array_forms import Array


def named_variables(native: Any) -> dict[str, Any]:
    """Return a layer's or a module's variables of TensorFlow by their paths.

    Where two have one path, the later ones get a number behind it. States of random generators are left out.
    """
    return unique((name.removesuffix(":0"), variable) for name, variable in _variables(native))


def _variables(native: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(native, tf.Module):
        for variable in native.variables:
            yield variable.name, variable
        return
    for variable in native.weights:
        yield variable.path, variable.value
    for layer in layers_of(native):  # of its own, which Keras does not know of
        for name, value in vars(layer).items():
            if isinstance(value, tf.Variable):
                yield f"{layer.path}/{name}", value


def unique(variables: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return variables by name; the second "kernel" is "kernel_1"."""
    by_name: dict[str, Any] = {}
    for name, variable in variables:
        number, free = 0, name
        while free in by_name:
            number += 1
            free = f"{name}_{number}"
        by_name[free] = variable
    return by_name


def layers_of(native: Any) -> list[Any]:
    """Return a layer and all layers inside it."""
    return list(native._flatten_layers()) if isinstance(native, keras.layers.Layer) else []


def to_numpy(variable: Any) -> Array:
    """Return a copy of a variable's value; of half precision in float32, which holds them all."""
    value = np.array(variable.numpy())
    return value.astype(np.float32) if variable.dtype in (tf.bfloat16, tf.float16) else value
