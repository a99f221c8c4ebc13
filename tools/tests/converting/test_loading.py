"""The scripts that `convert` prints: whole, so that nothing in them has no meaning."""

import ast

import pytest

from isomorph.spec import Architecture, architecture, zoos
from isomorph.tools.converting.containers import CONTAINERS
from isomorph.tools.converting.formats import FORMATS
from isomorph.tools.converting.loading import how_to_load
from isomorph.tools.weights.namings import NATIVE_NAMINGS

FORMS = ("canonical", *zoos(), *(f"isomorph's {name}" for name in NATIVE_NAMINGS))


def undefined(script: str) -> set[str]:
    """The names that a script reads and that nothing before gives a meaning."""
    defined: set[str] = set()
    missing: set[str] = set()
    for statement in ast.parse(script).body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in defined:
                missing.add(node.id)
        match statement:
            case ast.Import(names=[imported]) | ast.ImportFrom(names=[imported]):
                defined.add(imported.asname or imported.name.partition(".")[0])
            case ast.Assign(targets=[ast.Name(id=name)]):
                defined.add(name)
    return missing


WRITTEN = [(form, container.name) for form in FORMS for container in CONTAINERS.values() if container.takes(form)]


@pytest.mark.parametrize(("form", "format"), WRITTEN)
def test_every_name_has_a_meaning(form: str, format: str) -> None:
    """Whatever the file is called."""
    zoo = zoos().get(form)
    network = architecture(f"{form}/{next(iter(zoo.networks))}" if zoo else "cifar/resnet20")
    assert undefined("\n".join(how_to_load('torch.load(model) "tf.x', network, form, format))) == set()


@pytest.mark.parametrize(
    ("form", "format", "calls"),
    [
        pytest.param("torchvision", "pytorch", True, id="a model of PyTorch's, which is made to be trained"),
        pytest.param("torchvision", "safetensors", True, id="the same from another file"),
        pytest.param("isomorph's paddle", "pdparams", True, id="a layer of Paddle's, which is made to be trained"),
        pytest.param("isomorph's keras", "h5", False, id="a model of Keras's, whose calls say what they are for"),
        pytest.param("transformers", "transformers", False, id="a model of transformers', which is made for inference"),
        pytest.param("canonical", "safetensors", False, id="a network of isomorph's, which is built for inference"),
    ],
)
def test_a_script_sets_inference_where_a_framework_does_not(form: str, format: str, calls: bool) -> None:
    network = architecture("torchvision/resnet18")
    assert ("model.eval()" in how_to_load("a", network, form, format)) == calls


def test_a_name_without_a_meaning_is_noticed() -> None:
    assert undefined("import a.b as c\nd = c.e(f)") == {"f"}


def test_a_network_of_your_own_stands_for_itself() -> None:
    network = architecture("cifar/resnet20")
    own = type(network)("mine/small", network.stem, network.blocks, network.head, network.convention)
    script = how_to_load("a.pth", own, "isomorph's pytorch", "pytorch")
    assert "network_of_your_own = ...  # the isomorph.spec.Architecture" in script
    assert undefined("\n".join(script)) == set()


def test_the_formats_that_help_lists_are_those_that_are_written() -> None:
    assert tuple(CONTAINERS) == FORMATS


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(architecture("keras/MobileNet", width_multiplier=0.25).folded(), id="batch norms folded"),
        pytest.param(architecture("torchvision/resnet18").with_options(batch_norm_epsilon=1e-3), id="another epsilon"),
    ],
)
def test_what_is_not_as_the_name_says_stands_in_the_call(network: Architecture) -> None:
    """The call makes the network of the file, so that its tensors fit."""
    line = next(line for line in how_to_load("a.pth", network, "isomorph's pytorch", "pytorch") if "build(" in line)
    call = line.partition("build(")[2].partition(").native")[0]
    assert eval(call, {"architecture": architecture}) == network
