"""The examples in the docstrings give what they show, and everything public has one."""

import doctest
import importlib
import inspect
from pathlib import Path

import pytest

from isomorph import spec

FOLDER = Path(spec.__file__).parent

MODULES = {
    ".".join((spec.__name__, *path.relative_to(FOLDER).with_suffix("").parts)).removesuffix(".__init__")
    for path in FOLDER.rglob("*.py")
    if ">>> " in path.read_text()
}

METHODS = {
    f"{name}.{method}": function
    for name in spec.__all__
    for method, function in vars(getattr(spec, name)).items()
    if inspect.isclass(getattr(spec, name)) and inspect.isfunction(function) and not method.startswith("_")
}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_the_examples_of(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    failed, attempted = doctest.testmod(importlib.import_module(name))
    assert not failed, "see the captured output"
    assert attempted


@pytest.mark.parametrize("name", spec.__all__)
def test_there_is_an_example_of(name: str) -> None:
    assert ">>> " in (getattr(spec, name).__doc__ or ""), f"isomorph.spec.{name} has no example in its docstring"


@pytest.mark.parametrize("name", sorted(METHODS))
def test_there_is_an_example_of_the_method(name: str) -> None:
    assert ">>> " in (METHODS[name].__doc__ or ""), f"isomorph.spec.{name} has no example in its docstring"
