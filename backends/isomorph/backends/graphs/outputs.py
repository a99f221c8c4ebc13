"""Name the tensors that a model returns, alone or in whatever holds them."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any


def outputs_of(result: Any, kind: type, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield all values of a `kind` in a model's result with their names: keys, fields and numbers, joined by points.

    >>> list(outputs_of({"logits": 1.0, "features": [2.0, (3.0,)]}, float))
    [('logits', 1.0), ('features.0', 2.0), ('features.1.0', 3.0)]
    >>> list(outputs_of(1.0, float))
    [('', 1.0)]
    """
    if isinstance(result, kind):
        yield name, result
        return
    for key, value in _parts(result):
        yield from outputs_of(value, kind, f"{name}.{key}" if name else str(key))


def _parts(result: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(result, Mapping):
        yield from result.items()
    elif isinstance(result, tuple) and hasattr(result, "_fields"):
        yield from zip(result._fields, result, strict=True)
    elif isinstance(result, list | tuple):
        yield from enumerate(result)
    elif is_dataclass(result):
        yield from ((each.name, getattr(result, each.name)) for each in fields(result))
