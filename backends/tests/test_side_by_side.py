"""The backends can be read side by side: the same files, classes and attributes, the same tests of their own.

Read with `ast`, so that no framework is imported.
"""

import ast
import re
from pathlib import Path

import pytest

from isomorph.spec import Architecture, Block, Convention, Head, Stem, plan
from isomorph.spec.architecture import AuxiliaryHead
from isomorph.spec.atrous import Sampling
from isomorph.spec.auxiliary import KIND as AUXILIARY
from isomorph.spec.layers import name_of
from isomorph.spec.site import Site
from isomorph.spec.units import FLAT, KINDS

TESTS = Path(__file__).parent
BACKENDS = TESTS.parent / "isomorph" / "backends"

NAMES = ("oracle", "pytorch", "keras", "paddle")
# It builds no networks, and so has none of the others' files.
OPENING = {"onnx"}

# What the tests of a native object are about -> the end of their file's name.
SUBJECTS = {"the network": "", "options": "_options", "export": "_export", "padding": "_padding"}
# What one framework alone is asked for, and why.
MORE_SUBJECTS = {
    "test_pytorch_counts.py",  # it counts floating-point operations
    "test_pytorch_cifar.py",  # the authors' modules are PyTorch's
    "test_pytorch_evaluation.py",  # one witness beside the oracle is enough
}
# How models of others are traced is each framework's own.
OF_ONE = "_tracing"
MORE_TESTS = {
    # The others fail where they cannot compile a network whole.
    "test_pytorch_options.py": {"test_a_network_is_compiled_whole_or_not_at_all"},
    # What it saves is the whole network, and not its tensors alone.
    "test_keras.py": {"test_saved_network_that_was_built_for_training_loads_as_what_it_is_at_inference"},
    # Its ceil_mode is not PyTorch's.
    "test_paddle_padding.py": {"test_paddles_ceil_mode_counts_a_window_that_begins_behind_the_last_cell"},
}

# What every backend has, and what one has beside that, and why.
FILES = {"__init__", "layers", "units", "network", "training", "speed", "backend"}
MORE_FILES = {
    # NumPy has no convolution, nor gradients; and the oracle draws no weights. It evaluates single operations, too.
    "oracle": {"operations", "primitives", "pullbacks", "evaluation"},
    # The oracle's tensors are the canonical ones, and it has no file. torch.compile is asked in more than one way.
    "pytorch": {"initializers", "naming", "exports", "compiling"},
    "keras": {"initializers", "naming", "exports", "engines", "gradients"},  # it runs on other frameworks
    "paddle": {"initializers", "naming", "exports", "engine"},  # what Paddle has for a compiler is a program of its own
}
# What a unit holds beside what PyTorch's does, and why.
MORE_ATTRIBUTES = {
    "oracle": {"add"},  # it rounds after every operation
    "keras": {"add", "concatenate"},  # in a functional model an operation is a layer
    "paddle": {"axis"},  # where the channels are is told to whatever asks for it
}
# What a unit holds beside its layers: what follows its sum; whether its shortcut projects; whether it has one.
BESIDE_LAYERS = {"activation", "projects", "adds"}

# What stands in a framework's file beside what stands in PyTorch's, and why.
MORE_DEFINITIONS = {
    ("keras", "layers"): {
        "Form",  # every layer has to be told its dtype and where the channels are
        "layer_name",  # and has a name of its own in the whole model
        "make_padding",  # padding is a layer
        "make_subsample",  # and so is a strided slice
        "AdaptiveAveragePooling2D",  # Keras's own needs to know the size
        "UnbiasedBatchNormalization",  # its running variance follows the biased one, as Paddle's
    },
    ("keras", "training"): {"_cross_entropy", "SGDWithL2"},  # its loss is one of each image; its decay no L2 term
    ("paddle", "layers"): {
        "add_to",  # PyTorch's `+=` is Paddle's `add_` in eager mode alone
        "ReLU",  # and its `ReLU(inplace=True)` Paddle's `relu_`
        "GlobalAvgPool2D",  # its pools weigh float64's gradients in float32
        "AvgPool2D",
        "AdaptiveAvgPool2D",
        "UnbiasedBatchNorm2D",
    },
    ("paddle", "training"): {"velocity_of"},  # it finds its state by name
    ("keras", "units"): {"make_add"},  # in a functional model an operation is a layer
    ("keras", "network"): {"Stem", "Scoped"},  # and parts are called on what is symbolic, one after the other
}
# What stands in PyTorch's file and not in a framework's, and why.
FEWER_DEFINITIONS = {
    ("keras", "layers"): {
        "pad",  # see make_padding
        "BiasedBatchNorm2d",  # which Keras's own is
        "FrozenBatchNorm2d",  # layers are frozen by `trainable`
        "freeze_batch_norm",
    },
    ("paddle", "layers"): {"BiasedBatchNorm2d", "FrozenBatchNorm2d"},  # see `use_global_stats`
    # A model of several answers is no class of its own.
    ("keras", "network"): {"ConvNetWithAuxiliaryHeads", "make_block", "make_network"},
}

