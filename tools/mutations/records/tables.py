"""TensorFlow's tables as entries of messages, which say where a tensor is or hold it; all checksums are made to fit."""

import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

from isomorph.tools.checkpoints.protobuf import fields, varint, varint_of
from isomorph.tools.checkpoints.tensorflow.crc32c import masked_crc32c
from isomorph.tools.checkpoints.tensorflow.leveldb_writing import block, closed, footer, handle
from mutations.records.layout import edited, rearrange

Files = Mapping[str, bytes]
_FOOTER, _MAGIC = 48, 8
_OFFSET, _SIZE, _CHECKSUM, _SHAPE, _SHARD = 4, 5, 6, 2, 3


class One(NamedTuple):
    """One field of a message, and how it is written: 0 as a varint, 2 with its length, 5 in four bytes."""

    number: int
    value: int | bytes
    wire: int


def mutated_bundle(chance: random.Random, files: Files, others: Files) -> dict[str, bytes]:
    """A checkpoint with a changed index, or a shard with others' bytes or of another length.

    The files are by what their names end in, the index first; a file of the first format is alone. The checksum of a
    tensor that was moved is that of the bytes where it now is.
    """
    index, *shards = files
    out = dict(files)
    entries, twins = entries_of(files[index]), entries_of(others[next(iter(others))])
    for _ in range(chance.choice((1, 1, 1, 2))):
        entries = chance.choice(_ON_ENTRIES)(chance, entries, twins)
    if chance.random() < 0.1 and shards:
        shard = chance.choice(shards)
        data = out[shard]
        out[shard] = chance.choice((data[:-1], data[:-4], data + bytes(4), data[::-1], out[chance.choice(shards)]))
    if chance.random() < 0.9:
        entries = [(key, _with_checksum(value, [out[shard] for shard in shards])) for key, value in entries]
    out[index] = table_of(chance, entries)
    return out


def entries_of(content: bytes) -> list[tuple[bytes, bytes]]:
    """The keys and values of a sound table."""
    at, numbers = len(content) - _FOOTER, []
    for _ in range(4):
        number, at = varint(content, at)
        numbers.append(number)
    entries = []
    for _, place in _in_block(content[numbers[2] : numbers[2] + numbers[3]]):
        start, following = varint(place, 0)
        size, _ = varint(place, following)
        entries += _in_block(content[start : start + size])
    return entries


def _in_block(content: bytes) -> list[tuple[bytes, bytes]]:
    end = len(content) - 4 * (int.from_bytes(content[-4:], "little") + 1)
    entries, at, key = [], 0, b""
    while at < end:
        shared, at = varint(content, at)
        own, at = varint(content, at)
        size, at = varint(content, at)
        key = key[:shared] + content[at : at + own]
        entries.append((key, content[at + own : at + own + size]))
        at += own + size
    return entries


def table_of(chance: random.Random, entries: list[tuple[bytes, bytes]]) -> bytes:
    """The table of these entries, in one or two blocks; now and then with restarts, places or a footer that do not fit.

    Entries out of order stay so.
    """
    cut = chance.randrange(1, len(entries)) if len(entries) > 1 and chance.random() < 0.3 else len(entries)
    odd = chance.random()
    out, places = b"", []
    for part in (entries[:cut], entries[cut:]):
        if part:
            content = block(part, every=chance.choice((1, 2, 16)))
            content = _renumbered(chance, content) if odd < 0.06 else content
            separator = chance.choice((part[-1][0], part[-1][0] + b"x", part[0][0])) if odd > 0.9 else part[-1][0]
            place = handle(len(out), content)
            if 0.06 < odd < 0.12:
                start, size = edited(chance, len(out), 2), edited(chance, len(content), 2)
                place = chance.choice(
                    (varint_of(start) + varint_of(len(content)), varint_of(len(out)) + varint_of(size))
                )
            places.append((separator, place))
            out += closed(content, chance.choice((1, 2, 255)) if 0.12 < odd < 0.14 else 0)
    if 0.14 < odd < 0.2:
        places = chance.choice((places[::-1], places * 2, places[:1]))
    handles = b""
    for content in (block([]), block(places, every=1)):
        handles += handle(len(out), content)
        out += closed(content)
    end = footer(handles)
    if 0.2 < odd < 0.24:
        at = chance.randrange(_FOOTER - _MAGIC)
        end = end[:at] + bytes([chance.randrange(256)]) + end[at + 1 :]
    return out + end


