"""JSON as a tree of entries: the header of safetensors, the configuration of Keras's archive, transformers' files."""

import json
import random
from typing import Any

from mutations.records.layout import edited, rearrange

_TEXTS = ("", "x", "F32", "F16", "BF16", "I32", "U8", "BOOL", "F64", "F8_E4M3", "__metadata__", "dtype", "shape",
          "data_offsets", "Conv2D", "Dense", "BatchNormalization", "name", "weight", "..", "a/b")  # fmt: skip


class Pairs(list[tuple[str, Any]]):
    """An object of JSON, as pairs, of which a name may come twice."""


def mutated_safetensors(chance: random.Random, content: bytes, _: bytes) -> bytes:
    """A safetensors file with another header, whose length fits, or with fewer or more bytes behind it."""
    length = int.from_bytes(content[:8], "little")
    header, data = content[8 : 8 + length], content[8 + length :]
    if chance.random() < 0.95:
        header = mutated_json(chance, header, b"")
    if chance.random() < 0.1:
        data = chance.choice((data[:-1], data[:-4], data + b"\0", data + bytes(8), data[4:], b""))
    declared = edited(chance, len(header), 8) if chance.random() < 0.03 else len(header)
    return declared.to_bytes(8, "little") + header + data


def mutated_json(chance: random.Random, content: bytes, _: bytes) -> bytes:
    """A document of JSON after one to three changes: values, names, and which entries there are."""
    tree = json.loads(content, object_pairs_hook=Pairs)
    for _round in range(chance.choice((1, 1, 1, 2, 3))):
        _change(chance, tree)
    text = written(tree).encode("utf-8", "surrogatepass")
    if chance.random() < 0.1:
        text += b" " * chance.randrange(1, 9)
    return text


def written(value: Any) -> str:
    """The JSON of a tree."""
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{json.dumps(name)}:{written(item)}" for name, item in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def _change(chance: random.Random, tree: Any) -> None:
    containers = _containers(tree)
    container = chance.choice(containers)
    values = [leaf for one in containers for leaf in _leaves(one)] or [0]
    if not container:
        container.append(("x", 1) if isinstance(container, Pairs) else 0)
        return
    one, other = chance.randrange(len(container)), chance.randrange(len(container))
    match chance.randrange(9):
        case 0 | 1 | 2 as how:
            rearrange(container, how, one, other)
        case 3 if isinstance(container, Pairs):
            container[one] = (chance.choice((container[other][0], *_TEXTS)), container[one][1])
        case 4 if isinstance(container, Pairs):
            container[one] = (container[one][0], container[other][1])
        case 5 if isinstance(container, Pairs):
            container.append((container[one][0], chance.choice(values)))
        case _:
            _set(container, one, _another(chance, _get(container, one), values))


def _containers(value: Any) -> list[Any]:
    items = [item for _, item in value] if isinstance(value, Pairs) else value if isinstance(value, list) else []
    below = [one for item in items for one in _containers(item)]
    return [value, *below] if isinstance(value, list) else below


def _leaves(container: Any) -> list[Any]:
    items = [item for _, item in container] if isinstance(container, Pairs) else container
    return [item for item in items if not isinstance(item, list)]


def _get(container: Any, place: int) -> Any:
    return container[place][1] if isinstance(container, Pairs) else container[place]


def _set(container: Any, place: int, value: Any) -> None:
    container[place] = (container[place][0], value) if isinstance(container, Pairs) else value


def _another(chance: random.Random, value: Any, values: list[Any]) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, list):
        return chance.choice((True, False, None, 0, 1, "", Pairs(), [], *values[:8]))
    if isinstance(value, int):
        numbers = [one for one in values if type(one) is int] or [0]
        number = edited(chance, value % (1 << 64), chance.choice((1, 8)), [one % (1 << 64) for one in numbers])
        return chance.choice((number, number, number, number, -value, float(value), str(value), None))
    if isinstance(value, float):
        return chance.choice((0, 1.5, -value, 1e400, None))
    texts = [one for one in values if isinstance(one, str)] or [""]
    return chance.choice((*_TEXTS, chance.choice(texts), value + "x", value[:-1], value.upper()))
