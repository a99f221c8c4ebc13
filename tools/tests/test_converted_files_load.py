"""What `convert` wrote from a real checkpoint is taken by each framework itself, by the lines that it printed."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from isomorph.backends import load_backend
from isomorph.tools import convert
from isomorph.tools.weights import read_weights

from .written import run_framework

Array = npt.NDArray[Any]

IMPORTS = {"pytorch": "torch", "paddle": "paddle", "keras": "keras"}
CASES = {".pth": "pytorch", ".pdparams": "paddle", ".h5": "keras", ".weights.h5": "keras", ".keras": "keras"}

# The answer of the model that was loaded, every warning an error once its framework is imported.
SCRIPT = """
import json, os, sys, warnings
import numpy as np
from isomorph.backends import load_backend
load_backend("{backend}")
import {module}
warnings.simplefilter("error")
warnings.filterwarnings("ignore", message="__array__")  # TensorFlow's own, of what NumPy makes of its tensors
os.chdir(sys.argv[1])
images = np.load("images.npy")
{lines}
if "{backend}" != "keras":
    model.eval()
    make = {{"pytorch": "tensor", "paddle": "to_tensor"}}["{backend}"]
    images = getattr({module}, make)(images.transpose(0, 3, 1, 2).copy())
answer = model(images)
print(json.dumps((np.asarray(answer) if "{backend}" == "keras" else answer.detach().numpy()).tolist()))
"""


@pytest.mark.parametrize(("suffix", "backend"), CASES.items(), ids=CASES)
def test_the_printed_lines_load_it(tmp_path: Path, shared: Path, suffix: str, backend: str) -> None:
    source = shared / "weights" / "cifar_pytorch" / "resnet20-12fca82f.th"
    load = convert(source, tmp_path / f"r20{suffix}").load
    images = np.random.default_rng(0).standard_normal((2, 32, 32, 3), np.float32)
    np.save(tmp_path / "images.npy", images)
    module = IMPORTS[backend]
    program = SCRIPT.format(backend=backend, module=module, lines="\n".join(load).replace(f"{tmp_path}/", ""))
    found = np.array(run_framework(module, program, tmp_path))
    assert found == pytest.approx(expected(source, images), rel=1e-4, abs=1e-4)


def expected(path: Path, images: Array) -> Array:
    """[N, classes]: the oracle's."""
    weights = read_weights(path)
    network = load_backend("oracle").build(weights.architecture, dtype="float64")
    network.load(weights.tensors)
    return network.answer(images)
