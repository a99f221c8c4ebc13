"""Runs the tests of each framework's native objects (native/) in a process of their own.

TensorFlow and Paddle in one process end the interpreter, and Keras fixes its engine at import: none is imported here.
"""

import ast
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from isomorph.spec import Architecture

NATIVE = Path(__file__).parent / "native"
DESIGNS, KERNELS, SIDES = "ISOMORPH_NATIVE_DESIGNS", "ISOMORPH_NATIVE_KERNELS", "ISOMORPH_NATIVE_SIDES"
RunApart = Callable[..., list[ElementTree.Element]]

# What an engine cannot do, and is skipped there by name.
ONLY_TENSORFLOW = {
    "test_compiled_network_gives_the_same_logits",
    "test_compiled_network_trains_with_auxiliary_heads",
    "test_exported_network_gives_the_same_logits",
    "test_exported_network_runs_in_a_fresh_process",
}

# XLA spends its time on compiling operations that then run once: half of it, if it does not optimise them.
HASTY = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}

# What `make test` runs: grouped, pre-activated, separable, inverted units and dense layers, in PyTorch and Paddle.
# Other designs, and Keras, which takes five times as long to trace and to save a network, are thorough: the suite
# holds networks of all kinds to the oracle every time, and auxiliary heads have tests of their own.
FIRST = {"pytorch": "others dense", "paddle": "others dense", "keras": "dense", "onnx": "cifar"}

# What is left out there, too, by words of the tests' names: compilers and exporters take seconds for each network, and
# the suite compiles one in each framework every time. Windows are of an even and of an odd size.
SLOW = ("compiled", "exported", "fresh_process", "auxiliary_heads_learn")
QUICK = ("-k", " and ".join(f"not {word}" for word in SLOW))
EVEN_AND_ODD = {KERNELS: "2 3"}

# What Keras's other engines are tested with: all kinds of layers but channels of zeros. JAX compiles every operation at
# every size: what it is spared are units whose code, the same for all engines, the other two run.
FEW = {DESIGNS: "others inceptions dense"} | EVEN_AND_ODD
FEWER = {DESIGNS: "dense", KERNELS: "2", SIDES: "1 2 5 8 13"}

TENSORFLOW = {"KERAS_BACKEND": "tensorflow"}


IN_EACH_FRAMEWORK = pytest.mark.parametrize(
    ("framework", "environment"),
    [("pytorch", {}), ("keras", TENSORFLOW), ("paddle", {})],
    ids=["pytorch", "keras", "paddle"],
)


@pytest.mark.parametrize(
    ("framework", "environment"),
    [
        ("pytorch", {}),
        pytest.param("keras", TENSORFLOW, marks=pytest.mark.thorough),  # which the suite traces every time
        ("paddle", {}),
        ("onnx", {}),
    ],
    ids=["pytorch", "keras", "paddle", "onnx"],
)
def test_native_objects(framework: str, environment: dict[str, str], run_apart: RunApart) -> None:
    files = sorted(NATIVE.glob(f"test_{framework}*.py"))
    cases = run_apart(files, environment | EVEN_AND_ODD | {DESIGNS: FIRST[framework]}, *QUICK)
    quick = {test for test in set().union(*map(defined, files)) if not any(word in test for word in SLOW)}
    assert {name(case) for case in cases} == quick, "not every test was run"
    assert [case for case in cases if case.find("skipped") is not None] == []


@pytest.mark.thorough
@pytest.mark.parametrize(
    "environment",
    [{"KERAS_BACKEND": "torch"} | FEW, {"KERAS_BACKEND": "jax"} | HASTY | FEWER],
    ids=["keras:torch", "keras:jax"],
)
def test_native_objects_on_another_engine(environment: dict[str, str], run_apart: RunApart) -> None:
    files = sorted(NATIVE.glob("test_keras*.py"))
    cases = run_apart(files, environment)
    left_out = {name(case) for case in cases if case.find("skipped") is not None}
    assert {name(case) for case in cases} == set().union(*map(defined, files)), "not every test was run"
    assert left_out == ONLY_TENSORFLOW


@pytest.mark.thorough
@IN_EACH_FRAMEWORK
def test_native_objects_of_the_other_designs(
    framework: str, environment: dict[str, str], designs: dict[str, Architecture], run_apart: RunApart
) -> None:
    rest = [*(design for design in designs if design not in FIRST[framework].split()), *SLOW, "windows", "means"]
    cases = run_apart(sorted(NATIVE.glob(f"test_{framework}*.py")), environment, "-k", " or ".join(rest))
    assert len(cases) > 50
    assert [case for case in cases if case.find("skipped") is not None] == []


def name(case: ElementTree.Element) -> str:
    """A test's name without its parameters."""
    return case.attrib["name"].partition("[")[0]


def defined(file: Path) -> set[str]:
    """The names of the tests that a file defines."""
    functions = (node for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}
