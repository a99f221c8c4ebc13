"""Tensors for the tests of this floor: an architecture's own, under canonical names or those of a zoo."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.conformance.cases import uniform
from isomorph.spec import Architecture, plan, tensor_shapes, zoo
from isomorph.spec.layers import BatchNorm
from isomorph.spec.tensors import MOVING_MEAN, tensor_name
from isomorph.tools.weights.values.predictions import Predictor

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
    """Canonical float32 tensors that a network runs with; every tensor and every value of one is another.

    Running means are those that the other tensors make, as of a trained network: no command has to say otherwise.
    """
    made = {name: uniform(0, name, shape).astype(np.float32) for name, shape in tensor_shapes(architecture).items()}
    made = {name: abs(value) + 0.5 if name.endswith("variance") else value for name, value in made.items()}
    planned = plan(architecture)
    for _ in range(1 + sum(isinstance(layer, BatchNorm) for layer in planned.parametrised)):  # one tells the next
        for layer, read in (predictor := Predictor(planned, made)).inputs():
            prediction = predictor.predict_layer(layer, read, layer.scope)
            mean, moving_mean = prediction.predicted[0], tensor_name(layer, MOVING_MEAN)
            if np.isfinite(mean).all():
                made[moving_mean] = (made[moving_mean] + mean - prediction.recorded).astype(np.float32)
    return made


def changed(tensors: Tensors, changes: Mapping[str, Array | None]) -> Tensors:
    """A copy with `changes`: None takes a tensor away."""
    return {name: value for name, value in {**tensors, **changes}.items() if value is not None}
