"""The backends can be read side by side: the same files, unit classes and attributes, the same tests of their own.

Read with `ast`, so that no framework is imported.
"""

import ast
import re
from pathlib import Path

import pytest

from isomorph.spec.atrous import Sampling
from isomorph.spec.convention import Convention
from isomorph.spec.layers import name_of
from isomorph.spec.units import FLAT, KINDS, Site

TESTS = Path(__file__).parent
BACKENDS = TESTS.parent / "isomorph" / "backends"

NAMES = ("oracle", "pytorch", "keras", "paddle")

# What the tests of a native object are about -> the end of their file's name.
SUBJECTS = {"the network": "", "options": "_options", "export": "_export"}

# What a backend has beside units, network and backend, and why.
MORE_FILES = {
    "oracle": {"operations"},  # NumPy has no convolution; and the oracle draws no fresh weights
    "pytorch": {"initializers"},
    "keras": {"initializers", "engines"},  # Keras runs on other frameworks
    "paddle": {"initializers", "engine"},  # what Paddle has for a compiler is a program of its own
}
# What a unit holds beside what PyTorch's does, and why.
MORE_ATTRIBUTES = {
    "oracle": {"add"},  # it rounds after every operation
    "keras": {"add"},  # in a functional model an operation is a layer
}
# What a unit holds beside its layers: what follows its sum; whether its shortcut projects; whether it has one.
BESIDE_LAYERS = {"activation", "projects", "adds"}

# What stands in a framework's units.py beside what stands in PyTorch's, and why.
MORE_CLASSES = {
    "pytorch": set[str](),
    "keras": {"Form"},  # every layer has to be told its dtype and where the channels are
    "paddle": set[str](),
}

# The kinds that have a class: the others are a single layer.
UNITS = [kind for kind, row in KINDS.items() if row.scope != FLAT]
# Numbers for a Block's args with which a unit has all the layers that its kind can have.
ARGS = {"depth": 8, "depth_bottleneck": 4, "stride": 2, "groups": 2, "expansion": 6}


def parsed(name: str, file: str) -> ast.Module:
    return ast.parse((BACKENDS / name / f"{file}.py").read_text())


def classes(module: ast.Module) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in module.body if isinstance(node, ast.ClassDef)}


def unit_classes(name: str) -> dict[str, str]:
    """Unit kind -> class, as the backend's UNITS has them."""
    for node in parsed(name, "units").body:
        match node:
            case (
                ast.Assign(targets=[ast.Name("UNITS")], value=ast.Dict(keys, values))
                | ast.AnnAssign(target=ast.Name("UNITS"), value=ast.Dict(keys, values))
            ):
                return {
                    ast.literal_eval(key): ast.unparse(value) for key, value in zip(keys, values, strict=True) if key
                }
    raise AssertionError(f"{name}/units.py has no table UNITS")


def attributes(unit: ast.ClassDef) -> list[str]:
    """The names that __init__ sets on self, in order."""
    (init,) = (node for node in unit.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    assigned = (node.targets[0] for node in ast.walk(init) if isinstance(node, ast.Assign))
    return [target.attr for target in assigned if isinstance(target, ast.Attribute)]


def layers_of(kind: str) -> list[str]:
    """The names of the layers that a unit of this kind can have, in order."""
    site = Site("unit", 2, Sampling(2, 1, 1), Convention())
    wiring = KINDS[kind].build(site, *(ARGS[field] for field in KINDS[kind].fields))
    return [name_of(layer) for layer in wiring.layers]


def names_of_tests(file: str) -> list[str]:
    """The names of a file's tests, in order."""
    module = ast.parse((TESTS / "native" / file).read_text())
    return [node.name for node in module.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


def test_every_backend_is_listed_here() -> None:
    assert {path.parent.name for path in BACKENDS.glob("*/backend.py")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_files_are_the_same(name: str) -> None:
    found = {path.stem for path in (BACKENDS / name).glob("*.py")}
    assert found == {"__init__", "units", "network", "backend"} | MORE_FILES[name]


@pytest.mark.parametrize("name", NAMES)
def test_units_are_the_specifications(name: str) -> None:
    assert list(unit_classes(name)) == UNITS


@pytest.mark.parametrize("name", NAMES)
def test_unit_classes_are_called_alike_and_stand_in_order(name: str) -> None:
    assert unit_classes(name) == unit_classes("pytorch")
    in_file = [found for found in classes(parsed(name, "units")) if found in unit_classes(name).values()]
    assert in_file == list(dict.fromkeys(unit_classes(name).values()))


@pytest.mark.parametrize("name", MORE_CLASSES)
def test_all_classes_of_the_frameworks_units_are_called_alike_and_stand_in_order(name: str) -> None:
    """But for a capital: Conv2d is Conv2D in Keras and Paddle."""
    found, reference = (list(classes(parsed(backend, "units"))) for backend in (name, "pytorch"))
    assert [each.lower() for each in found if each not in MORE_CLASSES[name]] == [each.lower() for each in reference]
    assert MORE_CLASSES[name] <= set(found)


@pytest.mark.parametrize("kind", UNITS)
def test_attributes_are_the_specifications_layers(kind: str) -> None:
    found = attributes(classes(parsed("pytorch", "units"))[unit_classes("pytorch")[kind]])
    assert [attribute for attribute in found if attribute not in BESIDE_LAYERS] == layers_of(kind)


@pytest.mark.parametrize("kind", UNITS)
@pytest.mark.parametrize("name", NAMES)
def test_attributes_are_called_alike_and_stand_in_order(name: str, kind: str) -> None:
    found, reference = (
        attributes(classes(parsed(backend, "units"))[unit_classes(backend)[kind]]) for backend in (name, "pytorch")
    )
    assert [attribute for attribute in found if attribute not in MORE_ATTRIBUTES.get(name, ())] == reference


@pytest.mark.parametrize("kind", UNITS)
@pytest.mark.parametrize("name", NAMES)
def test_first_line_is_the_shape_contract(name: str, kind: str) -> None:
    unit = classes(parsed(name, "units"))[unit_classes(name)[kind]]
    lines = (ast.get_docstring(unit) or "").splitlines()
    axes = (r"H", r"W", r"depth_in") if name in ("oracle", "keras") else (r"depth_in", r"H", r"W")
    shape = rf"\[N, {', '.join(axes)}\] -> \[N, [^\]]+\]: .+\."
    assert re.fullmatch(shape, lines[0] if lines else ""), f"found {lines[:1]}, expected {shape}"


@pytest.mark.parametrize("name", NAMES)
def test_networks_have_the_same_class(name: str) -> None:
    assert "ResNet" in classes(parsed(name, "network"))


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
@pytest.mark.parametrize("name", ["keras", "paddle"])
def test_native_objects_are_tested_alike(name: str, subject: str) -> None:
    assert names_of_tests(f"test_{name}{subject}.py") == names_of_tests(f"test_pytorch{subject}.py")


def test_every_file_of_native_tests_is_compared() -> None:
    found = {path.name for path in (TESTS / "native").glob("test_*.py")}
    frameworks = (name for name in NAMES if name != "oracle")
    assert found == {f"test_{name}{subject}.py" for name in frameworks for subject in SUBJECTS.values()}
