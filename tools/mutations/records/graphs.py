"""Graphs of TensorFlow's, of which nodes are changed: that in a checkpoint of objects, whose checksums are made to fit,
and a frozen one.
"""

import random
from collections.abc import Mapping

from isomorph.tools.checkpoints.protobuf import varint, varint_of
from isomorph.tools.checkpoints.tensorflow.bundle import OBJECT_GRAPH
from isomorph.tools.checkpoints.tensorflow.crc32c import masked_crc32c
from mutations.records.layout import edited, rearrange
from mutations.records.tables import One, entries_of, message_of, parsed, table_of

_OFFSET, _SIZE, _CHECKSUM = 4, 5, 6
_WIDTH = 4  # bytes of a checksum
_TEXTS = (b"", b"Variable", b"optimizer", b"_CHECKPOINTABLE_OBJECT_GRAPH", b"\x1b", b"\xff", b"../w")


def mutated_graph(chance: random.Random, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """A checkpoint of one shard with a changed graph, which stands at the shard's end then.

    The files are by what their names end in, the index first.
    """
    index, shard = files
    entries = entries_of(files[index])
    place = next(at for at, (key, _) in enumerate(entries) if key == OBJECT_GRAPH.encode())
    described = {one.number: one for one in parsed(entries[place][1])}
    start = int(described[_OFFSET].value) if _OFFSET in described else 0
    length, at = varint(files[shard], start)
    graph = parsed(files[shard][at + _WIDTH : at + _WIDTH + length])
    for _ in range(chance.choice((1, 1, 2))):
        graph = _changed(chance, graph)
    text = message_of(graph)
    of_length = len(text).to_bytes(4, "little")
    checksum = masked_crc32c(of_length).to_bytes(_WIDTH, "little")
    whole = varint_of(len(text)) + checksum + text
    described |= {
        _OFFSET: One(_OFFSET, len(files[shard]), 0),
        _SIZE: One(_SIZE, len(whole), 0),
        _CHECKSUM: One(_CHECKSUM, masked_crc32c(of_length + checksum + text), 5),
    }
    entries[place] = (entries[place][0], message_of([described[number] for number in sorted(described)]))
    return {index: table_of(chance, entries), shard: files[shard] + whole}


def mutated_nodes(chance: random.Random, content: bytes, other: bytes) -> bytes:
    """A frozen graph with changed nodes, or such of another one."""
    graph = parsed(content)
    for _ in range(chance.choice((1, 1, 2))):
        graph = _changed(chance, graph)
        if chance.random() < 0.2:
            graph.insert(chance.randrange(len(graph) + 1), chance.choice(parsed(other)))
    return message_of(graph)


def _changed(chance: random.Random, ones: list[One]) -> list[One]:
    """The fields of a message of which one, or one of a message inside it, was changed."""
    out = list(ones)
    if not out:
        return out
    place, other = chance.randrange(len(out)), chance.randrange(len(out))
    one = out[place]
    if isinstance(one.value, bytes) and chance.random() < 0.85:
        out[place] = one._replace(value=_changed_inside(chance, one, ones))
    elif isinstance(one.value, int) and chance.random() < 0.6:
        out[place] = one._replace(value=edited(chance, one.value, chance.choice((1, 4, 8))))
    else:
        rearrange(out, chance.randrange(3), place, other)
    return out


def _changed_inside(chance: random.Random, one: One, peers: list[One]) -> bytes:
    """A message with a change inside, or another text."""
    assert isinstance(one.value, bytes)
    try:
        inner = parsed(one.value)
    except ValueError:
        inner = []
    if inner:
        return message_of(_changed(chance, inner))
    values = [peer.value for peer in peers if peer.number == one.number and isinstance(peer.value, bytes)]
    return chance.choice((*_TEXTS, one.value[:-1], one.value + b"x", *values))
