"""Runs the tests of each framework's native objects (native/) in a process of their own.

TensorFlow and Paddle in one process end the interpreter, and Keras fixes its engine at import: none is imported here.
"""

import ast
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

NATIVE = Path(__file__).parent / "native"
ROOT = NATIVE.parents[2]

needs_jax = pytest.mark.skipif(
    find_spec("jax") is None, reason="JAX is not installed, and no extra of isomorph asks for it"
)

# What an engine cannot do, and is skipped there by name.
ONLY_TENSORFLOW = {"test_compiled_network_gives_the_same_logits"}


@pytest.mark.parametrize(
    ("file", "engine", "skipped"),
    [
        pytest.param("test_pytorch.py", "", set(), id="pytorch"),
        pytest.param("test_keras.py", "tensorflow", set(), id="keras"),
        pytest.param("test_paddle.py", "", set(), id="paddle"),
        pytest.param("test_keras.py", "torch", ONLY_TENSORFLOW, id="keras:torch"),
        pytest.param("test_keras.py", "jax", ONLY_TENSORFLOW, id="keras:jax", marks=needs_jax),
    ],
)
def test_native_objects(file: str, engine: str, skipped: set[str], tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    command = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--junitxml={report}",
        str(NATIVE / file),
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"KERAS_BACKEND": engine, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        pytest.fail(f"status {done.returncode}\n{done.stdout[-20_000:]}\n{done.stderr[-3000:]}", pytrace=False)
    cases = list(ElementTree.parse(report).iter("testcase"))
    left_out = {name(case) for case in cases if case.find("skipped") is not None}
    assert {name(case) for case in cases} == defined(NATIVE / file), "not every test was run"
    assert left_out == skipped


def name(case: ElementTree.Element) -> str:
    """A test's name without its parameters."""
    return case.attrib["name"].partition("[")[0]


def defined(file: Path) -> set[str]:
    """The names of the tests that a file defines."""
    functions = (node for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}
