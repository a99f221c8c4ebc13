"""A plugin that pytest loads in every run once isomorph is installed; it does nothing unless the suite is run.

A conftest.py inside of a package is read too late to add options to `pytest --pyargs isomorph.conformance --backend
mine`. This plugin is loaded in time, through the entry-point group `pytest11`, and registers the suite's plugin where
one of the arguments (or of the configuration's `testpaths`) names it.
"""

import importlib
from collections.abc import Iterable
from pathlib import Path

import pytest

SUITE = "isomorph.conformance.suite"
PLUGIN = f"{SUITE}.plugin"

_HERE = Path(__file__).parent
_CONTAINERS = (*_HERE.parents[:2], _HERE)  # the folders from the repository's `conformance` to this one


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Register the suite's plugin, so that pytest knows its options when it reads all arguments."""
    manager = early_config.pluginmanager
    if names_the_suite([*args, *early_config.getini("testpaths")]) and not manager.has_plugin(PLUGIN):
        manager.register(importlib.import_module(PLUGIN), PLUGIN)


def names_the_suite(arguments: Iterable[str]) -> bool:
    """Return whether one of pytest's arguments is the suite, a part of it, or one of our folders around it."""
    return any(_is_module(argument) or _is_path(argument) for argument in arguments)


def _is_module(argument: str) -> bool:
    name = argument.partition("::")[0]
    return name in ("isomorph.conformance", SUITE) or name.startswith(f"{SUITE}.")


def _is_path(argument: str) -> bool:
    path = Path(argument.partition("::")[0])
    try:
        resolved = path.resolve(strict=True)
    except OSError:  # an option, a name, or nothing at all
        return False
    return resolved.is_relative_to(_HERE) or resolved in _CONTAINERS
