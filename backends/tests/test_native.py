"""Runs the tests of each framework's native objects (native/) in a process of their own.

TensorFlow and Paddle in one process end the interpreter, and Keras fixes its engine at import: none is imported here.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

NATIVE = Path(__file__).parent / "native"
ROOT = NATIVE.parents[2]

# What an engine cannot do, and is skipped there by name.
ONLY_TENSORFLOW = {
    "test_compiled_network_gives_the_same_logits",
    "test_compiled_network_trains_with_auxiliary_heads",
    "test_exported_network_gives_the_same_logits",
    "test_exported_network_runs_in_a_fresh_process",
}

# XLA spends its time on compiling operations that then run once: half of it, if it does not optimise them.
HASTY = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}

# What Keras's other engines are tested with: all kinds of layers but channels of zeros. JAX compiles every operation at
# every size: what it is spared are units whose code, the same for all engines, the other two run.
FEW = {"ISOMORPH_NATIVE_DESIGNS": "others inceptions dense", "ISOMORPH_NATIVE_KERNELS": "2 3"}
FEWER = {"ISOMORPH_NATIVE_DESIGNS": "dense", "ISOMORPH_NATIVE_KERNELS": "2", "ISOMORPH_NATIVE_SIDES": "1 2 5 8 13"}


@pytest.mark.parametrize(
    ("framework", "environment", "skipped"),
    [
        pytest.param("pytorch", {}, set(), id="pytorch"),
        pytest.param("keras", {"KERAS_BACKEND": "tensorflow"}, set(), id="keras"),
        pytest.param("paddle", {}, set(), id="paddle"),
        pytest.param("keras", {"KERAS_BACKEND": "torch"} | FEW, ONLY_TENSORFLOW, id="keras:torch"),
        pytest.param("keras", {"KERAS_BACKEND": "jax"} | HASTY | FEWER, ONLY_TENSORFLOW, id="keras:jax"),
    ],
)
def test_native_objects(framework: str, environment: dict[str, str], skipped: set[str], tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    files = sorted(NATIVE.glob(f"test_{framework}*.py"))
    command = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--junitxml={report}",
        *map(str, files),
    ]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment = inherited | {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"} | environment
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        pytest.fail(f"status {done.returncode}\n{done.stdout[-20_000:]}\n{done.stderr[-3000:]}", pytrace=False)
    cases = list(ElementTree.parse(report).iter("testcase"))
    left_out = {name(case) for case in cases if case.find("skipped") is not None}
    assert {name(case) for case in cases} == set().union(*map(defined, files)), "not every test was run"
    assert left_out == skipped


def name(case: ElementTree.Element) -> str:
    """A test's name without its parameters."""
    return case.attrib["name"].partition("[")[0]


def defined(file: Path) -> set[str]:
    """The names of the tests that a file defines."""
    functions = (node for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}
