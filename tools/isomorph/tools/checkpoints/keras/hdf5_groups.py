"""The links in an HDF5 group, by name: III.B (symbol table nodes), III.D (local heaps) and IV.A.2.g (link messages) of
the specification.

Keras's groups have symbol tables. Of the newer groups, which h5py makes where it is asked to, the small ones are read,
that keep their links in their headers.
"""

from collections.abc import Iterator

from isomorph.tools.checkpoints.keras.hdf5_btree import GROUP, children
from isomorph.tools.checkpoints.keras.hdf5_file import Window
from isomorph.tools.checkpoints.keras.hdf5_header import ADDRESS, NOWHERE, messages, number
from isomorph.tools.checkpoints.wording import shown

LINK_INFO, LINK, SYMBOL_TABLE = 0x02, 0x06, 0x11
"""The messages that only groups have."""

_KINDS = {1: "a soft link", 64: "an external link, to another file"}
_SOFT_ENTRY = 2  # the cache type of a symbol table entry that is a soft link, and the last there is
_NO_ROOM = 1  # the offset of the free block behind the last
_ENTRY = 40  # bytes of one
_LONGEST_NAME = 1024
_COST = 64  # bytes of Python objects that one free block becomes


def links(window: Window, address: int, path: str) -> Iterator[tuple[bytes, int]]:
    """Yield the names in the group at byte `address`, whose path is `path`, and where the headers of those objects are.

    Raises:
        BadInput: a link is not a plain one, what holds it is not inside the file or is not understood.
    """
    for kind, content in messages(window, address):
        if kind == SYMBOL_TABLE:
            yield from _of_table(window, number(content, 0), number(content, ADDRESS), path)
        elif kind == LINK:
            yield _of_message(window, content, path)
        elif kind == LINK_INFO and number(content, 10 if content[1:2] and content[1] & 1 else 2) != NOWHERE:
            raise window.file.bad(f"its {shown(path)} has an index that Keras does not write: save it with Keras")


def _of_table(window: Window, tree: int, heap: int, path: str) -> Iterator[tuple[bytes, int]]:
    head = window.exactly(heap, 32)
    if head[:5] != b"HEAP\0":
        raise window.unsound(f"there is no local heap at byte {heap:,}")
    size, names = number(head, 8), number(head, 24)
    _check_room(window, names, size, number(head, 16))

    def name_at(offset: int) -> bytes:
        name, end, _ = window.bytes_at(names + offset, min(_LONGEST_NAME, max(0, size - offset))).partition(b"\0")
        if not end:
            raise window.unsound(f"a name in {shown(path)} has no end")
        return name

    last = b""
    for node in children(window, tree, GROUP, ADDRESS, window.most_nodes, lambda key: name_at(number(key, 0))):
        symbols = window.exactly(node.address, 8)
        count = number(symbols, 6, 2)
        if symbols[:5] != b"SNOD\1" or count > window.most_names:
            raise window.unsound(f"there is no node of a symbol table at byte {node.address:,}")
        window.file.spend(_ENTRY * count)
        entries = window.exactly(node.address + 8, _ENTRY * count)
        for at in range(0, _ENTRY * count, _ENTRY):
            name = name_at(number(entries, at))
            if name <= last or not node.low < name <= node.high:
                raise window.unsound(f"the names in {shown(path)} are not in order, or one stands twice")
            last = name
            cached = number(entries, at + 16, 4)
            if cached == _SOFT_ENTRY:
                raise _refused(window, path, name, _KINDS[1])
            if cached > _SOFT_ENTRY:
                raise window.unsound(f"a link in {shown(path)} is of the kind {cached}, which is none")
            yield name, number(entries, at + ADDRESS)


def _check_room(window: Window, names: int, size: int, free: int) -> None:
    """Refuse a heap whose free blocks are not inside it: libhdf5 does, or follows a list that has no end."""
    seen: set[int] = set()
    while free != _NO_ROOM:
        block = window.exactly(names + free, 16) if free <= size - 16 and free not in seen else b""
        if not 0 < number(block, 8) <= size - free:
            raise window.unsound(f"the room in the names at byte {names:,} is not inside them, or has no end")
        window.file.spend(_COST)
        seen.add(free)
        free = number(block, 0)


def _of_message(window: Window, content: bytes, path: str) -> tuple[bytes, int]:
    flags = number(content, 1, 1)
    at = 2
    kind = number(content, at, 1) if flags & 8 else 0
    at += (1 if flags & 8 else 0) + (8 if flags & 4 else 0) + (1 if flags & 16 else 0)  # order; character set
    width = 1 << (flags & 3)
    length = number(content, at, width)
    name = content[at + width : at + width + length]
    target = content[at + width + length : at + width + length + ADDRESS]
    if kind:
        raise _refused(window, path, name, _KINDS.get(kind, "a link of an unknown kind"))
    if len(target) < ADDRESS:
        raise window.unsound(f"a link in {shown(path)} does not end in its header")
    return name, number(target, 0)


def _refused(window: Window, path: str, name: bytes, kind: str) -> Exception:
    below = f"{path.rstrip('/')}/{name.decode(errors='replace')}"
    return window.file.bad(f"its {shown(below)} is {kind}, a group or data set was expected: save the file again")
