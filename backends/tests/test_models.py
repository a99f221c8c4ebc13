"""How a factory of somebody's model is called, and every refusal: what was found, where, and what to do."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isomorph.backends.models import call_factory
from isomorph.spec import BadInput

FACTORIES = """
import helper_of_factories

ready = helper_of_factories.Model(3)
_hidden = 1

def make(classes=10, wide=False):
    return helper_of_factories.Model(classes, wide)

def fails(path="weights.pth"):
    raise FileNotFoundError("looked around\\nno " + path)

def silent():
    raise ValueError

def leaves():
    raise SystemExit(3)
"""

HELPER = """
from dataclasses import dataclass

@dataclass
class Model:
    classes: int
    wide: bool = False
"""


@pytest.fixture(autouse=True)
def factories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file of factories that imports another one beside it; what is imported here is forgotten behind."""
    (tmp_path / "factories_of_test.py").write_text(FACTORIES)
    (tmp_path / "helper_of_factories.py").write_text(HELPER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    before = set(sys.modules)
    yield tmp_path / "factories_of_test.py"
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize("place", ["factories_of_test.py", "factories_of_test", "./factories_of_test.py"])
def test_a_factory_is_called_with_its_arguments(place: str) -> None:
    made = call_factory(f"{place}:make", {"classes": 7, "wide": True})
    assert (made.classes, made.wide) == (7, True)


def test_a_file_in_another_folder_finds_what_is_beside_it(
    factories: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert call_factory(f"{factories}:make", {}).classes == 10


def test_a_model_that_is_there_already_is_taken() -> None:
    assert call_factory("factories_of_test.py:ready", {}).classes == 3


def test_a_file_is_run_once_for_all_that_it_defines() -> None:
    """Its classes are those that other modules import from it."""
    made = call_factory("factories_of_test.py:make", {})
    assert type(made) is sys.modules["helper_of_factories"].Model
    assert "factories_of_test" in sys.modules


@pytest.mark.parametrize(
    ("what", "arguments", "sentence"),
    [
        ("none.py:make", {}, r"^There is no file none\.py\.$"),
        ("none_such:make", {}, r"^There is no module 'none_such' here; a file is named with its \.py\.$"),
        ("none_such.inner:make", {}, r"^There is no module 'none_such.inner' here; a file is named with its \.py\.$"),
        ("factories_of_test.py:makes", {}, r"^factories_of_test\.py has no 'makes'; .*make"),
        (
            "factories_of_test.py:zzzzzz",
            {},
            r"^factories_of_test\.py has no 'zzzzzz'; it has fails, leaves, make, silent\.$",
        ),
        (
            "factories_of_test.py:make",
            {"depth": 3},
            r"^factories_of_test\.py:make raised TypeError: make\(\) got an unexpected keyword argument 'depth'; "
            r"arguments are given by --call name=value\.$",
        ),
        ("factories_of_test.py:fails", {}, r"^factories_of_test\.py:fails raised FileNotFoundError: no weights\.pth$"),
        ("factories_of_test.py:silent", {}, r"^factories_of_test\.py:silent raised ValueError$"),
        (
            "factories_of_test.py:ready",
            {"a": 1},
            r"^factories_of_test\.py:ready is a model already, and takes no arguments\.$",
        ),
        ("bad.py:make", {}, r"^bad\.py cannot be run: SyntaxError: "),
        ("bad:make", {}, r"^bad cannot be imported: SyntaxError: "),
        ("lacks.py:make", {}, r"^lacks\.py cannot be run: ModuleNotFoundError: No module named 'none_such'$"),
        ("lacks:make", {}, r"^lacks cannot be imported: ModuleNotFoundError: No module named 'none_such'$"),
        ("empty.py:make", {}, r"^empty\.py has no 'make'; it has nothing that can be called\.$"),
    ],
)
def test_refusals(what: str, arguments: dict[str, Any], sentence: str) -> None:
    Path("bad.py").write_text("def make(:\n")
    Path("lacks.py").write_text("import none_such\n")
    Path("exits.py").write_text("raise SystemExit('usage: exits')\n")
    Path("empty.py").write_text("classes = 3\n")
    with pytest.raises(BadInput, match=sentence):
        call_factory(what, arguments)


@pytest.mark.parametrize("what", ["factories_of_test.py", "factories_of_test", ":make", "factories_of_test.py:", ""])
def test_what_names_no_factory_is_refused(what: str) -> None:
    with pytest.raises(BadInput) as refusal:
        call_factory(what, {})
    assert str(refusal.value) == f"{what!r} names no factory; expected file.py:factory or package.module:factory."


def test_a_file_that_failed_is_not_taken_for_imported() -> None:
    path = Path("mended.py")
    path.write_text("import none_such\n")
    with pytest.raises(BadInput):
        call_factory("mended.py:make", {})
    assert "mended" not in sys.modules
    path.write_text("def make():\n    return 'the mended one'\n")
    assert call_factory("mended.py:make", {}) == "the mended one"
