"""The architecture that a file's metadata describes: read as the hostile input that it may be."""

import json
import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from isomorph.spec import Architecture, BadInput, plan
from isomorph.spec.document import from_document

LARGEST = 1 << 20
"""No kernel, stride, depth or size in pixels comes near; a pool of more would take all memory to pad."""


_WORDS = {int: "a positive integer", float: "a number", bool: "true or false", str: "text"}


def read_architecture(text: str) -> Architecture:
    """The architecture that `text`, the JSON of `isomorph.spec.document.to_document`, describes.

    Raises BadInput unless it describes one, every field of which is of its type and in its range.
    """
    try:
        found = from_document(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadInput(f"its text is not the JSON of an architecture ({type(error).__name__}: {error}).") from None
    if wrong := next(_wrong("", found, Architecture), None):
        raise BadInput(f"its {wrong}.")
    plan(found)
    return found


def _wrong(name: str, value: Any, hint: Any) -> Iterator[str]:
    """What is not of the type that `hint` asks for, field by field; every integer of an architecture is positive."""
    origin, choices = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if all(any(_wrong(name, value, choice)) for choice in choices):
            yield f"{name} is {value!r:.60}, which it cannot be"
    elif is_dataclass(hint):
        hints = get_type_hints(hint)
        if not isinstance(value, hint):  # type: ignore[arg-type]  # mypy takes it for an instance
            yield f"{name} is {value!r:.60}, which it cannot be"
        else:
            for field in fields(hint):
                yield from _wrong(field.name, getattr(value, field.name), hints[field.name])
    elif origin is tuple:
        if not isinstance(value, tuple):
            yield f"{name} is {value!r:.60}, expected a list"
        else:
            for item in value:
                yield from _wrong(name, item, choices[0])
    elif not _is(value, hint):
        yield f"{name} is {value!r:.60}, expected {_WORDS.get(hint) or ' or '.join(map(str, choices))}"


def _is(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if hint is int:
        return type(value) is int and 0 < value <= LARGEST
    if hint is float:
        return type(value) in (int, float) and math.isfinite(value)
    return isinstance(value, hint)
