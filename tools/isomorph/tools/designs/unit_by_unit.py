"""Unit by unit: which part of one network stands beside which of another, and in what the two are not alike."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from isomorph.spec import EndPoint, Inference, Plan, plan
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
from isomorph.spec.plan import StemLayer
from isomorph.spec.units import Unit
from isomorph.tools.tables import by

Where = Literal["stem", "unit", "head", "auxiliary"]
Window = Convolution | MaxPool | AveragePool
Value = str | int | None


@dataclass(frozen=True)
class Difference:
    """One property that two parts do not share: `output`, `strides`, `kernels`, `macs`."""

    what: str
    first: Value
    second: Value


@dataclass(frozen=True)
class Pair:
    """Two parts side by side: layers of the stem, units, the classifier, or auxiliary heads.

    first, second: their scopes; None where only the other network has such a part.
    differences: empty if they are alike, or if there is only one.
    """

    where: Where
    first: str | None
    second: str | None
    differences: tuple[Difference, ...] = ()

    @property
    def only(self) -> str | None:
        """Which network has the part, "first" or "second", if not both."""
        if self.first is None or self.second is None:
            return "first" if self.second is None else "second"
        return None


def pair_up(first: Inference, second: Inference) -> tuple[Pair, ...]:
    """All parts: stem by position, blocks by scope, their units by position, then the classifier and auxiliary heads.

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
    """A block's scope -> its units."""
    rows = {row.name: row for row in inference.end_points}
    return {block.scope: [_unit(unit, rows[unit.scope]) for unit in block.units] for block in planned.blocks}


def _heads(planned: Plan, inference: Inference) -> list[_Part]:
    rows = {row.name: row for row in inference.end_points}
    return [_unit(head, rows[head.scope]) for _, head in planned.auxiliary]


def _layers(layers: Sequence[StemLayer | None], inference: Inference) -> list[_Part]:
    """Those layers that there are."""
    rows = {row.name: row for row in inference.end_points}
    return [_layer(layer, rows[layer.scope]) for layer in layers if layer]


def _unit(unit: Unit, end_point: EndPoint) -> _Part:
    row = [layer for layer in unit.layers if name_of(layer) != "shortcut"]
    special: dict[str, Value] = {"kind": unit.kind, "shortcut": _shortcut(unit)}
    return _Part(unit.scope, special | _properties(row, unit.layers, end_point))


def _layer(layer: StemLayer, end_point: EndPoint) -> _Part:
    kinds: dict[type, Value] = {Convolution: "convolution", MaxPool: "max_pool", Affine: "input_transform"}
    kind = {"kind": kinds[type(layer)]}
    return _Part(layer.scope, kind | _properties([layer], [layer], end_point))


def _properties(row: Sequence[Layer], layers: Sequence[Layer], end_point: EndPoint) -> dict[str, Value]:
    """What is compared of a part; `row` are its `layers` but for the shortcut."""
    windows = [layer for layer in row if isinstance(layer, Window)]
    wide = [layer for layer in windows if layer.kernel > 1]
    convolutions = [layer for layer in layers if isinstance(layer, Convolution)]
    grid = end_point.grid
    return {
        "output": by(grid.height, grid.width, end_point.depth),
        "strides": _strides(windows),
        "rate": _listed(dict.fromkeys(layer.rate for layer in wide if isinstance(layer, Convolution))),
        "kernels": _listed(f"{layer.kernel}x{layer.kernel}" for layer in windows),
        "depths": _listed(layer.depth for layer in windows),
        "groups": _listed(dict.fromkeys(layer.groups for layer in row if isinstance(layer, Convolution))),
        "padding": _listed(dict.fromkeys("valid" if isinstance(x, AveragePool) else x.padding for x in wide)),
        "bias": _which(convolutions, [layer for layer in convolutions if layer.bias]),
        "batch_norm": _which(convolutions, [layer for layer in convolutions if layer.batch_norm]),
        "activation": _listed(
            dict.fromkeys(layer.activation for layer in layers if isinstance(layer, Parametrised) and layer.activation)
        ),
        "parameters": end_point.trainable,
        "macs": end_point.macs,
    }


def _strides(windows: Sequence[Window]) -> str:
    """`2 in conv2`; the layer's name says nothing where there is no other."""
    if len(windows) == 1:
        return str(windows[0].stride)
    return _listed(f"{layer.stride} in {name_of(layer)}" for layer in windows if layer.stride > 1)


def _which(all_of_them: Sequence[Convolution], those: Sequence[Convolution]) -> str:
    return "all" if those and len(those) == len(all_of_them) else _listed(map(name_of, those))


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
