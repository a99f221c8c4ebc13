"""Field by field: what two architectures say differently of stem, head and convention, what it means, and to whom."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import zip_longest
from typing import Any, Literal

from isomorph.spec import (
    Architecture,
    BadInput,
    Block,
    Convention,
    Initializer,
    Preprocessing,
    Stem,
    StemConvolution,
    StemPool,
    function,
)
from isomorph.spec.architecture import AuxiliaryHead, InputTransform
from isomorph.spec.function import training_function
from isomorph.spec.padding import pads
from isomorph.spec.units import kind_of

Affected = Literal["inference", "training", "images", "names", "nothing"]
"""What a field decides: the answer; how it is trained; how photographs are prepared for it; what tensors are called;
nothing, as neither network has a layer that depends on it."""


@dataclass(frozen=True)
class FieldDifference:
    """A field on which two architectures disagree.

    name: `bottleneck_stride`, `num_classes`; `stem.2.kernel` of the stem's second layer, `preprocessing.mean`.
    first, second: what each has; None where it has no such layer.
    affects: what the field decides.
    meaning: in the words of the specification, empty where the name says all.
    """

    name: str
    first: Any
    second: Any
    affects: Affected
    meaning: str


def compare_fields(first: Architecture, second: Architecture) -> tuple[tuple[FieldDifference, ...], int]:
    """The fields that differ, in the order in which they are declared, and the number of those that do not."""
    rows = list(_rows(first, second))
    differing = tuple(
        FieldDifference(name, one, other, _affected(first, second, name, one, other), _meaning(of, name, one, other))
        for name, of, one, other in rows
        if one != other
    )
    return differing, len(rows) - len(differing)


def compact(value: Any) -> str:
    """A field's value as people read it, in a few characters."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case Initializer():
            drawn = "" if value.scale == 0 or value.distribution == "zeros" else f" {value.scale:.4g}/{value.fan}"
            return f"{value.distribution}{drawn}"
        case StemConvolution() | StemPool():
            what = "convolution" if isinstance(value, StemConvolution) else "max pool"
            return f"{value.kernel}x{value.kernel} {what}, stride {value.stride}"
        case AuxiliaryHead():
            return f"on unit {value.unit} of {value.block}"
        case InputTransform():
            return f"times {compact(value.scale)}, plus {compact(value.shift)}"
        case tuple():
            return " ".join(f"{item:.6g}" for item in value)
        case _:
            return str(value)


STRIDED_UNIT = "strided_unit"


def strided_unit(network: Architecture) -> str | None:
    """Which unit of its blocks carries their stride; None where no block of several units strides.

    "first unit", "last unit", or the units themselves where blocks differ.
    """
    places: dict[str, str] = {}
    for block in network.blocks:
        strides = [kind_of(block.unit).stride(args) for args in block.args]
        for number, stride in enumerate(strides, start=1):
            if stride > 1 and len(strides) > 1:
                place = {1: "first unit", len(strides): "last unit"}.get(number, f"unit {number}")
                places[f"{block.scope}/unit_{number}"] = place
    return ", ".join(places if len(set(places.values())) > 1 else set(places.values())) or None


_Row = tuple[str, type, Any, Any]
"""A field's name, the class that declares it, and what each of the two has."""


def _rows(first: Architecture, second: Architecture) -> Iterator[_Row]:
    for number, (one, other) in enumerate(zip_longest(first.stem.layers, second.stem.layers), start=1):
        if type(one) is type(other):
            yield from _fields(f"stem.{number}.", one, other)
        else:
            yield f"stem.{number}", type(one or other), one, other
    for number, (head, another) in enumerate(zip_longest(first.auxiliary, second.auxiliary)):
        if head and another:
            yield from _fields(f"auxiliary.{number + 1}.", head, another)
        else:
            yield f"auxiliary.{number + 1}", AuxiliaryHead, head, another
    yield STRIDED_UNIT, Block, strided_unit(first), strided_unit(second)
    yield from _fields("", first.head, second.head)
    for name in ("input_transform", "output_stride", "include_root_block", "in_channels"):
        yield name, Architecture, getattr(first, name), getattr(second, name)
    for name, of, one, other in _fields("", first.convention, second.convention):
        if isinstance(one, Preprocessing):
            yield from _fields(f"{name}.", one, other)
        else:
            yield name, of, one, other


def _fields(prefix: str, one: Any, other: Any) -> Iterator[_Row]:
    for field in fields(one):
        yield prefix + field.name, type(one), getattr(one, field.name), getattr(other, field.name)


def _affected(first: Architecture, second: Architecture, name: str, one: Any, other: Any) -> Affected:
    """Decided by whether either network computes something else once this field alone is the other's."""
    if name.startswith("preprocessing."):
        return "images"
    if name == STRIDED_UNIT:
        return "inference"
    if name.endswith(".scope"):
        return "names"
    try:
        pairs = [(first, _with(first, name, other)), (second, _with(second, name, one))]
        if any(function(network) != function(changed) for network, changed in pairs):
            return "inference"
        trained = any(training_function(network) != training_function(changed) for network, changed in pairs)
    except BadInput:
        return "inference"  # this field alone cannot be the other's
    return "training" if trained else "nothing"


def _with(network: Architecture, name: str, value: Any) -> Architecture:
    """The network with this field another, as `_rows` calls it; a layer or a head that is None is left out."""
    option, *nested = name.split(".")
    if not nested:
        return network.with_options(**{option: value})
    index, field = int(nested[0]) - 1, nested[1] if nested[1:] else None
    rows: tuple[Any, ...] = network.stem.layers if option == "stem" else network.auxiliary
    changed = replace(rows[index], **{field: value}) if field else value
    rows = (*rows[:index], *([] if changed is None else [changed]), *rows[index + 1 :])
    return replace(network, stem=Stem(rows)) if option == "stem" else replace(network, auxiliary=rows)


def _meaning(of: type, name: str, one: Any, other: Any) -> str:
    """A padding rule is explained by what the two rules are, anything else by what its field is."""
    if name == STRIDED_UNIT:
        return "the unit of a block that carries its stride: the maps of all units between its first and last differ"
    if of is Convention and name.endswith("_padding"):
        return "\n".join(f"{rule}: {_entries(pads).get(rule, '')}" for rule in (one, other))
    return _entries(of).get(name.rpartition(".")[2], "")


@cache
def _entries(documented: Any) -> dict[str, str]:
    """What a docstring says of each name.

    An entry begins a line with `name: ` or `name, name: `, or follows another's on a semicolon, and goes on in indented
    lines. Empty where Python was told to drop docstrings.
    """
    text = re.sub(r"; (\w+): ", r".\n\1: ", inspect.getdoc(documented) or "")
    found = re.findall(r"^((?:\w+, )*\w+): (.*(?:\n +.*)*)", text, re.MULTILINE)
    return {name: " ".join(said.split()) for names, said in found for name in names.split(", ")}
