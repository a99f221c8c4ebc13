"""Records in a file that point to each other by place: where their fields stand, and how those are changed in place."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

_BYTE_VALUES = (0, 1, 2, 3, 4, 8)


class Field(NamedTuple):
    """A little-endian number: where it stands, its bytes, and what it is, as others of its kind are."""

    start: int
    width: int
    kind: str


class Record(NamedTuple):
    """Bytes that could stand in the place of others of its kind and size."""

    start: int
    size: int
    kind: str


@dataclass
class Layout:
    """The fields and records of one file.

    checked: from where to where there are bytes of which a checksum follows.
    """

    fields: list[Field] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    checked: list[tuple[int, int]] = field(default_factory=list)

    def number(self, content: bytes, start: int, width: int, kind: str) -> int:
        """The number at byte `start`, noted as a field."""
        self.fields.append(Field(start, width, kind))
        return int.from_bytes(content[start : start + width], "little")

    def record(self, start: int, size: int, kind: str) -> None:
        """Note a record."""
        self.records.append(Record(start, size, kind))


def edited(chance: random.Random, value: int, width: int, others: Sequence[int] = ()) -> int:
    """Another number in the place of `value`: at an edge of what `width` bytes hold, close by, or that of another."""
    most = (1 << 8 * width) - 1
    close = (
        value - 1,
        value + 1,
        2 * value,
        value // 2,
        value - 8,
        value + 8,
        value ^ 1 << chance.randrange(8 * width),
    )
    edges = (*_BYTE_VALUES, most, most >> 1, (most >> 1) + 1, most - 1)
    sources: list[Sequence[int]] = [close, close, edges]
    if others:
        sources += [others, others]
    return chance.choice(chance.choice(sources)) & most


def rearrange(items: list[Any], how: int, one: int, other: int) -> None:
    """Take an item away (0), have it a second time in front of another (1), or exchange the two (2)."""
    match how:
        case 0:
            del items[one]
        case 1:
            items.insert(other, items[one])
        case _:
            items[one], items[other] = items[other], items[one]


def changed(chance: random.Random, content: bytes, layout: Layout) -> bytes:
    """`content` after one to three changes of fields or records."""
    out = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 1, 2, 3))):
        if chance.random() < 0.75:
            _edit_a_field(chance, out, layout)
        else:
            _move_a_record(chance, out, layout)
    return bytes(out)


def _edit_a_field(chance: random.Random, out: bytearray, layout: Layout) -> None:
    """Fields of every kind are equally likely, however many there are of one."""
    kinds = _by_kind(layout.fields)
    fields = kinds[chance.choice(sorted(kinds))]
    target = chance.choice(fields)
    others = [int.from_bytes(out[one.start : one.start + one.width], "little") for one in fields]
    where = slice(target.start, target.start + target.width)
    value = edited(chance, int.from_bytes(out[where], "little"), target.width, others)
    out[where] = value.to_bytes(target.width, "little")


def _move_a_record(chance: random.Random, out: bytearray, layout: Layout) -> None:
    """Two records exchanged, one copied over another, or one emptied."""
    kinds = _by_kind(layout.records)
    one, other = (chance.choice(kinds[kind]) for kind in [chance.choice(sorted(kinds))] * 2)
    first, second = slice(one.start, one.start + one.size), slice(other.start, other.start + other.size)
    held = bytes(out[first])
    match chance.randrange(5):
        case 0:
            out[first] = bytes(one.size)
        case 1 | 2 if one.size == other.size:
            out[first] = out[second]
        case _ if one.size == other.size:
            out[first], out[second] = out[second], held


Item = TypeVar("Item", Field, Record)


def _by_kind(items: Sequence[Item]) -> dict[str, list[Item]]:
    kinds: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        kinds[item.kind].append(item)
    return kinds
