"""What `convert` wrote from a real checkpoint is taken by each framework itself, by the lines that it printed."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from isomorph.backends import load_backend
from isomorph.tools import convert
from isomorph.tools.weights.weights import read_weights

from ..written import run_framework

Array = npt.NDArray[Any]

CASES = {
    "pytorch": ("torch", [".pth"]),
    "paddle": ("paddle", [".pdparams"]),
    "keras": ("keras", [".h5", ".weights.h5", ".keras"]),
}
"""Backend -> its framework's module, and the files that are its own: one process loads them all."""

# The answers of the models that were loaded, every warning an error once the framework is imported.
SCRIPT = """
import json, os, sys, warnings
import numpy as np
from isomorph.backends import load_backend
load_backend("{backend}")
import {module}
warnings.simplefilter("error")
warnings.filterwarnings("ignore", message="__array__")  # TensorFlow's own, of what NumPy makes of its tensors
os.chdir(sys.argv[1])
images, answers = np.load("images.npy"), []
if "{backend}" != "keras":
    make = {{"pytorch": "tensor", "paddle": "to_tensor"}}["{backend}"]
    images = getattr({module}, make)(images.transpose(0, 3, 1, 2).copy())
for lines in {lines}:
    exec(lines)
    answer = model(images)
    answers.append((np.asarray(answer) if "{backend}" == "keras" else answer.detach().numpy()).tolist())
print(json.dumps(answers))
"""


@pytest.mark.parametrize(
    "backend",
    # What is printed for Keras and Paddle has tests of its own, and what is written, too.
    [pytest.param(backend, marks=[] if backend == "pytorch" else [pytest.mark.thorough]) for backend in CASES],
)
def test_the_printed_lines_load_it(tmp_path: Path, shared: Path, backend: str) -> None:
    source = shared / "weights" / "cifar_pytorch" / "resnet20-12fca82f.th"
    module, suffixes = CASES[backend]
    loads = [convert(source, tmp_path / f"r20{suffix}").load for suffix in suffixes]
    images = np.random.default_rng(0).standard_normal((2, 32, 32, 3), np.float32)
    np.save(tmp_path / "images.npy", images)
    lines = ["\n".join(load).replace(f"{tmp_path}/", "") for load in loads]
    found = run_framework(module, SCRIPT.format(backend=backend, module=module, lines=lines), tmp_path)
    assert len(found) == len(suffixes)
    for answer in found:
        assert np.array(answer) == pytest.approx(expected(source, images), rel=1e-4, abs=1e-4)


def expected(path: Path, images: Array) -> Array:
    """[N, classes]: the oracle's."""
    weights = read_weights(path)
    network = load_backend("oracle").build(weights.architecture, dtype="float64")
    network.load(weights.tensors)
    return network.answer(images)
