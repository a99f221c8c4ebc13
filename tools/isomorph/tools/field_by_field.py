"""Field by field: what two architectures say differently of stem, head and convention, what it means, and to whom."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from itertools import zip_longest
from typing import Any, Literal

from isomorph.spec import Architecture, Convention, Initializer, Preprocessing, StemConvolution, StemPool
from isomorph.spec.padding import pads

Affected = Literal["inference", "training", "images", "names"]
"""What a field decides: the answer; how it is trained; how photographs are prepared for it; what tensors are called."""


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
        FieldDifference(name, one, other, _affected(first, name, other), _meaning(of, name, one, other))
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
        case tuple():
            return " ".join(f"{item:.6g}" for item in value)
        case _:
            return str(value)


_Row = tuple[str, type, Any, Any]
"""A field's name, the class that declares it, and what each of the two has."""


def _rows(first: Architecture, second: Architecture) -> Iterator[_Row]:
    for number, (one, other) in enumerate(zip_longest(first.stem.layers, second.stem.layers), start=1):
        if type(one) is type(other):
            yield from _fields(f"stem.{number}.", one, other)
        else:
            yield f"stem.{number}", type(one or other), one, other
    yield from _fields("", first.head, second.head)
    for name in ("output_stride", "include_root_block", "in_channels"):
        yield name, Architecture, getattr(first, name), getattr(second, name)
    for name, of, one, other in _fields("", first.convention, second.convention):
        if isinstance(one, Preprocessing):
            yield from _fields(f"{name}.", one, other)
        else:
            yield name, of, one, other


def _fields(prefix: str, one: Any, other: Any) -> Iterator[_Row]:
    for field in fields(one):
        yield prefix + field.name, type(one), getattr(one, field.name), getattr(other, field.name)


def _affected(first: Architecture, name: str, other: Any) -> Affected:
    """Decided by whether the function is another once this field alone is the other's."""
    option, _, rest = name.partition(".")
    if option == "preprocessing":
        return "images"
    if option == "stem":
        return "names" if rest.endswith(".scope") else "inference"
    return "inference" if first.with_options(**{option: other}).function() != first.function() else "training"


def _meaning(of: type, name: str, one: Any, other: Any) -> str:
    """A padding rule is explained by what the two rules are, anything else by what its field is."""
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
