"""An architecture as plain JSON-like data and back: how it crosses to another process, and into a file's metadata."""

from dataclasses import MISSING, asdict, fields, is_dataclass
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from isomorph.spec.architecture import Architecture


def to_document(architecture: Architecture) -> dict[str, Any]:
    """Dictionaries, lists, numbers and strings that say all of `architecture`."""
    return asdict(architecture)


def from_document(document: dict[str, Any]) -> Architecture:
    """The architecture that `to_document` wrote. A document from elsewhere is the caller's to check."""
    made: Architecture = _made(Architecture, document)
    return made


def _made(hint: Any, value: Any) -> Any:
    """`value` as what a field of type `hint` holds."""
    if get_origin(hint) is UnionType:
        hint = next((choice for choice in get_args(hint) if _fits(choice, value)), None)
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return hint(**{name: _made(hints.get(name), inner) for name, inner in value.items()})  # type: ignore[operator]
    if get_origin(hint) is tuple:
        return tuple(_made(get_args(hint)[0], item) for item in value)
    return value


def _fits(hint: Any, value: Any) -> bool:
    """Whether a value is a document of the type `hint`, one of a field's several."""
    if is_dataclass(hint):
        names = {field.name for field in fields(hint)}
        required = {field.name for field in fields(hint) if field.default is MISSING}
        return isinstance(value, dict) and required <= value.keys() <= names
    return get_origin(hint) is tuple and isinstance(value, list | tuple)
