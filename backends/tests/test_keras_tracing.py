"""Runs the tests of Keras's traces (keras_tracing/) in a process of their own: none is imported here."""

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from isomorph.backends import Unavailable, load_backend

FILES = sorted((Path(__file__).parent / "keras_tracing").glob("test_*.py"))
TENSORFLOW = {"KERAS_BACKEND": "tensorflow"}

RunApart = Callable[..., list[ElementTree.Element]]


def test_traces_of_keras(run_apart: RunApart) -> None:
    cases = run_apart(FILES, TENSORFLOW, "-m", "not thorough")
    assert {case.attrib["classname"].rpartition(".")[2] for case in cases} == {file.stem for file in FILES}
    assert [case for case in cases if case.find("skipped") is not None] == []


@pytest.mark.thorough
def test_traces_of_keras_of_further_networks(run_apart: RunApart) -> None:
    assert len(run_apart(FILES, TENSORFLOW, "-m", "thorough")) == 4


@pytest.mark.parametrize("engine", ["jax", "torch"])
def test_other_engines_open_no_models(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", engine)
    backend = load_backend(f"keras:{engine}")
    sentence = f"^keras:{engine} opens no models of others; Keras on TensorFlow does.$"
    with pytest.raises(Unavailable, match=sentence):
        backend.open("mine.py:make_model")
    with pytest.raises(Unavailable, match=sentence):
        backend.model(object())
