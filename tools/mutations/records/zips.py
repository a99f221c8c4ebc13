"""Zip archives as lists of entries, each with a header of its own and one in the table, which may be made to differ.

What is changed inside a member gets the checksum that fits; sizes and places fit unless they are what was changed.
"""

import random
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from mutations.records.layout import edited, rearrange

Change = Callable[[random.Random, bytes, bytes], bytes]

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_DEFLATED = 8
# Where the fields stand in each header, and their bytes.
_LOCAL_FIELDS = ((4, 2), (6, 2), (8, 2), (10, 2), (12, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2))
_CENTRAL_FIELDS = ((4, 2), (6, 2), (8, 2), (10, 2), (12, 2), (14, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2),
                   (32, 2), (34, 2), (36, 2), (38, 4), (42, 4))  # fmt: skip
_END_FIELDS = ((4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2))
_IN_BOTH = {4: 6, 6: 8, 8: 10, 14: 16, 18: 20, 22: 24, 26: 28}  # a field of the local header -> the table's


@dataclass(frozen=True)
class Entry:
    """One member: its bytes, and its two headers as they were, of which names, sizes and checksums are made anew.

    packed: the bytes as they are stored. behind: what stands between them and the next member.
    """

    name: bytes
    packed: bytes
    size: int
    crc32: int
    local: bytes
    local_extra: bytes
    central: bytes
    central_extra: bytes
    behind: bytes


def mutated_zip(chance: random.Random, content: bytes, other: bytes, members: Mapping[str, Change]) -> bytes:
    """`content` with a changed member, other members, or other headers.

    members: how a member is changed, by what its name ends in; others are changed in their length or their digits.
    """
    entries, others = entries_of(content), entries_of(other)
    sound = {entry.packed for entry in entries}
    edits = 0
    for _ in range(chance.choice((1, 1, 1, 2))):
        match chance.random():
            case share if share < 0.5:
                entries = _with_changed_member(chance, entries, others, members, sound)
            case share if share < 0.7:
                entries = _rearranged(chance, entries, others)
            case _:
                edits += 1
    archive = archive_of(entries)
    out, places = bytearray(archive), _places(archive, len(entries))
    for _ in range(edits):
        _edit_a_header(chance, out, places)
    return bytes(out)


def entries_of(content: bytes) -> list[Entry]:
    """The members of a sound archive without a 64-bit end, in the order of its table."""
    _, _, _, _, count, _, at, _ = _END.unpack(content[-_END.size :])
    end = at
    heads = []
    for _ in range(count):
        head = content[at : at + _CENTRAL.size]
        fields = _CENTRAL.unpack(head)
        name, extra, comment = fields[10:13]
        start = at + _CENTRAL.size
        heads.append((head, fields, content[start : start + name], content[start + name : start + name + extra]))
        at = start + name + extra + comment
    starts = sorted(fields[16] for _, fields, _, _ in heads)
    following = dict(zip(starts, [*starts[1:], end], strict=True))
    entries = []
    for head, fields, name, extra in heads:
        start = fields[16]
        local = content[start : start + _LOCAL.size]
        name_length, extra_length = _LOCAL.unpack(local)[9:11]
        data = start + _LOCAL.size + name_length + extra_length
        packed, size = fields[8], fields[9]
        local_extra = content[data - extra_length : data]
        behind = content[data + packed : following[start]]
        entries.append(
            Entry(name, content[data : data + packed], size, fields[7], local, local_extra, head, extra, behind)
        )
    return entries


def archive_of(entries: list[Entry]) -> bytes:
    """The archive of these members, in order."""
    out, table = b"", b""
    for entry in entries:
        local, central = list(_LOCAL.unpack(entry.local)), list(_CENTRAL.unpack(entry.central))
        local[6:11] = [entry.crc32, len(entry.packed), entry.size, len(entry.name), len(entry.local_extra)]
        if entry.behind:  # which repeats checksum and sizes
            local[6:9] = [0, 0, 0]
        central[7:13] = [*(entry.crc32, len(entry.packed), entry.size), len(entry.name), len(entry.central_extra), 0]
        central[16] = len(out)
        table += _CENTRAL.pack(*central) + entry.name + entry.central_extra
        out += _LOCAL.pack(*local) + entry.name + entry.local_extra + entry.packed + entry.behind
    return out + table + _END.pack(b"PK\5\6", 0, 0, len(entries), len(entries), len(table), len(out), 0)


