"""What a network computes: at inference, and in training. Two networks of the same function have equal ones.

A function has every layer with its name, and leaves out the network's own name, the preprocessing, and all of the
convention that no layer of this network depends on. That of inference also leaves out how fresh weights are drawn, what
training drops, and how it moves the statistics.
"""

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import get_args

from isomorph.spec.architecture import Architecture
from isomorph.spec.convention import ZEROS
from isomorph.spec.layers import BatchNorm, Convolution, Layer, MaxPool
from isomorph.spec.padding import Rule, pad_alike
from isomorph.spec.plan import Plan, plan
from isomorph.spec.units import Unit

Computed = Callable[[Layer], Layer]


def function(architecture: Architecture) -> Hashable:
    """The function of `architecture`, to be compared. Raises BadInput for a network that cannot be planned."""
    return _function(plan(architecture), _at_inference)


def training_function(architecture: Architecture) -> Hashable:
    """The same of its training, from fresh weights on: equal ones are also equal at inference."""
    planned = plan(architecture)
    statistics = (planned.decay, planned.convention.running_variance) if _is_normalised(planned) else None
    return _function(planned, _in_training), statistics


def _function(planned: Plan, computed: Computed) -> Hashable:
    return (
        planned.architecture.in_channels,
        tuple(map(computed, planned.stem)),
        tuple((block.scope, tuple(_unit(unit, computed) for unit in block.units)) for block in planned.blocks),
        tuple((read, _unit(head, computed)) for read, head in planned.auxiliary),
        planned.global_pool,
        planned.logits and computed(planned.logits),
        planned.epsilon if _is_normalised(planned) else None,
    )


def _unit(unit: Unit, computed: Computed) -> Hashable:
    wiring = unit.wiring
    return unit.scope, tuple(map(computed, wiring.layers)), wiring.joined, wiring.activation, wiring.concatenated


def _in_training(layer: Layer) -> Layer:
    """The layer, less what is said of it and means nothing."""
    match layer:
        case Convolution():
            return replace(
                layer,
                padding=_plainest(layer.padding, layer.kernel, layer.stride, layer.rate),
                bias_initializer=layer.bias_initializer if layer.bias else ZEROS,
                gamma=layer.gamma if layer.batch_norm else None,
            )
        case MaxPool():
            padding = _plainest(layer.padding, layer.kernel, layer.stride, 1)
            return replace(layer, padding=padding, fill=0.0 if padding == "valid" else layer.fill)
    return layer


def _at_inference(layer: Layer) -> Layer:
    """And less what training alone asks for."""
    layer = _in_training(layer)
    match layer:
        case Convolution():
            return replace(
                layer,
                initializer=ZEROS,
                bias_initializer=ZEROS,
                gamma=None if layer.gamma is None else 1.0,
                dropout=layer.dropout if layer.dropout and layer.dropout.downscaled else None,
            )
        case BatchNorm():
            return replace(layer, gamma=None if layer.gamma is None else 1.0)
    return layer


def _plainest(rule: Rule, kernel: int, stride: int, rate: int) -> Rule:
    """The first rule that pads this window as `rule` does."""
    return next(plain for plain in get_args(Rule) if pad_alike(plain, rule, kernel, stride, rate))


def _is_normalised(planned: Plan) -> bool:
    return any(isinstance(layer, BatchNorm) or layer.batch_norm for layer in planned.parametrised)
