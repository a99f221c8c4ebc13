"""Starts in every Python process of a run of tests, the backends' workers among them: no framework, and the trace."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType


def _load(name: str) -> ModuleType:
    """A module of this package, which need not be on the path."""
    spec = importlib.util.spec_from_file_location(f"isomorph_mutants_{name}", Path(__file__).parents[1] / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_load("hiding").hide_frameworks()
if "ISOMORPH_MUTANTS_TRACE" in os.environ:
    _load("trace").start()
