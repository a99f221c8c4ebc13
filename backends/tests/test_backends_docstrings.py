"""The examples in the docstrings give what they show, and everything public has one.

Examples run in this process, and so use the oracle: no framework is imported here.
"""

import doctest
import importlib
import inspect
from pathlib import Path

import pytest

from isomorph import backends

FOLDER = Path(backends.__file__).parent

FRAMEWORKS = ("keras", "paddle", "pytorch")
"""The folders whose modules import a framework."""

MODULES = {
    ".".join((backends.__name__, *path.relative_to(FOLDER).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in FOLDER.rglob("*.py")
    if ">>> " in path.read_text()
}

ANSWERS_ON_A_FRAMEWORK = {
    "Backend.cannot_compile",
    "Backend.compilers",
    "Backend.exports",
    "Backend.framework",
    "Backend.gpu_name",
    "Backend.has_gpu",
    "Backend.has_gpu_build",
    "Backend.lacks",
    "Backend.lacks_autocast",
    "Backend.lacks_together",
    "Backend.layouts",
    "Backend.use_exact_arithmetic",
    "Backend.use_tf32",
}
"""What a backend of one's own implements; the example of `Backend` asks some of them."""

METHODS = {
    f"{name}.{method}": function
    for name in backends.__all__
    for method, function in vars(getattr(backends, name)).items()
    if inspect.isclass(getattr(backends, name)) and inspect.isfunction(function) and not method.startswith("_")
}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_the_examples_of(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MODULES[name].parent.name not in FRAMEWORKS, "an example here would import a framework into this process"
    monkeypatch.chdir(tmp_path)
    failed, attempted = doctest.testmod(importlib.import_module(name))
    assert not failed, "see the captured output"
    assert attempted


@pytest.mark.parametrize("name", backends.__all__)
def test_there_is_an_example_of(name: str) -> None:
    assert ">>> " in (getattr(backends, name).__doc__ or ""), f"isomorph.backends.{name} has no example"


@pytest.mark.parametrize("name", sorted(METHODS.keys() - ANSWERS_ON_A_FRAMEWORK))
def test_there_is_an_example_of_the_method(name: str) -> None:
    assert ">>> " in (METHODS[name].__doc__ or ""), f"isomorph.backends.{name} has no example"


def test_what_needs_no_example_is_there() -> None:
    assert METHODS.keys() >= ANSWERS_ON_A_FRAMEWORK
