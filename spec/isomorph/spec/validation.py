"""Check data from outside against the types and ranges that its dataclass declares, field by field."""

import math
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from isomorph.spec.errors import BadInput

LARGEST = 1 << 20
"""The largest integer of a field; no kernel, stride, depth or size in pixels comes near.

A larger pool would take all memory to pad."""

LARGEST_FLOAT = (2 - 2**-23) * 2.0**127
"""The largest float32, to which batch norm's numbers are rounded."""

# field -> whether a number is in its range, and the range in words
_RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "batch_norm_epsilon": (lambda value: value >= 0, "a number from 0 on"),
    "batch_norm_decay": (lambda value: 0 <= value <= 1, "a number from 0 to 1"),
    "dropout": (lambda value: 0 <= value < 1, "a number from 0 to below 1"),
    "scale": (lambda value: value >= 0, "a number from 0 on"),
    "central_fraction": (lambda value: 0 < value <= 1, "a number above 0 and up to 1"),
    "std": (lambda value: value > 0, "numbers above 0"),
}

_TOO_LARGE = f"a positive integer of at most {LARGEST:,}"

_WORDS = {int: "a positive integer", float: "a number", bool: "true or false", str: "text", type(None): "none"}


_types = cache(get_type_hints)  # evaluated once for each dataclass: it takes longer than all the checks


def check_fields(value: Any, of: str) -> None:
    """Raise BadInput unless every field of a dataclass, and of those in it, is of its type and in its range.

    of: whose fields they are, for the message.
    """
    for name, wrong_value, expected in _wrong("it", value, type(value)):
        raise BadInput(f"{name} of {of} is {wrong_value!r:.60}, expected {_in_words(expected)}.")


def mismatch(name: str, value: Any, hint: Any) -> tuple[Any, str] | None:
    """Return the part of a field's value that is wrong, and what was expected, in words; None if the value is right.

    name: the field's. hint: its type, as `typing.get_type_hints` returns it.

    >>> mismatch("kernel", (3, 0), tuple[int, ...])
    (0, 'a positive integer')
    """
    return next(((wrong, _in_words(expected)) for _, wrong, expected in _wrong(name, value, hint)), None)


def _wrong(name: str, value: Any, hint: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, value and expected type or range, in words, of every wrong value; all integers must be positive."""
    origin, choices = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and is_dataclass(hint) and isinstance(value, hint):
        hints = _types(hint)
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
            # The one that got furthest: a dataclass's own field rather than the dataclass, or one of the right type.
            inside = [fault[0] for fault in faults if fault[0][0] != name]
            none = " or none" if type(None) in choices else ""
            beyond = [(name, value, words + none) for [(_, _, words), *_] in faults if isinstance(words, str)]
            yield (inside or beyond or [(name, value, hint)])[0]
    elif hint is int and type(value) is int and value > LARGEST:
        yield name, value, _TOO_LARGE
    elif not _is(value, hint):
        yield name, value, hint
    elif hint is float:
        is_in_range, words = _RANGES.get(name, (lambda _: True, ""))
        if abs(value) > LARGEST_FLOAT:
            yield name, value, "a number that float32 can hold"
        elif not is_in_range(value):
            yield name, value, words


def _is(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if hint is int:
        return type(value) is int and 0 < value <= LARGEST
    if hint is float:
        return type(value) is int or (type(value) is float and math.isfinite(value))
    return isinstance(value, get_origin(hint) or hint)


def _in_words(hint: Any) -> str:
    if isinstance(hint, str):
        return hint
    choices = get_args(hint)
    if get_origin(hint) is tuple:
        return "a list" if Ellipsis in choices else f"a list of {len(choices)}"
    if choices:
        return " or ".join(map(_in_words, choices))
    return _WORDS.get(hint) or (hint.__name__ if isinstance(hint, type) else str(hint))
