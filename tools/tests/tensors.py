"""Tensors for the tests of this floor: an architecture's own, under canonical names or those of a zoo."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.conformance.cases import uniform
from isomorph.spec import Architecture, tensor_shapes, zoo

Array = npt.NDArray[Any]
Tensors = dict[str, Array]


def canonical(architecture: Architecture) -> Tensors:
    """Zeros under canonical names, which take no memory: they are told by names and shapes."""
    return {name: np.broadcast_to(np.float32(0), shape) for name, shape in tensor_shapes(architecture).items()}


def of_zoo(architecture: Architecture, name: str = "") -> Tensors:
    """The same as the zoo called `name` has them, its own where that is empty."""
    naming = zoo(name or architecture.name.partition("/")[0]).naming
    return {
        tensor.name: np.broadcast_to(np.float32(0), tensor.shape) for tensor in naming.tensors(architecture).values()
    }


def plain(architecture: Architecture) -> Tensors:
    """Canonical float32 tensors that a network runs with; every tensor and every value of one is another."""
    made = {name: uniform(0, name, shape).astype(np.float32) for name, shape in tensor_shapes(architecture).items()}
    return {name: abs(value) + 0.5 if name.endswith("variance") else value for name, value in made.items()}


def changed(tensors: Tensors, changes: Mapping[str, Array | None]) -> Tensors:
    """A copy with `changes`: None takes a tensor away."""
    return {name: value for name, value in {**tensors, **changes}.items() if value is not None}
