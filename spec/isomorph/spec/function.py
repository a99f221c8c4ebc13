"""The function that a network computes, at inference or in training, as a value to compare.

A function has every layer with its name, and leaves out the network's own name, the preprocessing, and all of the
convention that no layer of this network depends on. The function of inference also leaves out how fresh weights are
drawn, what training drops, and how it moves the statistics.
"""

from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import cache
from typing import Any, get_args

from isomorph.spec.architecture import Architecture
from isomorph.spec.convention import ZEROS
from isomorph.spec.graph import Join, Node, graph
from isomorph.spec.layers import Affine, BatchNorm, Convolution, Layer, MaxPool
from isomorph.spec.padding import Rule, pad_alike
from isomorph.spec.plan import Plan, plan
from isomorph.spec.units import Unit

Computed = Callable[[Layer], Layer]


def function(architecture: Architecture) -> Hashable:
    """Return the function of `architecture` at inference: networks that compute the same have equal functions.

    Raises BadInput for a network that cannot be planned.

    >>> from isomorph.spec import architecture
    >>> torchvision, timm, keras = map(architecture, ("torchvision/resnet50", "timm/resnet50", "keras/ResNet50"))
    >>> function(torchvision) == function(timm)
    True
    >>> function(torchvision) == function(keras)  # biases, and the stride in the first 1x1
    False
    """
    return _function(plan(architecture), _at_inference)


def training_function(architecture: Architecture) -> Hashable:
    """Return the function of training `architecture` from fresh weights: equal ones are also equal at inference.

    >>> from isomorph.spec import architecture
    >>> torchvision, timm = map(architecture, ("torchvision/resnet50", "timm/resnet50"))
    >>> training_function(torchvision) == training_function(timm)  # timm starts the last gammas at 0
    False
    """
    planned = plan(architecture)
    statistics = (planned.decay, planned.convention.running_variance) if _is_normalised(planned) else None
    return _function(planned, _in_training), statistics


def _function(planned: Plan, of_layer: Computed) -> Hashable:
    pools = _pools_behind_rectifiers(planned)

    def computed(layer: Layer) -> Layer:
        layer = of_layer(layer)
        return replace(layer, fill=0.0) if isinstance(layer, MaxPool) and layer.scope in pools else layer

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


def _pools_behind_rectifiers(planned: Plan) -> frozenset[str]:
    """Return the max pools that read no negative value, of which zeros around the map are no other maximum than -inf.

    Nor do they change a gradient: where all of a window is zero, what the pool passes back ends at the rectifier.
    """
    rectified: set[str] = set()
    pools: set[str] = set()
    for node in graph(planned):
        reads_rectified = rectified.issuperset(node.reads)
        if _is_rectified(node, reads_rectified):
            rectified.add(node.name)
        if isinstance(node.operation, MaxPool) and reads_rectified:
            pools.add(node.name)
    return frozenset(pools)


def _is_rectified(node: Node, reads_rectified: bool) -> bool:
    """Return whether no value that a node gives is negative, given whether none is that it reads."""
    match node.operation:
        case Convolution(activation=activation) | BatchNorm(activation=activation):
            return activation is not None
        case Join(activation=activation):
            return activation is not None or reads_rectified
        case Affine():
            return False
    return reads_rectified


def _in_training(layer: Layer, **others: Any) -> Layer:
    """Return the layer without the settings that have no effect on it, and with `others` instead of its own."""
    match layer:
        case Convolution():
            plain: dict[str, Any] = {
                "padding": _plainest(layer.padding, layer.kernel, layer.stride, layer.rate),
                "bias_initializer": layer.bias_initializer if layer.bias else ZEROS,
                "gamma": layer.gamma if layer.batch_norm else None,
            }
            return replace(layer, **(plain | others))
        case MaxPool():
            padding = _plainest(layer.padding, layer.kernel, layer.stride, 1)
            return replace(layer, padding=padding, fill=0.0 if padding == "valid" else layer.fill)
    return layer


def _at_inference(layer: Layer) -> Layer:
    """Return the layer without the settings that have no effect on it at inference."""
    match layer:
        case Convolution():
            return _in_training(
                layer,
                initializer=ZEROS,
                bias_initializer=ZEROS,
                gamma=1.0 if layer.batch_norm and layer.gamma is not None else None,
                dropout=layer.dropout if layer.dropout and layer.dropout.downscaled else None,
            )
        case BatchNorm():
            return replace(layer, gamma=None if layer.gamma is None else 1.0)
    return _in_training(layer)


@cache
def _plainest(rule: Rule, kernel: int, stride: int, rate: int) -> Rule:
    """Return the first rule that pads this window as `rule` does."""
    return next(plain for plain in get_args(Rule) if pad_alike(plain, rule, kernel, stride, rate))


def _is_normalised(planned: Plan) -> bool:
    return any(isinstance(layer, BatchNorm) or layer.batch_norm for layer in planned.parametrised)
