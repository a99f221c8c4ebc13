"""A framework's process of comparisons imports nothing that only happens to be installed."""

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from isomorph.backends import find_backend
from isomorph.backends.importing import leaving_out
from isomorph.backends.process import BackendProcess

OTHER = "this"
"""A module of the standard library that nobody imports."""


def test_what_is_left_out_is_missing_meanwhile_and_no_longer() -> None:
    sys.modules.pop(OTHER, None)
    with leaving_out([OTHER]):
        with pytest.raises(ModuleNotFoundError, match=f"No module named '{OTHER}'") as caught:
            importlib.import_module(OTHER)
        assert caught.value.name == OTHER
        assert importlib.import_module("json") is sys.modules["json"]
    assert find_spec(OTHER) is not None


def test_what_was_imported_before_stays() -> None:
    with leaving_out(["pytest"]):
        assert importlib.import_module("pytest") is pytest


def test_it_is_imported_after_an_error_again() -> None:
    with pytest.raises(RuntimeError), leaving_out([OTHER]):
        raise RuntimeError
    assert find_spec(OTHER) is not None


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks into Linux's list of what a process has mapped")
def test_keras_brings_nothing_that_it_does_not_need() -> None:
    """By the compiled parts of each, which stand among a process's files."""
    needless = find_backend("keras").needless
    installed = {spec.origin.rpartition("/")[0] for name in needless if (spec := find_spec(name)) and spec.origin}
    assert installed, "none of them is installed, so that this proves nothing"
    with BackendProcess("keras", timeout=120) as process:
        process.describe()
        mapped = Path(f"/proc/{process.pid}/maps").read_text()
    assert "/tensorflow/" in mapped
    assert [folder for folder in installed if f"{folder}/" in mapped] == []
