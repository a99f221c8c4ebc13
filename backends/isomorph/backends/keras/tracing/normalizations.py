"""Record Keras's layers that normalise what they read, and compute its mean and variance by single operations, as one.

A batch norm of inference is known from its operations, whoever wrote them; here, one that trains, a layer norm and a
group norm are known from their layers. A layer is recorded so only if it gave what the operation gives.
"""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Tensor
from isomorph.spec.operations import BatchNorm, GroupNorm, LayerNorm
from isomorph.spec.tensors import BETA, GAMMA

if TYPE_CHECKING:
    from isomorph.backends.keras.tracing.tracer import Tracer

TOLERANCE = {"float64": 1e-9, "float32": 1e-3}
"""How far two orders of computing a normalisation may be apart, as a share of the largest value."""


def record_normalization(tracer: "Tracer", layer: Any, inputs: Any, result: Any, first: int) -> None:
    """Record a layer that has run as one operation, in the place of its own from the node `first` on."""
    if type(layer) not in (keras.layers.BatchNormalization, keras.layers.LayerNormalization, _GROUPS):
        return
    x = inputs[0] if inputs else None
    if not all(isinstance(each, tf.Tensor) and tracer.flows(each) for each in (x, result)):
        return
    nodes = tracer.recorder.graph.nodes
    operation, groups = _operation(tracer, layer, x)
    if operation is None or nodes[tracer.read(result).source].kind is BatchNorm:
        return
    tensors = {
        leaf: tracer.recorder.constants[tracer.key(variable.value.handle)]
        for leaf, variable in ((GAMMA, layer.gamma), (BETA, layer.beta))
        if variable is not None
    }
    value = tracer.value(result)
    expected = _normalized(tracer.value(x), groups, operation.epsilon, tensors)
    limit = TOLERANCE.get(tracer.dtype.name, 0.0) * float(np.abs(value).max())
    if np.abs(value - expected).max() > limit:
        return
    replaced = [number for number in nodes if number >= first]
    tracer.recorder.add(tracer.key(result), operation, [tracer.read(x)], value, tensors)
    tracer.replaced.update(replaced)


_GROUPS = keras.layers.GroupNormalization


def _operation(tracer: "Tracer", layer: Any, x: Any) -> tuple[BatchNorm | LayerNorm | GroupNorm | None, int | None]:
    """Return what a layer computes of the batch, and by how many groups of channels; None of what has no word."""
    rank, epsilon = x.shape.rank, tracer.shortest(layer.epsilon)
    axes = {axis % rank for axis in np.atleast_1d(layer.axis).tolist()}
    if axes != {rank - 1} or getattr(layer, "rms_scaling", False):
        return None, None
    if isinstance(layer, keras.layers.LayerNormalization):
        return LayerNorm(epsilon), None
    if isinstance(layer, _GROUPS):
        return GroupNorm(layer.groups, epsilon), layer.groups
    return BatchNorm(epsilon, batch_statistics=True), 0


def _normalized(x: Array, groups: int | None, epsilon: float, tensors: dict[str, Tensor]) -> Array:
    """Return a value by its mean and variance: over groups of channels, by 0 over all other axes, by None the last."""
    grouped, axes = x, tuple(range(x.ndim - 1)) if groups == 0 else (-1,)
    if groups:
        grouped, axes = x.reshape(len(x), -1, groups, x.shape[-1] // groups), (1, 3)
    centred = grouped - grouped.mean(axes, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axes, keepdims=True) + epsilon)
    normal = (centred / deviation).reshape(x.shape)
    scaled = normal * tensors[GAMMA].value if GAMMA in tensors else normal
    return np.asarray(scaled + tensors[BETA].value if BETA in tensors else scaled)