def holding(entry: Entry, data: bytes, name: bytes | None = None) -> Entry:
    """The entry with other bytes, stored as they are."""
    crc32 = zlib.crc32(data)
    behind = b"PK\7\x08" + struct.pack("<3L", crc32, len(data), len(data)) if entry.behind else b""
    return replace(entry, packed=data, size=len(data), crc32=crc32, behind=behind, name=name or entry.name)


def _with_changed_member(
    chance: random.Random, entries: list[Entry], others: list[Entry], members: Mapping[str, Change], sound: set[bytes]
) -> list[Entry]:
    """One member changed as its name has it; in its length alone where an earlier change was made to it."""
    known = [place for place, entry in enumerate(entries) if _change_of(entry, members)]
    place = chance.choice(known) if known and chance.random() < 0.7 else chance.randrange(len(entries))
    entry = entries[place]
    change = (_change_of(entry, members) if entry.packed in sound else None) or _resized
    ending = entry.name.rpartition(b"/")[2]
    twin = next((one for one in others if one.name.rpartition(b"/")[2] == ending), entry)
    try:
        data = change(chance, entry.packed, twin.packed)
    except ValueError:  # it holds what an earlier change took from another member
        data = _resized(chance, entry.packed, twin.packed)
    return [*entries[:place], holding(entry, data), *entries[place + 1 :]]


def _change_of(entry: Entry, members: Mapping[str, Change]) -> Change | None:
    return next((change for ending, change in members.items() if entry.name.decode().endswith(ending)), None)


def _resized(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Another length, or another text."""
    choices = (
        data[:-1],
        data[:-4],
        data + b"\0",
        data + bytes(4),
        data * 2,
        b"",
        other,
        b"big",
        b"little",
        b"1",
        b"64",
    )
    return chance.choice(choices)


def _rearranged(chance: random.Random, entries: list[Entry], others: list[Entry]) -> list[Entry]:
    one, other = chance.randrange(len(entries)), chance.randrange(len(entries))
    out = list(entries)
    match chance.randrange(7):
        case 0 | 1 | 2 as how:
            rearrange(out, how, one, other)
        case 3:
            out[one] = holding(out[one], out[other].packed)
        case 4:
            name = chance.choice((out[other].name, out[one].name.upper(), out[one].name + b"x", b"x/" + out[one].name))
            out[one] = replace(out[one], name=name)
        case 5:
            out.append(chance.choice(others))
        case _:
            out[one] = _deflated(out[one])
    return out or entries


def _deflated(entry: Entry) -> Entry:
    stream = zlib.compressobj(wbits=-15)
    packed = stream.compress(entry.packed) + stream.flush()
    local, central = bytearray(entry.local), bytearray(entry.central)
    local[8:10] = central[10:12] = struct.pack("<H", _DEFLATED)
    return replace(entry, packed=packed, local=bytes(local), central=bytes(central), behind=b"")


def _places(content: bytes, count: int) -> dict[int, int]:
    """Where the table has its entries -> where the headers of those members are."""
    at, places = int.from_bytes(content[-6:-2], "little"), {}
    for _ in range(count):
        places[at] = int.from_bytes(content[at + 42 : at + 46], "little")
        at += _CENTRAL.size + sum(struct.unpack_from("<3H", content, at + 28))
    return places


def _edit_a_header(chance: random.Random, out: bytearray, places: Mapping[int, int]) -> None:
    """A field of a local header, of an entry of the table or of both, or of the end."""
    end = len(out) - _END.size
    central, local = chance.choice(list(places.items()))
    match chance.randrange(5):
        case 0:
            _edit(chance, out, end, [end], _END_FIELDS)
        case 1:
            _edit(chance, out, local, [local], _LOCAL_FIELDS)
        case 2 | 3:
            _edit(chance, out, central, list(places), _CENTRAL_FIELDS)
        case _:
            field, width = chance.choice([one for one in _LOCAL_FIELDS if one[0] in _IN_BOTH])
            _edit(chance, out, local, [local], ((field, width),))
            at = central + _IN_BOTH[field]
            out[at : at + width] = out[local + field : local + field + width]


def _edit(
    chance: random.Random, out: bytearray, start: int, others: list[int], fields: tuple[tuple[int, int], ...]
) -> None:
    field, width = chance.choice(fields)
    values = [int.from_bytes(out[at + field : at + field + width], "little") for at in others]
    value = edited(chance, int.from_bytes(out[start + field : start + field + width], "little"), width, values)
    out[start + field : start + field + width] = value.to_bytes(width, "little")
