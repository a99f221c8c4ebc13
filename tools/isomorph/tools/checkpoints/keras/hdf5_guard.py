"""List the contents of an HDF5 file by name, once every link has proved to be a plain one.

HDF5 can point anywhere: to another file (external links), to a path (soft links), back to where one came from (hard
links that form a cycle). Keras writes none of these, so they are refused before anything is followed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from isomorph.tools.checkpoints.keras.hdf5_dataset import LAYOUT
from isomorph.tools.checkpoints.keras.hdf5_file import Window
from isomorph.tools.checkpoints.keras.hdf5_groups import LINK_INFO, SYMBOL_TABLE, links
from isomorph.tools.checkpoints.keras.hdf5_header import messages, root_of
from isomorph.tools.checkpoints.wording import shown

_DEEPEST = 32  # groups inside groups: a layer of a model inside a model inside a model is ten deep
_COST = 4096  # bytes that one name may become here


@dataclass(frozen=True)
class Contents:
    """Path -> address of all groups and all data sets, each below its group, in the order of names; the root is "/"."""

    groups: Mapping[str, int]
    datasets: Mapping[str, int]


def contents(window: Window) -> Contents:
    """Return all groups and data sets of the file.

    Raises:
        BadInput: a link is not a plain one, an object has two names (which every cycle needs), is neither group nor
            data set, is nested deeper than 32 groups, or has a name that is no UTF-8; or the file is not sound.
    """
    file = window.file
    groups: dict[str, int] = {}
    datasets: dict[str, int] = {}
    root = root_of(window)
    if not _is_group(window, root, "/"):
        raise window.unsound("its root is no group")
    seen = {root}
    waiting = [("/", root)]
    while waiting:
        path, address = waiting.pop()
        groups[path] = address
        inner: list[tuple[str, int]] = []
        held = dict[bytes, int]()
        for raw, target in links(window, address, path):
            if raw in held:
                raise window.unsound(f"its group {shown(path)} holds two things called {shown(raw)}")
            held[raw] = target
        for raw, target in sorted(held.items()):
            file.spend(_COST + len(raw))
            below = path.rstrip("/") + "/" + _text(window, path, raw)
            if target in seen:
                raise file.bad(f"its {shown(below)} is one object with something else in it, or holds itself")
            seen.add(target)
            if not _is_group(window, target, below):
                datasets[below] = target
            elif below.count("/") <= _DEEPEST:
                inner.append((below, target))
            else:
                raise file.bad(f"its {shown(below)} is nested too deep, which nothing is that Keras saves")
        waiting += reversed(inner)
    return Contents(groups, datasets)


def _is_group(window: Window, address: int, path: str) -> bool:
    """Tell whether it is a group; otherwise it is a data set. Raises BadInput for anything else."""
    for kind, _ in messages(window, address):
        if kind in (SYMBOL_TABLE, LINK_INFO, LAYOUT):
            return kind != LAYOUT
    raise window.file.bad(f"its {shown(path)} is neither group nor data set, which nothing is that Keras saves")


def _text(window: Window, path: str, raw: bytes) -> str:
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise window.file.damaged(
            f"its group {shown(path)} holds something called {shown(raw)}, which is no UTF-8"
        ) from None
    if name in ("", ".", "..") or "/" in name:
        raise window.file.damaged(f"its group {shown(path)} holds something called {shown(name)}, which is no name")
    return name
