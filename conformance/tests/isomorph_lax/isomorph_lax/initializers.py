"""Fresh parameters, drawn as the convention says."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from isomorph.backends.protocol import as_dtype
from isomorph.spec import Initializer, Plan
from isomorph.spec.layers import Convolution, Parametrised
from isomorph.spec.tensors import tensors_of
from isomorph_lax.layers import Leaves
from isomorph_lax.network import Parameters


def fresh_parameters(plan: Plan, key: Array, dtype: str) -> Parameters:
    """Parameters of every layer of `plan` that has some."""
    return {
        layer.scope: _draw(layer, jax.random.fold_in(key, number), dtype)
        for number, layer in enumerate(plan.parametrised)
    }


def _draw(layer: Parametrised, key: Array, dtype: str) -> Leaves:
    constant = {"gamma": layer.gamma, "moving_variance": 1.0}  # and zero is all else
    drawn: Leaves = {
        leaf: jnp.asarray(np.full(shape, constant.get(leaf) or 0.0, as_dtype(dtype)))  # by NumPy: nothing to compile
        for leaf, shape in tensors_of(layer).items()
    }
    if isinstance(layer, Convolution):
        initializers = {"weights": layer.initializer, "biases": layer.bias_initializer}
        for (leaf, initializer), own in zip(initializers.items(), jax.random.split(key), strict=True):
            if leaf in drawn:
                drawn[leaf] = _filled(layer, initializer, own, drawn[leaf])
    return drawn


def _filled(layer: Convolution, initializer: Initializer, key: Array, zeros: Array) -> Array:
    stddev, shape, dtype = layer.stddev(initializer), zeros.shape, zeros.dtype
    match initializer.distribution:
        case "normal":
            return jax.random.normal(key, shape, dtype) * stddev
        case "truncated_normal":
            return jax.random.truncated_normal(key, -2, 2, shape, dtype) * stddev
        case "uniform":
            return jax.random.uniform(key, shape, dtype, -1, 1) * 3**0.5 * stddev
        case "zeros":
            return zeros
