"""Transfer tensors between two networks that write the same function differently: exactly, or at one rounding."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Any

import numpy as np

from isomorph.spec import Architecture, BadInput, function, plan
from isomorph.spec.convention import as_float32
from isomorph.spec.layers import BatchNorm, Convolution, Parametrised
from isomorph.spec.tensors import BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, tensor_name, tensors_of
from isomorph.tools.checkpoints import Tensor, Tensors

COMPENSATED = ("convolution_bias", "batch_norm_gamma", "batch_norm_epsilon")
"""Fields of the convention in which two networks may differ: other tensors make up for that."""


@dataclass(frozen=True)
class Rounding:
    """The changes that are allowed although they cost a rounding.

    bias: fold a convolution's bias into the mean of the batch norm behind it.
    epsilon: fold the difference of two epsilons into the variances.
    """

    bias: bool = False
    epsilon: bool = False


def can_transfer(source: Architecture, target: Architecture) -> bool:
    """Tell whether tensors can make `target` the same function at inference as `source`.

    It is the same on images of the sizes that dense layers take, where either pools maps of other sizes to theirs.
    """
    fields = {name: getattr(target.convention, name) for name in COMPENSATED}
    source, target = _unpooled(source), _unpooled(target)
    return function(source) == function(target) or function(source.with_options(**fields)) == function(target)


def _unpooled(network: Architecture) -> Architecture:
    """Return a network without the pools that leave a map of the size that the dense layer behind them reads."""
    pools = set(_pools(network).values())
    return replace(network, blocks=tuple(block for block in network.blocks if block.scope not in pools))


def _pools(network: Architecture) -> dict[str, str]:
    """Return dense layer -> the pool before it that gives maps of the size that it reads."""
    return {
        layer.scope: pool.scope
        for pool, layer in pairwise(network.blocks)
        if (pool.unit, layer.unit) == ("adaptive_pool", "dense") and pool.args[0][0] == layer.args[0][1]
    }


def _pooling(source: Architecture, target: Architecture) -> Iterator[str]:
    """Yield what becomes of such pools, in words."""
    before, after = _pools(source), _pools(target)
    for layer in before.keys() ^ after.keys():
        cells = next(block.args[0][1] for block in target.blocks if block.scope == layer)
        map_of = f"{cells}x{cells}"
        if layer in after:
            yield f"a pool to {map_of} before {layer} added, which changes no map of {map_of} and admits others"
        else:
            yield f"the pool to {map_of} before {layer} left out, without which images have to leave a map of {map_of}"


def transfer(
    tensors: Tensors, source: Architecture, target: Architecture, allowed: Rounding
) -> tuple[Tensors, list[str]]:
    """Return the tensors with which `target` computes what `source` does with `tensors`, and the changes in words.

    tensors: canonical name -> array. Unchanged tensors are returned as the same objects.
    `can_transfer(source, target)` must hold. Raises BadInput where a change costs a rounding that is not allowed, or
    cannot be made.
    """
    layers = {layer.scope: layer for layer in plan(source).parametrised}
    epsilons = source.convention.batch_norm_epsilon, target.convention.batch_norm_epsilon
    transferred: dict[str, Tensor] = {}
    changes: dict[str, list[str]] = {}
    for after in plan(target).parametrised:
        before = layers[after.scope]
        changed = dict(
            chain(
                _bias(before, after, tensors, allowed),
                _gamma(before, after, tensors),
                _epsilon(before, tensors, epsilons, allowed),
            )
        )
        for leaf in tensors_of(after):
            name = tensor_name(after, leaf)
            transferred[name] = changed[leaf][1] if leaf in changed else tensors[name]
        for words, _ in changed.values():
            changes.setdefault(words, []).append(after.scope)
    in_words = [f"{words} ({_layers(scopes)})" for words, scopes in changes.items()]
    return transferred, [*in_words, *_pooling(source, target)]


# For one layer, each of these yields (leaf, (the change in words, the new tensor)); a dropped tensor has its own leaf.


def _bias(
    before: Parametrised, after: Parametrised, tensors: Tensors, allowed: Rounding
) -> Iterator[tuple[str, tuple[str, Tensor]]]:
    if not (isinstance(before, Convolution) and isinstance(after, Convolution)) or before.bias == after.bias:
        return
    if after.bias:
        yield BIASES, ("biases of zero added", np.zeros(after.depth, _dtype(before, tensors)))
        return
    biases = tensors[tensor_name(before, BIASES)]
    if not np.any(biases):
        yield BIASES, ("biases of zero dropped", biases)
        return
    if not before.batch_norm:
        raise BadInput(
            f"{before.scope} has a bias that is not zero, and there is neither a bias in the other network nor a batch"
            " norm that could take it."
        )
    mean = tensors[tensor_name(before, MOVING_MEAN)]
    if not allowed.bias:
        raise BadInput(
            f"{before.scope} has a bias that is not zero, and there is none in the other network; --fold-bias takes it"
            " into the batch norm's mean, which costs one rounding."
        )
    folded = (mean.astype(np.float64) - biases.astype(np.float64)).astype(mean.dtype)
    yield MOVING_MEAN, ("biases folded into the batch norms' means, at one rounding", folded)


def _gamma(before: Parametrised, after: Parametrised, tensors: Tensors) -> Iterator[tuple[str, tuple[str, Tensor]]]:
    had_gamma, has_gamma = GAMMA in tensors_of(before), GAMMA in tensors_of(after)
    if has_gamma and not had_gamma:
        yield GAMMA, ("gammas of one added", np.ones(after.depth, _dtype(before, tensors)))
    if had_gamma and not has_gamma:
        name = tensor_name(before, GAMMA)
        if not np.all(tensors[name] == 1):
            raise BadInput(f"{name} is not one everywhere, and the other network's batch norms have no gamma.")
        yield GAMMA, ("gammas of one dropped", tensors[name])


def _epsilon(
    layer: Parametrised, tensors: Tensors, epsilons: tuple[float, float], allowed: Rounding
) -> Iterator[tuple[str, tuple[str, Tensor]]]:
    before, after = epsilons
    if before == after or not (isinstance(layer, BatchNorm) or layer.batch_norm):
        return
    if not allowed.epsilon:
        raise BadInput(
            f"The batch norms' epsilon is {before:g} in one network and {after:g} in the other; --fold-epsilon takes"
            " the difference into their variances, which costs one rounding."
        )
    variance = tensors[tensor_name(layer, MOVING_VARIANCE)]
    difference = as_float32(before) - as_float32(after)
    folded = (variance.astype(np.float64) + difference).astype(variance.dtype)
    if negative := int(np.count_nonzero((folded < 0) & (variance >= 0))):
        raise BadInput(
            f"{negative:,} of {variance.size:,} variances of {layer.scope} are smaller than the difference of the two"
            f" epsilons, {-difference:.3g}, and none may be negative; keep the epsilon {before:g}."
        )
    yield MOVING_VARIANCE, ("the epsilons' difference folded into the variances, at one rounding", folded)


def _dtype(layer: Parametrised, tensors: Tensors) -> np.dtype[Any]:
    """Return the dtype of a layer's tensors."""
    return tensors[tensor_name(layer, next(iter(tensors_of(layer))))].dtype


def _layers(scopes: list[str]) -> str:
    return scopes[0] if len(scopes) == 1 else f"{len(scopes)} layers, first {scopes[0]}"
