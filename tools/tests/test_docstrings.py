"""The examples in this floor's docstrings: they run and show what they say, and every public function has one.

They run in a folder that holds these files: `resnet8.safetensors`, drawn weights of mlperf_tiny/resnet8,
`photograph.png`, `labels.txt`, `images.npy`, `recorded.npz`, which is what these images give where the epsilon of
`resnet8.safetensors` is a hundred times what it is, and `port.py`, somebody's cifar/resnet20 in PyTorch with a mistake.
"""

import doctest
import importlib
import inspect
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import isomorph.tools
from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.protocol import Options
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.spec import architecture
from isomorph.tools.checkpoints import write_safetensors

from .models.ports import PORT

FLOOR = Path(inspect.getfile(isomorph.tools)).parent

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

NEED = {
    "benching.plots": "matplotlib",
    "certifying.diagnosed_faults": "torch",
    "models.diagnose": "torch",
    "models.map_tensors": "torch",
}
"""Module -> what its examples need and the core does not."""

RUN_FRAMEWORKS = {"__init__"}
"""Modules whose examples run real frameworks, for minutes."""


def module_name(path: Path) -> str:
    """`designs.show`, below `isomorph.tools`."""
    return ".".join(path.relative_to(FLOOR).with_suffix("").parts)


MODULES = sorted(module_name(path) for path in FLOOR.rglob("*.py") if ">>> " in path.read_text())


def public_functions() -> dict[str, str]:
    """The name of each public function -> its docstring."""
    named = {name: getattr(isomorph.tools, name) for name in isomorph.tools.__all__}
    return {name: inspect.getdoc(value) or "" for name, value in named.items() if inspect.isfunction(value)}


def examples(docstring: str) -> list[doctest.Example]:
    """Those that run."""
    parsed = doctest.DocTestParser().get_examples(docstring)
    return [example for example in parsed if not example.options.get(doctest.SKIP)]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that examples read."""
    folder = tmp_path_factory.mktemp("examples")
    network = architecture("mlperf_tiny/resnet8")
    images = draw_images(network, 2, 32, 32)
    tensors = draw_tensors(network, images)
    write_safetensors(folder / "resnet8.safetensors", tensors, {})
    np.save(folder / "images.npy", images)
    wrong = OracleNetwork(network.with_options(batch_norm_epsilon=0.1), Options(dtype="float32"))
    wrong.load(tensors)
    np.savez(folder / "recorded.npz", **wrong.end_points(images))  # type: ignore[arg-type]  # its stubs want an option
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "photograph.png")
    (folder / "port.py").write_text(PORT)
    (folder / "labels.txt").write_text("\n".join(CIFAR10) + "\n")
    return folder


@pytest.mark.parametrize("name", [name for name in MODULES if name not in RUN_FRAMEWORKS])
def test_the_examples_show_what_they_say(
    name: str, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name in NEED and find_spec(NEED[name]) is None:
        pytest.skip(f"needs {NEED[name]}, which is not installed")
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(f"isomorph.tools.{name}".removesuffix(".__init__"))
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    failures: list[str] = []
    for docstring in doctest.DocTestFinder().find(module):
        runner.run(docstring, out=failures.append)
    assert runner.tries, f"doctest finds none of the examples in {name}"
    if failures:
        pytest.fail("".join(failures), pytrace=False)


@pytest.mark.parametrize("name", public_functions())
def test_a_public_function_has_an_example(name: str) -> None:
    assert examples(public_functions()[name])
