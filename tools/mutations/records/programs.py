"""TensorFlow Lite's programs as tables that point to each other: their places, counts and numbers are changed."""

import functools
import random

from mutations.records.layout import Layout, changed

_SCALARS = {
    "model": {0: 4},
    "code": {0: 1, 2: 4, 3: 4},
    "tensor": {1: 1, 2: 4},
    "operator": {0: 4},
    "buffer": {1: 8, 2: 8},
}
"""Kind of a table -> number of a field -> its bytes."""

_VECTORS = {"tensor": {0: 4, 3: 1}, "operator": {1: 4, 2: 4}, "buffer": {0: 1}}
"""Kind of a table -> number of a field that is a vector of numbers or text -> bytes of an element."""

_TABLES = {
    "model": {1: "code", 2: "subgraph", 4: "buffer"},
    "subgraph": {0: "tensor", 3: "operator"},
}
"""Kind of a table -> number of a field that is a vector of tables -> their kind."""

_LONGEST = 64  # elements of a vector that are noted one by one


def mutated_program(chance: random.Random, content: bytes, _: bytes) -> bytes:
    """The program with fields changed in place, or tables and values exchanged."""
    return changed(chance, content, _layout(content))


@functools.cache
def _layout(content: bytes) -> Layout:
    layout = Layout()
    _walk(content, layout, layout.number(content, 0, 4, "place of the model"), "model")
    return layout


def _walk(content: bytes, layout: Layout, table: int, kind: str) -> None:
    """Note the fields of a table, and of those that it points to."""
    back = layout.number(content, table, 4, f"list of a {kind}")
    listed = table - (back - (back >> 31 << 32))
    size = layout.number(content, listed, 2, f"size of a {kind}'s list")
    layout.number(content, listed + 2, 2, f"size of a {kind}")
    for number in range((size - 4) // 2):
        offset = layout.number(content, listed + 4 + 2 * number, 2, f"place of a {kind}'s {number}")
        if not offset:
            continue
        place = table + offset
        if number in _SCALARS.get(kind, {}):
            layout.number(content, place, _SCALARS[kind][number], f"{kind}'s {number}")
        elif number in _VECTORS.get(kind, {}):
            _vector(content, layout, place, _VECTORS[kind][number], f"{kind}'s {number}")
        elif number in _TABLES.get(kind, {}):
            inner = _TABLES[kind][number]
            start, count = _counted(content, layout, place, f"{kind}'s {number}")
            for at in range(start, start + 4 * count, 4):
                layout.record(at, 4, f"place of a {inner}")
                _walk(content, layout, at + layout.number(content, at, 4, f"place of a {inner}"), inner)


def _vector(content: bytes, layout: Layout, place: int, width: int, kind: str) -> None:
    start, count = _counted(content, layout, place, kind)
    layout.record(start, count * width, kind)
    for at in range(start, start + width * min(count, _LONGEST), width):
        layout.number(content, at, width, kind)


def _counted(content: bytes, layout: Layout, place: int, kind: str) -> tuple[int, int]:
    """Where the elements of a vector start, and how many there are."""
    start = place + layout.number(content, place, 4, f"place of {kind}")
    return start + 4, layout.number(content, start, 4, f"count of {kind}")
