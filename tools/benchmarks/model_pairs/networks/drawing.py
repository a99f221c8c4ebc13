"""Tensors as training leaves them, drawn under canonical names; every framework's network is given the same ones."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]
Tensors = dict[str, NDArray[np.float64]]


def drawn(shapes: Mapping[str, Shape], seed: int, deviation: Callable[[str, Shape], float]) -> Tensors:
    """Draw a value for each of some shapes, that float32 can hold.

    deviation: of a kernel, by its name and shape.
    """
    tensors: Tensors = {}
    for index, (name, shape) in enumerate(shapes.items()):
        random = np.random.default_rng([seed, index])
        match name.rpartition(".")[2]:
            case "weight":
                values = random.normal(0, deviation(name, shape), shape)
            case "gamma":
                values = random.uniform(0.6, 1.4, shape)
            case "variance":
                values = random.uniform(0.3, 1.5, shape)
            case "class_token" | "positions":
                values = random.normal(0, 0.5, shape)
            case _:
                values = random.normal(0, 0.2, shape)
        tensors[name] = values.astype(np.float32).astype(np.float64)
    return tensors
