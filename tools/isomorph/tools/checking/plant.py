"""`--plant`: read fields of the convention that backends get wrong on purpose, and the oracle does not."""

import math
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from isomorph.spec import BadInput, Convention
from isomorph.spec.convention import as_float32
from isomorph.spec.errors import did_you_mean


def read_plant(pairs: Mapping[str, str]) -> dict[str, Any]:
    """Return fields of the convention with the values that their texts stand for.

    >>> from isomorph.tools.checking.plant import read_plant
    >>> read_plant({"bottleneck_stride": "conv1", "batch_norm_epsilon": "1e-3"})
    {'bottleneck_stride': 'conv1', 'batch_norm_epsilon': 0.001}

    Raises BadInput for an unknown field, one that is no single value, or a value that it cannot have.
    """
    return {name: _read(name, text) for name, text in pairs.items()}


def _read(name: str, text: str) -> Any:
    hints = {field: hint for field, hint in get_type_hints(Convention).items() if _choices(hint)}
    if name not in hints:
        hint = did_you_mean(name, hints, f"it has {', '.join(hints)}.")
        raise BadInput(f"--plant {name}={text}: the convention has no such field; {hint}")
    choices = _choices(hints[name])
    if choices == ("a number",):
        try:
            number = as_float32(float(text))
        except (ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise BadInput(f"--plant {name}={text}: expected a number that float32 can hold.")
        return float(text)
    if text not in map(str, choices):
        raise BadInput(f"--plant {name}={text}: expected {' or '.join(map(str, choices))}.")
    return next(choice for choice in choices if str(choice) == text)


def _choices(hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) is Literal:
        return get_args(hint)
    return {bool: (True, False), float: ("a number",)}.get(hint, ())
