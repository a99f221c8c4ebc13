"""PyTorch's older files as lists of pickles, numbers and raw bytes: the stream, and the members of the tar archive."""

import io
import pickletools
import random
import tarfile
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mutations.records.layout import edited
from mutations.records.pickles import mutated_pickle

_BLOCK = 512
_ITEMS = (1, 2, 4, 8, 16)  # bytes that an element may have
_HEAD = 5  # pickles before a stream's storages
_HEADER_FIELDS = ((0, 100), (100, 8), (108, 8), (116, 8), (124, 12), (136, 12), (156, 1), (157, 100), (257, 6))


class Part(NamedTuple):
    """A pickle, a number of `width` bytes in front of raw ones, or raw bytes alone."""

    content: bytes
    pickled: bool
    width: int = 0


def mutated_stream(chance: random.Random, content: bytes, other: bytes) -> bytes:
    """A stream with changed pickles or storages."""
    return b"".join(_changed(chance, _of_stream(content), _of_stream(other)))


def mutated_tar(chance: random.Random, content: bytes, other: bytes) -> bytes:
    """A tar archive of which a member was changed, or a field of a header, with checksums that fit."""
    members, others = _members(content), _members(other)
    name = chance.choice(("pickle", "storages", "tensors", "tensors", "storages", "sys_info"))
    if chance.random() < 0.85:
        parts, twins = (list(_of_member(name, held[name])) for held in (members, others))
        members[name] = b"".join(_changed(chance, parts, twins))
    names = list(members)
    match chance.randrange(12):
        case 0:
            del members[chance.choice(names)]
        case 1:
            members |= {name: others[name]}
        case 2:
            members = {name: members[name] for name in chance.sample(names, len(names))}
    out = bytearray(_archive(members, chance.choice([*names, ""]) if chance.random() < 0.1 else ""))
    if chance.random() < 0.15:
        starts = [at for at in range(0, len(out), _BLOCK) if out[at + 257 : at + 262] == b"ustar"]
        _edit_header(chance, out, chance.choice(starts), chance.choice(starts))
    return bytes(out)


def _of_stream(content: bytes) -> list[Part]:
    parts, at = [], 0
    for _ in range(_HEAD):
        parts.append(_pickle(content, at))
        at += len(parts[-1].content)
    return [*parts, *_storages(content[at:])]


def _pickle(content: bytes, at: int) -> Part:
    for opcode, _, place in pickletools.genops(content[at:]):
        if opcode.name == "STOP" and place is not None:
            return Part(content[at : at + place + 1], pickled=True)
    raise ValueError("a pickle has no end")


def _storages(content: bytes) -> list[Part]:
    """Storages as a count of elements and their bytes; the elements' sizes are those with which all of them end."""
    if not content:
        return []
    count = int.from_bytes(content[:8], "little")
    for item in _ITEMS:
        end = 8 + count * item
        if end <= len(content):
            try:
                return [Part(content[:end], pickled=False, width=8), *_storages(content[end:])]
            except ValueError:
                continue
    raise ValueError("the storages do not end where the file does")


def _of_member(name: str, content: bytes) -> Iterator[Part]:
    at = 0
    while at < len(content):
        part = _pickle(content, at)
        yield part
        at += len(part.content)
        if name == "storages" and 0 < at < len(content) - 8 and b"Storage" in part.content:
            item = 8 if b"LongStorage" in part.content or b"DoubleStorage" in part.content else 4
            end = at + 8 + item * int.from_bytes(content[at : at + 8], "little")
            yield Part(content[at:end], pickled=False, width=8)
            at = end
        elif name == "tensors" and b"Tensor" in part.content:
            end = at + 8 + 8 * (2 * int.from_bytes(content[at : at + 4], "little") + 1)
            yield Part(content[at : at + 8], pickled=False, width=4)
            for place in range(at + 8, end, 8):
                yield Part(content[place : place + 8], pickled=False, width=8)
            at = end


def _changed(chance: random.Random, parts: Sequence[Part], others: Sequence[Part]) -> list[bytes]:
    """The parts' bytes, after one or two changes."""
    out = list(parts)
    for _ in range(chance.choice((1, 1, 1, 2))):
        place = chance.randrange(len(out))
        largest = max(range(len(out)), key=lambda at: len(out[at].content) if out[at].pickled else 0)
        place = largest if chance.random() < 0.4 else place
        match chance.randrange(10):
            case 0:
                out.insert(chance.randrange(len(out) + 1), out[place])
            case 1 if len(out) > 1:
                del out[place]
            case 2:
                other = chance.randrange(len(out))
                out[place], out[other] = out[other], out[place]
            case 3:
                out[place] = chance.choice(others)
            case _ if out[place].pickled:
                twin = others[min(place, len(others) - 1)]
                twin = twin if twin.pickled else out[place]
                out[place] = out[place]._replace(content=mutated_pickle(chance, out[place].content, twin.content))
            case _:
                out[place] = out[place]._replace(content=_renumbered(chance, out[place], out))
    return [part.content for part in out]


def _renumbered(chance: random.Random, part: Part, parts: Sequence[Part]) -> bytes:
    """Another number in front, or fewer or more bytes behind it."""
    width = part.width
    if len(part.content) > width and chance.random() < 0.3:
        return chance.choice((part.content[:-1], part.content[:-4], part.content + bytes(4), part.content[:width]))
    others = [int.from_bytes(one.content[:width], "little") for one in parts if one.width == width]
    value = edited(chance, int.from_bytes(part.content[:width], "little"), width, others)
    return value.to_bytes(width, "little") + part.content[width:]


def _members(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def _archive(members: dict[str, bytes], twice: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:", format=tarfile.PAX_FORMAT) as archive:
        for name, data in members.items():
            for _ in range(2 if name == twice else 1):
                member = tarfile.TarInfo(name)
                member.size, member.mtime = len(data), 1500000000
                archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def _edit_header(chance: random.Random, out: bytearray, start: int, other: int) -> None:
    at, width = chance.choice(_HEADER_FIELDS)
    if width in (8, 12) and chance.random() < 0.8:
        digits = out[start + at : start + at + width].strip(b" \0")
        value = edited(chance, int(digits or b"0", 8), 4)
        out[start + at : start + at + width] = b"%0*o\0" % (width - 1, value % 8 ** (width - 1))
    elif width == 1:
        out[start + at] = chance.choice(b"01257xgLKS\0")
    else:
        out[start + at : start + at + width] = out[other + at : other + at + width]
    out[start + 148 : start + 156] = b" " * 8
    out[start + 148 : start + 156] = b"%06o\0 " % sum(out[start : start + _BLOCK])
