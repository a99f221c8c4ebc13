"""A plan as one graph: every layer, sum and mean with the results that it reads, under canonical names, in order."""

from collections.abc import Iterator
from dataclasses import dataclass

from isomorph.spec.layers import INPUT, Activation, Layer, name_of
from isomorph.spec.plan import Plan
from isomorph.spec.units import Unit


@dataclass(frozen=True)
class Join:
    """The sum of several results, or all of their channels, and the activation behind it."""

    concatenated: bool
    activation: Activation


@dataclass(frozen=True)
class Mean:
    """The mean over space, [N, h, w, C] -> [N, 1, 1, C]."""


@dataclass(frozen=True)
class Node:
    """One operation.

    name: of its result, which is an end point but for subsampled identities.
    reads: the names of the results that it takes, or INPUT for the images.
    """

    name: str
    reads: tuple[str, ...]
    operation: Layer | Join | Mean


def graph(plan: Plan) -> Iterator[Node]:
    """Yield the nodes of a network up to its logits, and those of its auxiliary heads, each after all that it reads.

    >>> from isomorph.spec import architecture, plan
    >>> for node in list(graph(plan(architecture("cifar/resnet20"))))[:4]:
    ...     print(node.name, "<-", *node.reads)
    conv1 <- input
    block1/unit_1/basic_v1/conv1 <- conv1
    block1/unit_1/basic_v1/conv2 <- block1/unit_1/basic_v1/conv1
    block1/unit_1/basic_v1 <- conv1 block1/unit_1/basic_v1/conv2
    """
    units = {unit.scope: unit for unit in plan.all_units}
    for part, read in plan.reads.items():
        if part == "stem":
            for layer in plan.stem:
                yield Node(layer.scope, (layer.source,), layer)
        elif part == "head":
            yield from _head(plan, read)
        else:
            yield from _unit(units[part], read)


def _unit(unit: Unit, read: str) -> Iterator[Node]:
    """Yield the layers of a unit and, unless one layer is the whole unit, their join."""
    results = {INPUT: read} | {name_of(layer): layer.scope for layer in unit.layers}
    for layer in unit.layers:
        yield Node(layer.scope, (results[layer.source],), layer)
    wiring = unit.wiring
    if unit.layers[-1].scope != unit.scope:
        reads = tuple(results[name] for name in wiring.joined)
        yield Node(unit.scope, reads, Join(wiring.concatenated, wiring.activation))


def _head(plan: Plan, read: str) -> Iterator[Node]:
    if plan.global_pool:
        yield Node("global_pool", (read,), Mean())
        read = "global_pool"
    if plan.logits:
        yield Node("logits", (read,), plan.logits)