# A file longer than that has more than one purpose.
MOST_LINES = 400

# The kinds that have a class: the others are a single layer.
UNITS = [*(kind for kind, row in KINDS.items() if row.scope != FLAT), AUXILIARY]
# Numbers for a Block's args with which a unit has all the layers that its kind can have.
ARGS = {"depth": 8, "depth_bottleneck": 4, "stride": 2, "groups": 2, "expansion": 6}
ARGS |= dict.fromkeys(KINDS["inception"].fields, 4)


def parsed(name: str, file: str) -> ast.Module:
    return ast.parse((BACKENDS / name / f"{file}.py").read_text())


def definitions(name: str, file: str) -> list[str]:
    """The names of a file's classes and functions, in order."""
    found = (node for node in parsed(name, file).body if isinstance(node, ast.ClassDef | ast.FunctionDef))
    return [node.name for node in found]


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
    if kind == AUXILIARY:
        block, auxiliary = Block("block1", "convolution", ((8, 1, 1),)), AuxiliaryHead("aux1", "block1", 1)
        ((_, unit),) = plan(Architecture("a/b", Stem(()), (block,), Head(10), auxiliary=(auxiliary,))).auxiliary
        return [name_of(layer) for layer in unit.layers]
    site = Site("unit", 2, Sampling(2, 1, 1), Convention())
    wiring = KINDS[kind].build(site, *(ARGS[field] for field in KINDS[kind].fields))
    return [name_of(layer) for layer in wiring.layers]


def names_of_tests(file: str) -> list[str]:
    """The names of a file's tests that every framework has, in order."""
    module = ast.parse((TESTS / "native" / file).read_text())
    names = [node.name for node in module.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    more = MORE_TESTS.get(file, set())
    assert more <= set(names), "an exception that is none"
    return [name for name in names if name not in more]


def test_every_backend_is_listed_here() -> None:
    assert {path.parent.name for path in BACKENDS.glob("*/backend.py")} == {*NAMES, *OPENING}


@pytest.mark.parametrize("name", NAMES)
def test_files_are_the_same(name: str) -> None:
    found = {path.stem for path in (BACKENDS / name).glob("*.py")}
    assert found == FILES | MORE_FILES[name]


@pytest.mark.parametrize("name", NAMES)
def test_units_are_the_specifications(name: str) -> None:
    assert list(unit_classes(name)) == UNITS
    assert AUXILIARY not in KINDS, "a Block could have one"


@pytest.mark.parametrize("name", NAMES)
def test_unit_classes_are_called_alike_and_stand_in_order(name: str) -> None:
    assert unit_classes(name) == unit_classes("pytorch")
    in_file = [found for found in classes(parsed(name, "units")) if found in unit_classes(name).values()]
    assert in_file == list(dict.fromkeys(unit_classes(name).values()))


@pytest.mark.parametrize("file", ["layers", "units", "network", "training"])
@pytest.mark.parametrize("name", ["keras", "paddle"])
def test_all_that_a_frameworks_file_defines_is_called_alike_and_stands_in_order(name: str, file: str) -> None:
    """But for a capital: Conv2d is Conv2D in Keras and Paddle."""
    more, fewer = MORE_DEFINITIONS.get((name, file), set()), FEWER_DEFINITIONS.get((name, file), set())
    found, reference = definitions(name, file), definitions("pytorch", file)
    assert [each.lower() for each in found if each not in more] == [
        each.lower() for each in reference if each not in fewer
    ]
    assert more <= set(found), "an exception that is none"
    assert fewer <= set(reference), "an exception that is none"


def test_oracles_layers_are_called_alike_and_stand_in_order() -> None:
    """Those that have tensors; what has none is a function."""
    shared = {"ConvBatchNorm", "BatchNormActivation"}
    orders = [[each for each in definitions(name, "layers") if each in shared] for name in NAMES]
    assert orders == [["ConvBatchNorm", "BatchNormActivation"]] * len(NAMES)


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
    assert definitions(name, "network")[0] == "ConvNet"


@pytest.mark.parametrize("path", sorted(BACKENDS.rglob("*.py")), ids=lambda path: str(path.relative_to(BACKENDS)))
def test_a_file_has_one_purpose(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= MOST_LINES, f"{lines} lines are two files"


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
@pytest.mark.parametrize("name", ["keras", "paddle"])
def test_native_objects_are_tested_alike(name: str, subject: str) -> None:
    assert names_of_tests(f"test_{name}{subject}.py") == names_of_tests(f"test_pytorch{subject}.py")


def test_every_file_of_native_tests_is_compared() -> None:
    found = {path.name for path in (TESTS / "native").glob("test_*.py") if OF_ONE not in path.name}
    frameworks = (name for name in NAMES if name != "oracle")
    compared = {f"test_{name}{subject}.py" for name in frameworks for subject in SUBJECTS.values()}
    assert found == compared | MORE_SUBJECTS
