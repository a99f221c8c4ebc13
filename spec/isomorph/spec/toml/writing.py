"""Write an architecture as TOML, with every field, in the form that `isomorph.spec.toml.document` reads."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from itertools import groupby
from typing import Any, Literal, get_args, get_origin, get_type_hints

from isomorph.spec.architecture import Architecture, Block, StemConvolution
from isomorph.spec.toml.document import SCALARS
from isomorph.spec.toml.tables import NONE, spelled
from isomorph.spec.units import kind_of


def to_toml(architecture: Architecture) -> str:
    """Return the text of a TOML file from which `read_toml` makes an equal architecture.

    A field that allows only a few values is followed by a comment with the others.

    >>> from isomorph.spec import architecture
    >>> from isomorph.spec.toml.document import read_toml
    >>> text = to_toml(architecture("cifar/resnet20"))
    >>> print(*text.splitlines()[:12], sep="\\n")
    name = "cifar/resnet20"
    in_channels = 3
    output_stride = "none"
    include_root_block = true
    <BLANKLINE>
    [[stem]]
    convolution = "conv1"
    depth = 16
    kernel = 3
    stride = 1
    linear = false
    <BLANKLINE>
    >>> next(line for line in text.splitlines() if line.startswith("bottleneck_stride"))
    'bottleneck_stride = "conv2"  # or "conv1"'
    >>> read_toml(text) == architecture("cifar/resnet20")
    True
    """
    lines = [_pair("name", architecture.name), *_pairs(architecture, SCALARS)]
    for layer in architecture.stem.layers:
        kind = "convolution" if isinstance(layer, StemConvolution) else "pool"
        lines += ["", "[[stem]]", _pair(kind, layer.scope), *_pairs(layer, _names(layer, but="scope"))]
    for block in architecture.blocks:
        lines += ["", "[[blocks]]", *_pairs(block, ("scope", "unit")), *_units(block)]
    for head in architecture.auxiliary:
        lines += ["", "[[auxiliary]]", *_pairs(head, _names(head))]
    if architecture.input_transform:
        lines += _table("input_transform", architecture.input_transform)
    lines += [*_table("head", architecture.head), *_table("convention", architecture.convention)]
    return "\n".join(lines) + "\n"


def _table(title: str, value: Any) -> Iterator[str]:
    """Yield the lines of a table of a dataclass's fields, then the tables of the dataclasses in it."""
    nested = [name for name in _names(value) if is_dataclass(getattr(value, name))]
    yield from ("", f"[{title}]", *_pairs(value, [name for name in _names(value) if name not in nested]))
    for name in nested:
        yield from _table(f"{title}.{name}", getattr(value, name))


def _names(value: Any, but: str = "") -> list[str]:
    return [field.name for field in fields(value) if field.name != but]


def _pairs(value: Any, names: list[str] | tuple[str, ...]) -> Iterator[str]:
    hints = get_type_hints(type(value))
    for name in names:
        field_value, hint = getattr(value, name), hints[name]
        others = [choice for choice in get_args(hint) if choice != field_value] if get_origin(hint) is Literal else []
        yield _pair(name, field_value) + (f"  # or {', '.join(map(spelled, others))}" if others else "")


def _pair(name: str, value: Any) -> str:
    return f"{name} = {spelled(NONE if value is None else value)}"


def _units(block: Block) -> Iterator[str]:
    names = ", ".join(kind_of(block.unit).fields)
    yield f"units = [  # [{names}]"
    for numbers, alike in groupby(block.args):
        times = len(list(alike))
        yield f"  {_run(times, spelled(numbers))},"
    yield "]"


def _run(times: int, numbers: str) -> str:
    return numbers if times == 1 else f"{{ times = {times}, numbers = {numbers} }}"
