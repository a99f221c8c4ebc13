"""Compare the fields of two architectures' stems, heads and conventions: what differs, and what that affects."""

import inspect
import re
from collections.abc import Collection, Iterator
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
from isomorph.spec.preprocessing import OF_CROPS
from isomorph.spec.units import kind_of

Affected = Literal["inference", "training", "images", "names", "nothing"]
"""What a field decides: the answer; how the network is trained; how photographs are prepared; what tensors are called;
nothing, as neither network has a layer that depends on it."""


@dataclass(frozen=True)
class FieldDifference:
    """A field on which two architectures disagree.

    name: `bottleneck_stride`, `num_classes`; `stem.2.kernel` of the stem's second layer, `preprocessing.mean`.
    first, second: the value in each; None where it has no such layer.
    affects: what the field decides.
    meaning: the specification's words on the field; empty where it has none.
    """

    name: str
    first: Any
    second: Any
    affects: Affected
    meaning: str


def compare_fields(first: Architecture, second: Architecture) -> tuple[tuple[FieldDifference, ...], int]:
    """Return the fields that differ, in the order of their declaration, and how many do not."""
    pairs = list(_field_pairs(first, second))
    differing = tuple(
        FieldDifference(
            name, one, other, _affected(first, second, name, one, other), _meaning(declared_by, name, one, other)
        )
        for name, declared_by, one, other in pairs
        if one != other
    )
    return differing, len(pairs) - len(differing)


def compact(value: Any) -> str:
    """Return a field's value in a few characters, for people.

    >>> from isomorph.tools.designs.field_by_field import compact
    >>> [compact(value) for value in (True, None, (0.485, 0.456, 0.406))]
    ['yes', 'none', '0.485 0.456 0.406']
    """
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case Initializer():
            drawn = "" if value.scale == 0 or value.distribution == "zeros" else f" {value.scale:.4g}/{value.fan}"
            return f"{value.distribution}{drawn}"
        case StemConvolution() | StemPool():
            kind = "convolution" if isinstance(value, StemConvolution) else "max pool"
            return f"{value.kernel}x{value.kernel} {kind}, stride {value.stride}"
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
    """Return which unit of its blocks has their stride; None where no block of several units strides.

    The result is "first unit", "last unit", or the names of the units where blocks differ.
    """
    places: dict[str, str] = {}
    for block in network.blocks:
        strides = [kind_of(block.unit).stride(args) for args in block.args]
        for number, stride in enumerate(strides, start=1):
            if stride > 1 and len(strides) > 1:
                place = {1: "first unit", len(strides): "last unit"}.get(number, f"unit {number}")
                places[f"{block.scope}/unit_{number}"] = place
    return ", ".join(places if len(set(places.values())) > 1 else set(places.values())) or None


_FieldPair = tuple[str, type, Any, Any]
"""A field's name, the class that declares it, and its value in each of the two architectures."""


def _field_pairs(first: Architecture, second: Architecture) -> Iterator[_FieldPair]:
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
    for name, declared_by, one, other in _fields("", first.convention, second.convention):
        if isinstance(one, Preprocessing):
            yield from _fields(f"{name}.", one, other, OF_CROPS if "stretch" in (one.fit, other.fit) else ())
        else:
            yield name, declared_by, one, other


def _fields(prefix: str, one: Any, other: Any, unused: Collection[str] = ()) -> Iterator[_FieldPair]:
    for field in fields(one):
        if field.name not in unused:
            yield prefix + field.name, type(one), getattr(one, field.name), getattr(other, field.name)


def _affected(first: Architecture, second: Architecture, name: str, one: Any, other: Any) -> Affected:
    """Return what a field decides: whether either network changes when only this field becomes the other's."""
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
    """Return the network with another value of a field, by `_field_pairs`' name; None leaves a layer or head out."""
    option, *nested = name.split(".")
    if not nested:
        return network.with_options(**{option: value})
    index, field = int(nested[0]) - 1, nested[1] if nested[1:] else None
    parts: tuple[Any, ...] = network.stem.layers if option == "stem" else network.auxiliary
    changed = replace(parts[index], **{field: value}) if field else value
    parts = (*parts[:index], *([] if changed is None else [changed]), *parts[index + 1 :])
    return replace(network, stem=Stem(parts)) if option == "stem" else replace(network, auxiliary=parts)


def _meaning(declared_by: type, name: str, one: Any, other: Any) -> str:
    """Explain a padding by the two rules, any other field by its class's docstring."""
    if name == STRIDED_UNIT:
        return "the unit of a block that carries its stride: the maps of all units between its first and last differ"
    if declared_by is Convention and name.endswith("_padding"):
        return "\n".join(f"{rule}: {_entries(pads).get(rule, '')}" for rule in (one, other))
    return _entries(declared_by).get(name.rpartition(".")[2], "")


@cache
def _entries(documented: Any) -> dict[str, str]:
    """Return what a docstring says of each name.

    An entry begins a line with `name: ` or `name, name: `, or follows another's on a semicolon, and goes on in indented
    lines. Empty where Python was told to drop docstrings.
    """
    text = re.sub(r"; (\w+): ", r".\n\1: ", inspect.getdoc(documented) or "")
    entries = re.findall(r"^((?:\w+, )*\w+): (.*(?:\n +.*)*)", text, re.MULTILINE)
    return {name: " ".join(words.split()) for names, words in entries for name in names.split(", ")}
