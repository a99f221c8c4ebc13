"""Import a framework without the optional packages that it would import because they happen to be installed."""

import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from types import ModuleType


class _Absent(MetaPathFinder):
    """A finder to which some modules are not installed."""

    def __init__(self, modules: Collection[str]) -> None:
        self.modules = modules

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname in self.modules:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


@contextmanager
def leaving_out(modules: Collection[str]) -> Iterator[None]:
    """Import as if these top-level modules were not installed; modules that are imported already stay.

    >>> with leaving_out(["this"]):
    ...     import this
    Traceback (most recent call last):
        ...
    ModuleNotFoundError: No module named 'this'
    """
    absent = _Absent(modules)
    sys.meta_path.insert(0, absent)
    try:
        yield
    finally:
        sys.meta_path.remove(absent)