def _renumbered(chance: random.Random, content: bytes) -> bytes:
    """A block with another restart, or another number of them."""
    count = int.from_bytes(content[-4:], "little")
    at = len(content) - 4 * chance.randrange(1, count + 2)
    value = edited(chance, int.from_bytes(content[at : at + 4], "little"), 4)
    return content[:at] + value.to_bytes(4, "little") + content[at + 4 :]


def parsed(message: bytes) -> list[One]:
    """The fields of a message."""
    wires = {int: 0, bytes: 2}
    return [One(number, value, 5 if number == _CHECKSUM else wires[type(value)]) for number, value in fields(message)]


def message_of(ones: list[One]) -> bytes:
    """The message of these fields."""
    out = b""
    for number, value, wire in ones:
        out += varint_of(number << 3 | wire)
        if isinstance(value, bytes):
            out += varint_of(len(value)) + value
        elif wire == 5:
            out += (value % (1 << 32)).to_bytes(4, "little")
        elif wire == 1:
            out += (value % (1 << 64)).to_bytes(8, "little")
        else:
            out += varint_of(value)
    return out


def _with_checksum(message: bytes, shards: list[bytes]) -> bytes:
    """The message with the checksum of the bytes that it points to, where those are there."""
    try:
        ones = parsed(message)
    except ValueError:
        return message
    numbers = {one.number: one.value for one in ones if isinstance(one.value, int)}
    shard, start, size = numbers.get(_SHARD, 0), numbers.get(_OFFSET, 0), numbers.get(_SIZE, 0)
    if _CHECKSUM not in numbers or shard >= len(shards) or start + size > len(shards[shard]):
        return message
    held = shards[shard][start : start + size]
    return message_of([one._replace(value=masked_crc32c(held)) if one.number == _CHECKSUM else one for one in ones])


Entries = list[tuple[bytes, bytes]]


def _edit_message(chance: random.Random, entries: Entries, others: Entries) -> Entries:
    place = chance.randrange(len(entries))
    key, message = entries[place]
    peers = [parsed(value) for _, value in (*entries, *others)]
    out = list(entries)
    out[place] = (key, message_of(_edited(chance, parsed(message), [one for peer in peers for one in peer])))
    return out


def _edited(chance: random.Random, ones: list[One], peers: list[One]) -> list[One]:
    out = list(ones) or [One(1, 1, 0)]
    place, other = chance.randrange(len(out)), chance.randrange(len(out))
    one = out[place]
    match chance.randrange(8):
        case 0 | 1 | 2 as how:
            rearrange(out, how, place, other)
        case 3:
            out.append(chance.choice(peers))
        case 4:
            out[place] = one._replace(number=edited(chance, one.number, 1) % 16 or 1)
        case _ if isinstance(one.value, int):
            values = [peer.value for peer in peers if peer.number == one.number and isinstance(peer.value, int)]
            out[place] = one._replace(value=edited(chance, one.value, chance.choice((1, 4, 8)), values))
        case _:
            assert isinstance(one.value, bytes)
            out[place] = one._replace(value=_edited_inside(chance, one.value, peers))
    return out


def _edited_inside(chance: random.Random, value: bytes, peers: list[One]) -> bytes:
    """A shape or a version, which are messages of messages."""
    try:
        inner = parsed(value)
    except ValueError:
        return value[:-1]
    if inner and chance.random() < 0.5 and isinstance(inner[0].value, bytes):
        place = chance.randrange(len(inner))
        held = inner[place].value
        if isinstance(held, bytes):
            inner[place] = inner[place]._replace(value=_edited_inside(chance, held, peers))
            return message_of(inner)
    return message_of(_edited(chance, inner, inner or peers))


def _rearrange(chance: random.Random, entries: Entries, others: Entries) -> Entries:
    out = list(entries)
    one, other = chance.randrange(len(out)), chance.randrange(len(out))
    match chance.randrange(7):
        case (0 | 1 | 2) as how if how or len(out) > 1:
            rearrange(out, how, one, other)
        case 3:
            out[one], out[other] = (out[one][0], out[other][1]), (out[other][0], out[one][1])
        case 4:
            key = out[one][0]
            keys = (out[other][0], key + b"x", key[:-1], b"", key + b"\0", b"..", key.upper(), b"\xff" + key)
            out[one] = (chance.choice(keys), out[one][1])
        case 5:
            out = sorted([*out, chance.choice(others)])
        case _:
            out = sorted((key + chance.choice((b"", b"x")), value) for key, value in out)
    return out


_ON_ENTRIES: tuple[Callable[[random.Random, Entries, Entries], Entries], ...] = (
    *(_edit_message, _edit_message, _edit_message),
    _rearrange,
)
