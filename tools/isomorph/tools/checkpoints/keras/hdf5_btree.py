"""Version 1 B-trees, which find the chunks of a data set and the names of a group: III.A of the specification.

libhdf5 (1.14.6) looks for what it wants between two keys, node by node, and gives a fill value for a chunk that is not
where its key belongs. So a tree is read only where its keys are in order, and inside those of the node above: whatever
is in it is then what libhdf5 finds, too. The links from a node to those beside it are not followed, neither here nor
there.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from isomorph.tools.checkpoints.keras.hdf5_file import Window
from isomorph.tools.checkpoints.keras.hdf5_header import ADDRESS, number

GROUP, CHUNKS = 0, 1
"""What a tree is of."""

_HEAD = 24  # bytes before the keys and the children
_COST = 64  # bytes of Python objects that one child becomes

Key = TypeVar("Key", tuple[int, ...], bytes)


class Child(NamedTuple, Generic[Key]):
    """The entry of a leaf between two keys: the address of a chunk or of a node of a symbol table.

    raw: the first of the two as it is stored.
    """

    low: Key
    high: Key
    address: int
    raw: bytes


class _Waiting(NamedTuple, Generic[Key]):
    """A node that is yet to be read: its level, and the keys between which its own have to be; None for the root."""

    address: int
    level: int | None
    low: Key | None
    high: Key | None


def children(
    window: Window, address: int, kind: int, width: int, most: int, key_of: Callable[[bytes], Key]
) -> Iterator[Child[Key]]:
    """Yield what the leaves of the tree at byte `address` hold, in the order of the keys.

    kind: GROUP or CHUNKS. width: the bytes of a key. most: children of a node. key_of: what keys are compared by; it
        may refuse one.

    Raises:
        BadInput: a node is not inside the file, is none, or has no place in the tree; a key is not in order.
    """
    seen: set[int] = set()
    waiting = [_Waiting[Key](address, None, None, None)]
    while waiting:
        node = waiting.pop()
        head = window.exactly(node.address, _HEAD)
        level, count = head[5], number(head, 6, 2)
        if head[:5] != b"TREE" + bytes([kind]) or node.address in seen or node.level not in (None, level):
            raise window.unsound(
                f"there is no node of a B-tree at byte {node.address:,}, or it is its own child, or of another level"
            )
        if count > most or (node.level is not None and not count):
            raise window.unsound(f"a node of a B-tree at byte {node.address:,} has {count:,} of {most:,} children")
        seen.add(node.address)
        window.file.spend(_COST * (count + 1))
        if not count:
            continue  # the root of a tree of nothing, whose key is none
        step = width + ADDRESS
        body = window.exactly(node.address + _HEAD, count * step + width)
        raws = [body[at : at + width] for at in range(0, len(body), step)]
        keys: list[Key] = [key_of(raw) for raw in raws]
        low = keys[0] if node.low is None else node.low
        high = keys[-1] if node.high is None else node.high
        rising = all(one < other for one, other in itertools.pairwise(keys))
        if not (rising and low <= keys[0] and keys[-1] <= high):
            raise window.unsound(f"the keys of the B-tree's node at byte {node.address:,} are not in order")
        below = [
            Child(keys[place], keys[place + 1], number(body, place * step + width), raws[place])
            for place in range(count)
        ]
        if level:
            waiting += [_Waiting(child.address, level - 1, child.low, child.high) for child in reversed(below)]
        else:
            yield from below
