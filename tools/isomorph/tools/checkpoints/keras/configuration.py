"""The configuration of a Keras model: what it says of each layer. It is JSON, and a Lambda's code in it stays text.

`.keras` has it as config.json, legacy `.h5` as the attribute model_config. The order of the layers is that in which the
weights number the layers of each class (keras/src/saving/saving_lib.py, `_save_container_state`).
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from isomorph.tools.checkpoints.keras.names import group_name

DEEPEST = 16
"""Models inside models."""


class Layer(NamedTuple):
    """The entry of a layer in a configuration."""

    name: str
    kind: str
    config: Mapping[str, object]
    class_name: str


def layers_in(config: object, path: str = "", deepest: int = DEEPEST) -> Iterator[tuple[str, Layer]]:
    """Yield the group of every layer in the weights, and its configuration; nothing where none is listed."""
    match config:
        case {"config": {"layers": list(entries)}} if deepest:
            pass
        case _:
            return
    used: dict[str, int] = {}
    for entry in entries:
        match entry:
            case {"class_name": str(class_name), "config": {"name": str(name)} as options}:
                kind = group_name(class_name)
            case _:
                continue
        number = used[kind] = used.get(kind, -1) + 1
        group = f"{path}/layers/{kind}" + (f"_{number}" if number else "")
        yield group, Layer(name, kind, options, class_name)
        yield from layers_in(entry, group, deepest - 1)


def options_by_name(layers: Mapping[str, Layer]) -> dict[str, Mapping[str, object]]:
    """Return layer's name -> its options, with its class under "class_name"; the outermost of nested models counts."""
    options: dict[str, Mapping[str, object]] = {}
    for layer in layers.values():
        options.setdefault(layer.name, {**layer.config, "class_name": layer.class_name})
    return options
