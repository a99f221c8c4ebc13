"""Hides the frameworks from a process: what all backends read alike has to be noticed without any of them.

A test that asks one is skipped or fails, within a moment, and then notices nothing.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

FRAMEWORKS = {"jax", "keras", "paddle", "tensorflow", "torch", "torchvision", "transformers"}


class _WithoutFrameworks(PathFinder):
    """Python's own finder of modules, for which no framework is installed."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a module is; None for a framework."""
        return None if fullname in FRAMEWORKS else super().find_spec(fullname, path, target)


def hide_frameworks() -> None:
    """From now on, what is not imported yet."""
    sys.meta_path[:] = [_WithoutFrameworks if finder is PathFinder else finder for finder in sys.meta_path]
