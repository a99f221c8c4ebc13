"""An architecture as plain JSON-like data and back, to send it to another process or store it in a file's metadata."""

from dataclasses import MISSING, asdict, fields, is_dataclass
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from isomorph.spec.architecture import Architecture


def to_document(architecture: Architecture) -> dict[str, Any]:
    """Return the whole of `architecture` as dictionaries, tuples, numbers and strings.

    >>> from isomorph.spec import architecture
    >>> to_document(architecture("cifar/resnet20"))["head"]
    {'num_classes': 10, 'global_pool': True, 'dropout': 0.0}
    """
    return asdict(architecture)


def from_document(document: dict[str, Any]) -> Architecture:
    """Return the architecture that `to_document` wrote. The caller checks documents from elsewhere.

    >>> import json
    >>> from isomorph.spec import architecture
    >>> resnet20 = architecture("cifar/resnet20")
    >>> from_document(json.loads(json.dumps(to_document(resnet20)))) == resnet20
    True
    """
    network: Architecture = _from_json(Architecture, document)
    return network


def _from_json(hint: Any, value: Any) -> Any:
    """Convert `value` to the type `hint` of a field."""
    if get_origin(hint) is UnionType:
        hint = next((choice for choice in get_args(hint) if _fits(choice, value)), None)
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return hint(**{name: _from_json(hints.get(name), inner) for name, inner in value.items()})  # type: ignore[operator]
    if get_origin(hint) is tuple:
        return tuple(_from_json(get_args(hint)[0], item) for item in value)
    return value


def _fits(hint: Any, value: Any) -> bool:
    """Return whether `value` is a document of the type `hint`, one choice of a field's union."""
    if is_dataclass(hint):
        names = {field.name for field in fields(hint)}
        required = {field.name for field in fields(hint) if field.default is MISSING}
        return isinstance(value, dict) and required <= value.keys() <= names
    return get_origin(hint) is tuple and isinstance(value, list | tuple)
