"""Pair the parts of two networks, unit by unit, and list the properties in which they differ."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from isomorph.spec import EndPoint, Inference, Plan, plan
from isomorph.spec.ends import StemLayer
from isomorph.spec.layers import (
    INPUT,
    Affine,
    AveragePool,
    Convolution,
    Layer,
    MaxPool,
    Parametrised,
    Subsample,
    ZeroChannels,
    name_of,
)
from isomorph.spec.units import Unit
from isomorph.tools.tables import by

Where = Literal["stem", "unit", "head", "auxiliary"]
Window = Convolution | MaxPool | AveragePool
Value = str | int | None


@dataclass(frozen=True)
class Difference:
    """A property in which two parts differ: `output`, `strides`, `kernels`, `macs`."""

    what: str
    first: Value
    second: Value


@dataclass(frozen=True)
class Pair:
    """Two parts side by side: layers of the stem, units, the classifier, or auxiliary heads.

    first, second: their scopes; None where only the other network has such a part.
    differences: empty if both are alike, or if there is only one.
    """

    where: Where
    first: str | None
    second: str | None
    differences: tuple[Difference, ...] = ()

    @property
    def only(self) -> str | None:
        """The network that has the part, "first" or "second"; None if both have it."""
        if self.first is None or self.second is None:
            return "first" if self.second is None else "second"
        return None


def pair_up(first: Inference, second: Inference) -> tuple[Pair, ...]:
    """Pair all parts: the stem by position, blocks by scope, their units by position, the classifier, auxiliary heads.

    A block that only the second network has comes behind the first network's.
    """
    planned, other = plan(first.architecture), plan(second.architecture)
    ones, others = _units(planned, first), _units(other, second)
    return (
        *_pairs("stem", _layers(planned.stem, first), _layers(other.stem, second)),
        *(
            pair
            for block in dict.fromkeys((*ones, *others))
            for pair in _pairs("unit", ones.get(block, []), others.get(block, []))
        ),
        *_pairs("head", _layers([planned.logits], first), _layers([other.logits], second)),
        *_pairs("auxiliary", _heads(planned, first), _heads(other, second)),
    )


@dataclass(frozen=True)
class _Part:
    scope: str
    properties: dict[str, Value]


def _pairs(where: Where, ones: Sequence[_Part], others: Sequence[_Part]) -> Iterator[Pair]:
    for one, other in zip_longest(ones, others):
        if one and other:
            yield Pair(where, one.scope, other.scope, tuple(_differences(one.properties, other.properties)))
        else:
            yield Pair(where, one.scope if one else None, other.scope if other else None)


def _differences(one: dict[str, Value], other: dict[str, Value]) -> Iterator[Difference]:
    for what in dict.fromkeys((*one, *other)):
        if one.get(what) != other.get(what):
            yield Difference(what, one.get(what), other.get(what))


def _units(planned: Plan, inference: Inference) -> dict[str, list[_Part]]:
    """Return a block's scope -> its units."""
    rows = {row.name: row for row in inference.end_points}
    return {block.scope: [_unit(unit, rows[unit.scope]) for unit in block.units] for block in planned.blocks}


def _heads(planned: Plan, inference: Inference) -> list[_Part]:
    rows = {row.name: row for row in inference.end_points}
    return [_unit(head, rows[head.scope]) for _, head in planned.auxiliary]


def _layers(layers: Sequence[StemLayer | None], inference: Inference) -> list[_Part]:
    """Return the parts for all layers that are not None."""
    rows = {row.name: row for row in inference.end_points}
    return [_layer(layer, rows[layer.scope]) for layer in layers if layer]


def _unit(unit: Unit, end_point: EndPoint) -> _Part:
    residual = [layer for layer in unit.layers if name_of(layer) != "shortcut"]
    special: dict[str, Value] = {"kind": unit.kind, "shortcut": _shortcut(unit)}
    return _Part(unit.scope, special | _properties(residual, unit.layers, end_point))


def _layer(layer: StemLayer, end_point: EndPoint) -> _Part:
    kinds: dict[type, Value] = {Convolution: "convolution", MaxPool: "max_pool", Affine: "input_transform"}
    kind = {"kind": kinds[type(layer)]}
    return _Part(layer.scope, kind | _properties([layer], [layer], end_point))


def _properties(residual: Sequence[Layer], layers: Sequence[Layer], end_point: EndPoint) -> dict[str, Value]:
    """Return the compared properties of a part; `residual` are its `layers` without the shortcut."""
    windows = [layer for layer in residual if isinstance(layer, Window)]
    wide = [layer for layer in windows if layer.kernel > 1]
    convolutions = [layer for layer in layers if isinstance(layer, Convolution)]
    grid = end_point.grid
    return {
        "output": by(grid.height, grid.width, end_point.depth),
        "strides": _strides(windows),
        "rate": _listed(dict.fromkeys(layer.rate for layer in wide if isinstance(layer, Convolution))),
        "kernels": _listed(f"{layer.kernel}x{layer.kernel}" for layer in windows),
        "depths": _listed(layer.depth for layer in windows),
        "groups": _listed(dict.fromkeys(layer.groups for layer in residual if isinstance(layer, Convolution))),
        "padding": _listed(dict.fromkeys("valid" if isinstance(x, AveragePool) else x.padding for x in wide)),
        "bias": _names([layer for layer in convolutions if layer.bias], convolutions),
        "batch_norm": _names([layer for layer in convolutions if layer.batch_norm], convolutions),
        "activation": _listed(
            dict.fromkeys(layer.activation for layer in layers if isinstance(layer, Parametrised) and layer.activation)
        ),
        "parameters": end_point.trainable,
        "macs": end_point.macs,
    }


def _strides(windows: Sequence[Window]) -> str:
    """Describe strides as `2 in conv2`; of a single layer as a number."""
    if len(windows) == 1:
        return str(windows[0].stride)
    return _listed(f"{layer.stride} in {name_of(layer)}" for layer in windows if layer.stride > 1)


def _names(some: Sequence[Convolution], all_layers: Sequence[Convolution]) -> str:
    """Return the names of some of the layers, or "all"."""
    return "all" if some and len(some) == len(all_layers) else _listed(map(name_of, some))


def _listed(values: Iterable[object]) -> str:
    return " ".join(map(str, values)) or "none"


def _shortcut(unit: Unit) -> str:
    match unit.shortcut:
        case Convolution():
            return "projection"
        case Subsample():
            return "subsampled"
        case ZeroChannels():
            return "zero channels"
        case _:
            return "identity" if len(unit.wiring.joined) > 1 and INPUT in unit.wiring.joined else "none"
