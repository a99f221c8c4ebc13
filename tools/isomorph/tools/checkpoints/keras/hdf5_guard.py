"""What stands in an HDF5 file, by name, once every link has been found to be a plain one.

HDF5 can point anywhere: to another file (external links), to a path (soft links), back to where one came from (hard
links that form a cycle). Keras writes none of these, so they are refused before anything is followed.

libhdf5 reads no attribute, here or elsewhere in this package; whether there is one is all that it is asked. What is
needed of them `hdf5_attributes` reads, which says why.
"""

from dataclasses import dataclass

import h5py

from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.wording import shown

_DEEPEST = 32  # groups inside groups: a layer of a model inside a model inside a model is ten deep
_COST = 4096  # bytes that one name may become here and in libhdf5, which caches what it has parsed
_LINKS = {h5py.h5l.TYPE_EXTERNAL: "an external link, to another file", h5py.h5l.TYPE_SOFT: "a soft link"}


@dataclass(frozen=True)
class Contents:
    """The paths of all groups and of all data sets, each below its group, in the order of names; the root is "/"."""

    groups: tuple[str, ...]
    datasets: tuple[str, ...]


def contents(file: MappedFile, root: h5py.File) -> Contents:
    """Everything in `root`.

    Raises:
        BadInput: a link is not a plain one, an object has two names (which every cycle needs), is neither group nor
            data set, is nested deeper than 32 groups, or has a name that is no UTF-8.
    """
    groups: list[str] = []
    datasets: list[str] = []
    seen = {h5py.h5o.get_info(root.id).addr}
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        groups.append(path)
        group = h5py.h5g.open(root.id, path.encode())
        inner: list[str] = []
        for raw in _names(file, group):
            name = _text(file, path, raw)
            below = path.rstrip("/") + "/" + name
            link = group.links.get_info(raw).type
            if link != h5py.h5l.TYPE_HARD:
                kind = _LINKS.get(link, "a link of an unknown kind")
                raise file.bad(f"its {shown(below)} is {kind}, a group or data set was expected: save the file again")
            about = h5py.h5o.get_info(group, raw)
            if about.addr in seen:
                raise file.bad(f"its {shown(below)} is one object with something else in it, or holds itself")
            seen.add(about.addr)
            if about.type == h5py.h5o.TYPE_DATASET:
                datasets.append(below)
            elif about.type == h5py.h5o.TYPE_GROUP and below.count("/") <= _DEEPEST:
                inner.append(below)
            else:
                kind = "nested too deep" if about.type == h5py.h5o.TYPE_GROUP else "neither group nor data set"
                raise file.bad(f"its {shown(below)} is {kind}, which nothing is that Keras saves")
        waiting += reversed(inner)
    return Contents(tuple(groups), tuple(datasets))


def _names(file: MappedFile, group: h5py.h5g.GroupID) -> list[bytes]:
    names: list[bytes] = []

    def take(name: bytes) -> None:
        file.spend(_COST + len(name))
        names.append(name)

    group.links.iterate(take)
    return names


def _text(file: MappedFile, path: str, raw: bytes) -> str:
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise file.damaged(f"its group {shown(path)} holds something called {shown(raw)}, which is no UTF-8") from None
    if name in (".", "..") or "/" in name:
        raise file.damaged(f"its group {shown(path)} holds something called {shown(name)}, which is no name")
    return name
