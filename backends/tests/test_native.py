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

from isomorph.spec import Architecture

NATIVE = Path(__file__).parent / "native"
DESIGNS = "ISOMORPH_NATIVE_DESIGNS"
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

# What `make test` runs: in PyTorch and Paddle grouped, pre-activated, separable, inverted units and dense layers; in
# Keras, which takes five times as long to trace and to save a network, a residual and a plain one. Other designs are
# thorough: the suite holds networks of all kinds to the oracle every time, and auxiliary heads have tests of their own.
FIRST = {"pytorch": "others dense", "paddle": "others dense", "keras": "cifar dense"}

# What Keras's other engines are tested with: all kinds of layers but channels of zeros. JAX compiles every operation at
# every size: what it is spared are units whose code, the same for all engines, the other two run.
FEW = {DESIGNS: "others inceptions dense", "ISOMORPH_NATIVE_KERNELS": "2 3"}
FEWER = {DESIGNS: "dense", "ISOMORPH_NATIVE_KERNELS": "2", "ISOMORPH_NATIVE_SIDES": "1 2 5 8 13"}

TENSORFLOW = {"KERAS_BACKEND": "tensorflow"}


@pytest.mark.parametrize(
    ("framework", "environment", "skipped"),
    [
        pytest.param("pytorch", {DESIGNS: FIRST["pytorch"]}, set(), id="pytorch"),
        pytest.param("keras", {DESIGNS: FIRST["keras"]} | TENSORFLOW, set(), id="keras"),
        pytest.param("paddle", {DESIGNS: FIRST["paddle"]}, set(), id="paddle"),
        pytest.param(
            "keras", {"KERAS_BACKEND": "torch"} | FEW, ONLY_TENSORFLOW, id="keras:torch", marks=pytest.mark.thorough
        ),
        pytest.param(
            "keras",
            {"KERAS_BACKEND": "jax"} | HASTY | FEWER,
            ONLY_TENSORFLOW,
            id="keras:jax",
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_native_objects(framework: str, environment: dict[str, str], skipped: set[str], tmp_path: Path) -> None:
    files = sorted(NATIVE.glob(f"test_{framework}*.py"))
    cases = run(files, environment, tmp_path)
    left_out = {name(case) for case in cases if case.find("skipped") is not None}
    assert {name(case) for case in cases} == set().union(*map(defined, files)), "not every test was run"
    assert left_out == skipped


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("framework", "environment"),
    [("pytorch", {}), ("keras", TENSORFLOW), ("paddle", {})],
    ids=["pytorch", "keras", "paddle"],
)
def test_native_objects_of_the_other_designs(
    framework: str, environment: dict[str, str], designs: dict[str, Architecture], tmp_path: Path
) -> None:
    rest = [design for design in designs if design not in FIRST[framework].split()]
    cases = run(sorted(NATIVE.glob(f"test_{framework}*.py")), environment, tmp_path, "-k", " or ".join(rest))
    assert len(cases) > 50
    assert [case for case in cases if case.find("skipped") is not None] == []


def run(files: list[Path], environment: dict[str, str], folder: Path, *more: str) -> list[ElementTree.Element]:
    """Run files of tests in a process of their own; returns a report of each test."""
    report = folder / "report.xml"
    options = ["-q", "-p", "no:cacheprovider", f"--junitxml={report}", *more]
    command = [sys.executable, "-P", "-m", "pytest", *options, *map(str, files)]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment = inherited | {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"} | environment
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        pytest.fail(f"status {done.returncode}\n{done.stdout[-20_000:]}\n{done.stderr[-3000:]}", pytrace=False)
    return list(ElementTree.parse(report).iter("testcase"))


def name(case: ElementTree.Element) -> str:
    """A test's name without its parameters."""
    return case.attrib["name"].partition("[")[0]


def defined(file: Path) -> set[str]:
    """The names of the tests that a file defines."""
    functions = (node for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}
