"""Moving tensors between two networks that differ in how they say the same function: exactly, or at one rounding."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.spec import Architecture, BadInput, function, plan
from isomorph.spec.convention import as_float32
from isomorph.spec.layers import BatchNorm, Convolution, Parametrised
from isomorph.spec.tensors import BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, tensor_name, tensors_of

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]

COMPENSATED = ("convolution_bias", "batch_norm_gamma", "batch_norm_epsilon")
"""The fields of the convention whose difference tensors can make up for."""


@dataclass(frozen=True)
class Rounding:
    """Which changes that cost a rounding are allowed.

    bias: fold a convolution's bias into the mean of the batch norm behind it.
    epsilon: fold the difference of two epsilons into the variances.
    """

    bias: bool = False
    epsilon: bool = False


def can_transfer(source: Architecture, target: Architecture) -> bool:
    """Whether the two are one function at inference, but for what tensors can make up for."""
    fields = {name: getattr(target.convention, name) for name in COMPENSATED}
    return function(source) == function(target) or function(source.with_options(**fields)) == function(target)


def transfer(
    tensors: Tensors, source: Architecture, target: Architecture, allowed: Rounding
) -> tuple[Tensors, list[str]]:
    """The tensors with which `target` is the function that `source` is with `tensors`, and what was changed, in words.

    tensors: canonical name -> array; those that stay as they are come back as the same objects.
    Raises BadInput where a change costs a rounding that is not allowed, or cannot be made. `can_transfer` must hold.
    """
    layers = {layer.scope: layer for layer in plan(source).parametrised}
    epsilons = source.convention.batch_norm_epsilon, target.convention.batch_norm_epsilon
    made: dict[str, Array] = {}
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
            made[name] = changed[leaf][1] if leaf in changed else tensors[name]
        for words, _ in changed.values():
            changes.setdefault(words, []).append(after.scope)
    return made, [f"{words} ({_layers(scopes)})" for words, scopes in changes.items()]


# Each of these yields leaf -> what is done and the new tensor, of one layer; one that goes stands under its own leaf.


def _bias(
    before: Parametrised, after: Parametrised, tensors: Tensors, allowed: Rounding
) -> Iterator[tuple[str, tuple[str, Array]]]:
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


def _gamma(before: Parametrised, after: Parametrised, tensors: Tensors) -> Iterator[tuple[str, tuple[str, Array]]]:
    had, has = (tensor_name(layer, GAMMA) if GAMMA in tensors_of(layer) else None for layer in (before, after))
    if bool(had) == bool(has):
        return
    if has:
        yield GAMMA, ("gammas of one added", np.ones(after.depth, _dtype(before, tensors)))
    elif had and not np.all(tensors[had] == 1):
        raise BadInput(f"{had} is not one everywhere, and the other network's batch norms have no gamma.")
    elif had:
        yield GAMMA, ("gammas of one dropped", tensors[had])


def _epsilon(
    layer: Parametrised, tensors: Tensors, epsilons: tuple[float, float], allowed: Rounding
) -> Iterator[tuple[str, tuple[str, Array]]]:
    ours, theirs = epsilons
    if ours == theirs or not (isinstance(layer, BatchNorm) or layer.batch_norm):
        return
    if not allowed.epsilon:
        raise BadInput(
            f"The batch norms' epsilon is {ours:g} in one network and {theirs:g} in the other; --fold-epsilon takes the"
            " difference into their variances, which costs one rounding."
        )
    variance = tensors[tensor_name(layer, MOVING_VARIANCE)]
    difference = as_float32(ours) - as_float32(theirs)
    folded = (variance.astype(np.float64) + difference).astype(variance.dtype)
    if negative := int(np.count_nonzero((folded < 0) & (variance >= 0))):
        raise BadInput(
            f"{negative:,} of {variance.size:,} variances of {layer.scope} are smaller than the difference of the two"
            f" epsilons, {-difference:.3g}, and none may be negative; keep the epsilon {ours:g}."
        )
    yield MOVING_VARIANCE, ("the epsilons' difference folded into the variances, at one rounding", folded)


def _dtype(layer: Parametrised, tensors: Tensors) -> Any:
    """That of a layer's tensors."""
    return tensors[tensor_name(layer, next(iter(tensors_of(layer))))].dtype


def _layers(scopes: list[str]) -> str:
    return scopes[0] if len(scopes) == 1 else f"{len(scopes)} layers, first {scopes[0]}"
