"""Draw new tensors from a zoo's initialisers, without a framework."""

from collections.abc import Mapping

import numpy as np

from isomorph.spec import Architecture, Initializer, plan
from isomorph.spec.layers import BatchNorm, Parametrised, name_of
from isomorph.spec.tensors import (
    BETA,
    BIASES,
    GAMMA,
    MOVING_MEAN,
    MOVING_VARIANCE,
    WEIGHTS,
    Shape,
    tensor_name,
    tensors_of,
)
from isomorph.tools.checkpoints import Tensor


def initialise(architecture: Architecture, names: frozenset[str], seed: int) -> dict[str, Tensor]:
    """Draw the canonical tensors `names` of a new network, in float32.

    Each is drawn from the seed and its own name, so that it does not depend on which others are drawn.
    """
    return {
        name: _draw(layer, leaf, shape, np.random.default_rng([seed, *name.encode()]))
        for layer in plan(architecture).parametrised
        for leaf, shape in tensors_of(layer).items()
        if (name := tensor_name(layer, leaf)) in names
    }


def with_new_head(
    architecture: Architecture, tensors: Mapping[str, Tensor], num_classes: int, seed: int
) -> tuple[Architecture, dict[str, Tensor], tuple[str, ...]]:
    """Return the network with newly drawn classifiers, its tensors, and the names of those that were drawn.

    The classifiers of auxiliary heads are drawn, too. The new tensors have the dtypes of the old ones, or of the
    network's first tensor where it had no head.
    """
    changed = architecture.with_options(num_classes=num_classes)
    classifiers = [layer for layer in plan(changed).parametrised if name_of(layer) == "logits"]
    names = frozenset(tensor_name(layer, leaf) for layer in classifiers for leaf in tensors_of(layer))
    first = next(iter(tensors.values()))
    drawn = {
        name: value.astype(tensors.get(name, first).dtype) for name, value in initialise(changed, names, seed).items()
    }
    order = [tensor_name(layer, leaf) for layer in plan(changed).parametrised for leaf in tensors_of(layer)]
    merged = {name: drawn[name] if name in drawn else tensors[name] for name in order}
    return changed, merged, tuple(name for name in order if name in names)


def _draw(layer: Parametrised, leaf: str, shape: Shape, random: np.random.Generator) -> Tensor:
    if leaf == GAMMA:
        return np.full(shape, layer.gamma, np.float32)
    if isinstance(layer, BatchNorm) or leaf in (BETA, MOVING_MEAN, MOVING_VARIANCE):
        return np.full(shape, leaf == MOVING_VARIANCE, np.float32)
    initializer = {WEIGHTS: layer.initializer, BIASES: layer.bias_initializer}[leaf]
    return _values(initializer, layer.stddev(initializer), shape, random).astype(np.float32)


def _values(initializer: Initializer, stddev: float, shape: Shape, random: np.random.Generator) -> Tensor:
    match initializer.distribution:
        case "normal":
            return random.normal(0.0, stddev, shape)
        case "truncated_normal":
            values = random.normal(0.0, stddev, shape)
            while (beyond := np.abs(values) > 2 * stddev).any():
                values[beyond] = random.normal(0.0, stddev, int(beyond.sum()))
            return values
        case "uniform":
            limit = 3**0.5 * stddev
            return random.uniform(-limit, limit, shape)
        case "zeros":
            return np.zeros(shape)
