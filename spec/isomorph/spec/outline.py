"""An architecture's layers without their scopes and rates: all that tells it by the shapes of its tensors.

Units that are alike are resolved once for all architectures, so that an outline takes a small part of a plan's time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from isomorph.spec.architecture import Architecture
from isomorph.spec.atrous import Sampling
from isomorph.spec.convention import Convention
from isomorph.spec.ends import classifier, stem_layers
from isomorph.spec.layers import Parametrised
from isomorph.spec.plan import plan
from isomorph.spec.site import Site
from isomorph.spec.tensors import tensors_of
from isomorph.spec.units import Unit, kind_of


@dataclass(frozen=True, eq=False)
class Part:
    """The layers with tensors of a stem, a unit or a classifier, in order; parts that are alike may be one object.

    depth: channels of its result.
    """

    layers: tuple[Parametrised, ...]
    depth: int

    @cached_property
    def tensors(self) -> int:
        """The number of its tensors."""
        return sum(len(tensors_of(layer)) for layer in self.layers)


@dataclass(frozen=True)
class Outline:
    """The parts of a network, in the order of `Plan.parametrised`; the classifier stands apart, None without one."""

    parts: tuple[Part, ...]
    classifier: Part | None

    @property
    def tensors(self) -> int:
        """The number of its tensors without those of its classifier."""
        return sum(part.tensors for part in self.parts)


def outline(architecture: Architecture) -> Outline:
    """Return the outline of `architecture`, which has to be one that `plan` takes.

    >>> from isomorph.spec import architecture
    >>> outline(architecture("cifar/resnet20")).tensors
    95
    """
    if architecture.auxiliary:
        return _of_plan(architecture)
    stem = stem_layers(architecture)
    depth = stem[-1].depth if stem else architecture.in_channels
    parts = [Part(tuple(layer for layer in stem if isinstance(layer, Parametrised)), depth)]
    parts += _units(architecture, depth)
    logits = classifier(architecture, parts[-1].depth)
    return Outline(tuple(parts), Part((logits,), logits.depth) if logits else None)


def _units(architecture: Architecture, depth: int) -> Iterator[Part]:
    convention, dropout = architecture.convention, architecture.head.dropout
    resolved: dict[tuple[str, tuple[int, ...], int], Part] = {}
    for block in architecture.blocks:
        for args in block.args:
            key = block.unit, args, depth
            if key not in resolved:
                resolved[key] = _unit(*key, convention, dropout)
            yield resolved[key]
            depth = resolved[key].depth


@cache
def _unit(kind: str, args: tuple[int, ...], depth: int, convention: Convention, dropout: float) -> Part:
    stride = kind_of(kind).stride(args)
    sampling = Sampling(stride, 1, 1)
    unit = Unit(
        "", kind, depth, stride, sampling, kind_of(kind).build(Site("", depth, sampling, convention, dropout), *args)
    )
    return Part(unit.parametrised, unit.depth)


def _of_plan(architecture: Architecture) -> Outline:
    planned = plan(architecture)
    layers = tuple(layer for layer in planned.parametrised if layer is not planned.logits)
    logits = planned.logits
    return Outline((Part(layers, planned.depth),), Part((logits,), logits.depth) if logits else None)
