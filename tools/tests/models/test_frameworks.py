"""Models of other frameworks than PyTorch: diagnosed, compared across frameworks, and mapped to files of their own."""

from pathlib import Path

import numpy as np
import pytest

from isomorph.backends import find_backend
from isomorph.tools import check, diagnose, map_tensors
from isomorph.tools.checkpoints import read_checkpoint
from isomorph.tools.weights.weights import read_weights

from .ports import IN_KERAS, IN_PADDLE, LENET, run_python, write

pytestmark = [
    pytest.mark.usefixtures("empty_folder"),
    pytest.mark.thorough,  # further cases in Keras and Paddle: the same in PyTorch
    *(
        pytest.mark.skipif(find_backend(name).why_not() is not None, reason=f"needs the framework of {name}")
        for name in ("pytorch", "keras", "paddle")
    ),
]

LE = "paddle/LeNet"
FILES = {"keras_lenet": "mine.keras", "paddle_lenet": "mine.pdparams", "lenet": "mine.pth"}
AXES = {"keras_lenet": "(HWI)O", "paddle_lenet": "(IHW)O", "lenet": "O(IHW)"}


@pytest.fixture(autouse=True)
def _files(empty_folder: None) -> None:
    write({"lenet.py": LENET, "keras_lenet.py": IN_KERAS, "paddle_lenet.py": IN_PADDLE})


@pytest.mark.parametrize("weights", ["theirs", "drawn"])
@pytest.mark.parametrize(("module", "backend"), [("keras_lenet", "keras"), ("paddle_lenet", "paddle")])
def test_a_model_that_is_right_passes(module: str, backend: str, weights: str) -> None:
    report = diagnose(LE, f"{module}.py:make", weights=weights)
    assert (report.agree, report.backend, report.matched, report.dtype) == (True, backend, 5, "float64")


@pytest.mark.parametrize("module", FILES)
def test_its_checkpoint_is_read_by_its_map(module: str) -> None:
    """And put into the model of another framework, which then gives the same answers."""
    report = map_tensors(LE, f"{module}.py:make")
    assert report.axes["fc3/weights"] == AXES[module]
    Path("map.toml").write_text(report.to_toml("map.toml"))
    path = FILES[module]
    run_python(f"import {module}; {module}.save('{path}')")
    theirs = read_checkpoint(path).tensors
    weights = read_weights(path, tensor_map="map.toml")
    rows = {row.canonical: str(row.theirs) for row in report.rows}
    assert np.array_equal(weights.tensors["block2/biases"], theirs[rows["block2/biases"]])
    other = "lenet.py:make" if module != "lenet" else "paddle_lenet.py:make"
    assert check(path, against=other, weights=path, tensor_map="map.toml").agree
    assert check(LE, against=other, weights=path, tensor_map="map.toml").agree


def test_models_of_two_frameworks_differ_in_their_tensors_alone() -> None:
    report = check("lenet.py:make", against="paddle_lenet.py:make")
    assert {cause.first.cause for cause in report.causes} <= {"other values", "not loaded"}
    assert report.proved
