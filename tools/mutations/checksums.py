"""Mutations behind a checksum: without these, nearly every mutated file would be refused at the first one.

Each takes a sound file apart, mutates one part, and puts it together again with checksums that fit.
"""

import io
import random
import zipfile
from collections.abc import Callable

from isomorph.tools.checkpoints.protobuf import varint
from isomorph.tools.checkpoints.tensorflow.leveldb_writing import closed, footer, handle
from mutations.rules import mutated

Mutation = Callable[[random.Random, bytes, bytes], bytes]

_TRAILER = 5  # a byte of compression and a checksum behind each block of a table
_FOOTER = 48
_BLOCK = 512
_NO_FILTERS = b"\0\0\0\0\1\0\0\0"  # a block without entries, and its one restart


def mutated_table(chance: random.Random, content: bytes, other: bytes) -> bytes:
    """A TensorFlow index of one block of entries, of which that block or the one that says where it is was mutated."""
    (data, index), (other_data, other_index) = _blocks(content), _blocks(other)
    if chance.random() < 0.8:
        changed = mutated(chance, data, other_data)
        index = index.replace(handle(0, data), handle(0, changed))
        data = changed
    else:
        index = mutated(chance, index, other_index)
    out, handles = closed(data), b""
    for block in (_NO_FILTERS, index):
        handles += handle(len(out), block)
        out += closed(block)
    return out + footer(handles)


def _blocks(table: bytes) -> tuple[bytes, bytes]:
    """The first block of a table, and the one that says where the others are."""
    position, numbers = len(table) - _FOOTER, []
    for _ in range(4):
        number, position = varint(table, position)
        numbers.append(number)
    meta, _, start, size = numbers
    return table[: meta - _TRAILER], table[start : start + size]


def mutated_member(chance: random.Random, content: bytes, other: bytes) -> bytes:
    """A zip archive of which one member was mutated, mostly the longest."""
    members, others = _members(content), _members(other)
    longest = max(members, key=lambda name: len(members[name]))
    name = longest if chance.random() < 0.6 else chance.choice(list(members))
    members[name] = mutated(chance, members[name], others.get(name, b""))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for member, data in members.items():
            archive.writestr(zipfile.ZipInfo(member), data)
    return out.getvalue()


def _members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def mutated_tar(chance: random.Random, content: bytes, other: bytes) -> bytes:
    """A mutated tar archive, the checksums of its headers made to fit."""
    out = bytearray(mutated(chance, content, other))
    for start in range(0, len(out) - _BLOCK + 1, _BLOCK):
        header = out[start : start + _BLOCK]
        if header[257:262] == b"ustar":
            header[148:156] = b" " * 8
            out[start + 148 : start + 156] = b"%06o\0 " % sum(header)
    return bytes(out)
