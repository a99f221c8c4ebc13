"""The examples in the docstrings give what they show. They use the oracle: no framework is imported here."""

import doctest
import importlib
from pathlib import Path

import pytest

from isomorph import conformance

FOLDER = Path(conformance.__file__).parent

MODULES = {
    ".".join((conformance.__name__, *path.relative_to(FOLDER).with_suffix("").parts)): path
    for path in FOLDER.rglob("*.py")
    if ">>> " in path.read_text()
}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_the_examples_of(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    failed, attempted = doctest.testmod(importlib.import_module(name))
    assert not failed, "see the captured output"
    assert attempted
