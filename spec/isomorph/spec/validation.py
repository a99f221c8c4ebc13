"""Whether data that came from outside has the types that its dataclass declares, field by field."""

import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from isomorph.spec.errors import BadInput

LARGEST = 1 << 20
"""No kernel, stride, depth or size in pixels comes near; a pool of more would take all memory to pad."""

_WORDS = {int: "a positive integer", float: "a number", bool: "true or false", str: "text", type(None): "none"}


def check_fields(value: Any, of: str) -> None:
    """Raise BadInput unless every field of a dataclass, and of those in it, is of its type and in its range.

    of: whose fields they are, for the sentence.
    """
    for name, found, hint in _wrong("it", value, type(value)):
        raise BadInput(f"{name} of {of} is {found!r:.60}, expected {_expected(hint)}.")


def _wrong(name: str, value: Any, hint: Any) -> Iterator[tuple[str, Any, Any]]:
    """Names and values that are not of the type asked for, and that type; every integer here is positive."""
    origin, choices = get_origin(hint), get_args(hint)
    if is_dataclass(hint) and isinstance(value, hint):  # type: ignore[arg-type]  # mypy takes it for an instance
        hints = get_type_hints(hint)
        for field in fields(hint):
            yield from _wrong(field.name, getattr(value, field.name), hints[field.name])
    elif origin is tuple and isinstance(value, tuple):
        if Ellipsis not in choices and len(value) != len(choices):
            yield name, value, hint
        for item in value:
            yield from _wrong(name, item, choices[0])
    elif origin in (Union, UnionType):
        faults = [list(_wrong(name, value, choice)) for choice in choices]
        if all(faults):
            # The one that got furthest: a dataclass's own field rather than the dataclass.
            inside = [fault[0] for fault in faults if fault[0][0] != name]
            yield inside[0] if inside else (name, value, hint)
    elif not _is(value, hint):
        yield name, value, hint


def _is(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if hint is int:
        return type(value) is int and 0 < value <= LARGEST
    if hint is float:
        return type(value) in (int, float) and math.isfinite(value)
    return isinstance(value, get_origin(hint) or hint)


def _expected(hint: Any) -> str:
    choices = get_args(hint)
    if get_origin(hint) is tuple:
        return "a list" if Ellipsis in choices else f"a list of {len(choices)}"
    if choices:
        return " or ".join(map(_expected, choices))
    return _WORDS.get(hint) or (hint.__name__ if isinstance(hint, type) else str(hint))
