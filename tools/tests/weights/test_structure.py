"""Networks are told by the shapes of their tensors, whatever their names: which network, and which tensor is which."""

import random
import re
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from isomorph.spec import Architecture, BadInput, architecture, architectures, function, plan, tensor_shapes, zoo
from isomorph.spec.tensors import split
from isomorph.tools.checkpoints import Tensors
from isomorph.tools.weights.by_structure import interpret_by_structure
from isomorph.tools.weights.identify import identify
from isomorph.tools.weights.interpretations import Interpretation
from isomorph.tools.weights.told import ToldByStructure

Shape = tuple[int, ...]
Disguise = Callable[[list[str]], dict[str, str]]
"""The names in a file, in its order -> what they are called instead, in the new file's order."""

SMALL = (
    "cifar/resnet20",
    "d2l/resnet18",
    "keras/MobileNet",
    "keras/VGG16",
    "mlperf_tiny/resnet8",
    "paddle/googlenet",
    "slim/resnet_v2_50",
    "torchvision/resnet50",
    "torchvision/mobilenet_v2",
    "torchvision/vgg11_bn",
)
"""Of every way of joining layers one; the others have no tensor that one of these has not a like of."""

ALL = [name if name in SMALL else pytest.param(name, marks=pytest.mark.thorough) for name in architectures()]


@cache
def file_of(name: str) -> dict[str, tuple[str, Shape]]:
    """Canonical name -> name and shape in a file of the network's zoo, in the order of such a file.

    State dictionaries have a unit's shortcut last; Keras and TensorFlow have it first, as the plan does.
    """
    return tensors_in_file(architecture(name))


def tensors_in_file(network: Architecture) -> dict[str, tuple[str, Shape]]:
    """The same of a zoo's network with other options."""
    home = zoo(network.name.partition("/")[0])
    tensors = {canonical: (each.name, each.shape) for canonical, each in home.naming.tensors(network).items()}
    if home.framework not in ("pytorch", "paddle"):
        return tensors
    planned = plan(network)
    units = {layer.scope: number for number, unit in enumerate(planned.all_units, start=1) for layer in unit.layers}
    units |= {layer.scope: 0 for layer in planned.stem}

    def place(item: tuple[str, object]) -> tuple[int, bool]:
        scope, _ = split(item[0])
        return units.get(scope, len(units)), scope.endswith("/shortcut")

    return dict(sorted(tensors.items(), key=place))


def as_they_are(names: list[str]) -> dict[str, str]:
    return {name: name for name in names}


def modules_renamed(names: list[str]) -> dict[str, str]:
    """What stands before the last word is a number, in the order in which it appears."""
    scopes: dict[str, int] = {}
    leaves = {name: re.split(r"[./]", name)[-1] for name in names}
    return {name: f"m{scopes.setdefault(name[: -len(leaf)], len(scopes)):04d}.{leaf}" for name, leaf in leaves.items()}


def all_renamed(names: list[str]) -> dict[str, str]:
    return {name: f"t{number:05d}" for number, name in enumerate(names)}


def under_a_prefix(names: list[str]) -> dict[str, str]:
    return {name: f"model.encoder.{name}" for name in names}


def by_letters(names: list[str]) -> dict[str, str]:
    return {name: name for name in sorted(names)}


def shuffled(names: list[str]) -> dict[str, str]:
    return {name: name for name in random.Random(0).sample(names, len(names))}


def renamed_and_shuffled(names: list[str]) -> dict[str, str]:
    renamed = modules_renamed(names)
    return {name: renamed[name] for name in random.Random(0).sample(names, len(names))}


TELLING: tuple[Disguise, ...] = (as_they_are, modules_renamed, all_renamed, under_a_prefix, by_letters, shuffled)
"""Those that keep the order or the names."""

SIBLINGS = {
    "model.decoder.0.weight": (64, 128, 3, 3),
    "model.decoder.0.bias": (64,),
    "model.decoder.1.weight": (32, 64, 3, 3),
    "model.decoder.1.bias": (32,),
    "criterion.weight": (21,),
}


def drawn(shapes: dict[str, Shape]) -> Tensors:
    return {name: np.broadcast_to(np.float32(1), shape) for name, shape in shapes.items()}


def told(name: str, disguise: Disguise) -> tuple[Interpretation, dict[str, str]]:
    """The interpretation of the disguised file that has the network's own function, and its names by canonical ones."""
    file = file_of(name)
    called = disguise([theirs for theirs, _ in file.values()])
    shapes = dict(file.values())
    tensors = {new: shapes[old] for old, new in called.items()}
    if disguise is under_a_prefix:
        tensors |= SIBLINGS
    network = architecture(name)
    home, _, own_name = name.partition("/")
    asked = network if own_name in zoo(home).unpublished else None  # its zoo's names are those of a published one
    likely = interpret_by_structure(drawn(tensors), asked)
    right = [each for each in likely if function(each.architecture) == function(network)]
    assert len(right) == 1, f"it is told as {[each.title for each in likely]}"
    return right[0], {canonical: called[theirs] for canonical, (theirs, _) in file.items()}


def wrong_ones(interpretation: Interpretation, names: dict[str, str]) -> dict[str, str]:
    """Canonical names of tensors that were taken for others -> how sure that was."""
    expected = interpretation.expected
    return {name: interpretation.marks[name] for name in expected if expected[name].name != names[name]}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("disguise", TELLING)
def test_every_tensor_is_told_where_the_order_or_the_names_are_kept(name: str, disguise: Disguise) -> None:
    interpretation, names = told(name, disguise)
    assert wrong_ones(interpretation, names) == {}
    naming = zoo(name.partition("/")[0]).naming.tensors(architecture(name))
    assert {key: each.axes for key, each in interpretation.expected.items()} == {
        key: each.axes for key, each in naming.items()
    }


@pytest.mark.parametrize("name", ALL)
def test_what_is_not_by_order_is_right_in_a_file_that_is_renamed_and_shuffled(name: str) -> None:
    interpretation, names = told(name, renamed_and_shuffled)
    assert set(wrong_ones(interpretation, names).values()) <= {"by order"}


@pytest.mark.parametrize("name", ALL)
def test_functions_with_the_same_tensors_are_all_told(name: str) -> None:
    """Those of the same layers, whatever strides and pads they have."""
    network, shapes = architecture(name), dict(file_of(name).values())
    likely = interpret_by_structure(drawn({f"t{number:05d}": shape for number, shape in enumerate(shapes.values())}))
    layers = sorted(tensor_shapes(network).values())
    assert all(sorted(tensor_shapes(each.architecture).values()) == layers for each in likely)
    functions = {function(each.architecture) for each in likely}
    assert len(functions) == len(likely)
    others = map(architecture, architectures())
    alike = [other for other in others if list(tensor_shapes(other).items()) == list(tensor_shapes(network).items())]
    assert {function(other) for other in alike} <= functions


# Heads of one's own.


def with_head(*layers: tuple[int, int]) -> Tensors:
    """A ResNet-18 of torchvision's with dense layers, each of so many inputs and outputs, for a classifier."""
    shapes = {
        name: shape for name, shape in dict(file_of("torchvision/resnet18").values()).items() if "fc." not in name
    }
    for number, (depth_in, depth) in enumerate(layers):
        shapes |= {f"fc.{3 * number}.weight": (depth, depth_in), f"fc.{3 * number}.bias": (depth,)}
    return drawn(shapes)


@pytest.mark.parametrize(
    ("head", "also", "blocks"),
    [
        pytest.param([(512, 7)], "", [], id="a classifier under another name"),
        pytest.param([(512, 1)], "", [], id="a single logit"),
        pytest.param(
            [(512, 256), (256, 3)],
            " with a head of its own to 256 and 3",
            [("pool", ((1,),)), ("hidden1", ((256, 1),))],
            id="two dense layers",
        ),
    ],
)
def test_the_head_is_told_with_the_trunk(
    head: list[tuple[int, int]], also: str, blocks: list[tuple[str, object]]
) -> None:
    (interpretation,) = interpret_by_structure(with_head(*head))
    network = interpretation.architecture
    assert interpretation.title == f"torchvision/resnet18{also}"
    assert network.head.num_classes == head[-1][-1]
    assert [(block.scope, block.args) for block in network.blocks[4:]] == blocks
    assert interpretation.expected["logits/weights"].name == f"fc.{3 * (len(head) - 1)}.weight"
    assert {name: each.canonical for name, each in interpretation.expected.items()} == tensor_shapes(network)


@pytest.mark.parametrize("name", ["keras/VGG16", "torchvision/vgg16"])
def test_dense_layers_behind_a_map_of_another_size_are_the_networks_own(name: str) -> None:
    """As a VGG's that was trained on images of 64x64: five pools leave 2x2 cells."""
    network = architecture(name)
    layers = zoo(name.partition("/")[0]).naming.tensors(network)
    shapes = {each.name: each.shape for each in layers.values()}
    kernel = layers["fc6/weights"]
    shapes[kernel.name] = tuple(4 * 512 if length == 49 * 512 else length for length in kernel.shape)
    interpretation = interpret_by_structure(drawn(shapes))[0]
    assert interpretation.title == f"{name} with fc6 reading a map of 2x2"
    blocks = {block.scope: block.args for block in interpretation.architecture.blocks}
    expected = {block.scope: block.args for block in network.blocks} | {"fc6": ((4096, 2),)}
    if "adaptive_pool" in expected:
        expected["adaptive_pool"] = ((2,),)
    assert blocks == expected
    assert {key: each.name for key, each in interpretation.expected.items()} == {
        key: each.name for key, each in layers.items()
    }


def test_a_zoos_names_tell_a_trunk_whose_head_has_others() -> None:
    """Whatever the order: HDF5 files have that of letters, in which conv_dw_10 stands before conv_dw_2."""
    file = file_of("keras/MobileNet")
    trunk = {theirs: shape for canonical, (theirs, shape) in file.items() if not canonical.startswith("logits")}
    tensors = dict(sorted(trunk.items())) | {"dense/kernel": (1024, 5), "dense/bias": (5,)}
    interpretation = interpret_by_structure(drawn(tensors))[0]
    called = {canonical: each.name for canonical, each in interpretation.expected.items()}
    assert called == {canonical: theirs for canonical, (theirs, _) in file.items()} | {
        "logits/weights": "dense/kernel",
        "logits/biases": "dense/bias",
    }
    assert set(interpretation.marks.values()) == {"sure", "by name"}


def test_a_head_that_reads_something_else_is_no_head() -> None:
    assert interpret_by_structure(with_head((513, 7))) == []


# What is not told.


def of_resnet(**changed: Shape | None) -> dict[str, Shape]:
    shapes = dict(file_of("torchvision/resnet50").values()) | {
        name.replace("__", "."): shape for name, shape in changed.items()
    }
    return {name: shape for name, shape in shapes.items() if shape is not None}


SQUEEZING = {
    f"layer{block}.{unit}.se.{layer}.{leaf}": shape
    for block, units, depth in ((1, 3, 256), (2, 4, 512), (3, 6, 1024), (4, 3, 2048))
    for unit in range(units)
    for layer, leaf, shape in (
        ("fc1", "weight", (depth // 16, depth)),
        ("fc1", "bias", (depth // 16,)),
        ("fc2", "weight", (depth, depth // 16)),
        ("fc2", "bias", (depth,)),
    )
}


@pytest.mark.parametrize(
    "shapes",
    [
        pytest.param(of_resnet(conv1__weight=(64, 3, 5, 5)), id="another stem"),
        pytest.param(of_resnet(layer1__0__conv2__weight=None), id="a kernel that is missing"),
        pytest.param(of_resnet(layer1__0__bn2__bias=None), id="a vector that is missing"),
        pytest.param(of_resnet(fc__bias=None), id="a classifier without biases"),
        pytest.param(of_resnet(fc__weight=(0, 2048)), id="an empty tensor"),
        pytest.param(dict(file_of("torchvision/resnet50").values()) | SQUEEZING, id="squeeze and excitation"),
        pytest.param({"a": (3,), "b": (4, 4)}, id="no convolution"),
        pytest.param({}, id="nothing"),
        pytest.param({f"c{n}.w": (8, 8, 3, 3) for n in range(3000)}, id="more layers than any network has"),
        pytest.param({f"v{n}": (64,) for n in range(30_000)}, id="vectors that no name puts together"),
        pytest.param({f"v{n}": (64,) for n in range(200_000)}, id="more tensors than any network has"),
    ],
)
def test_no_neighbour_is_told_for(shapes: dict[str, Shape]) -> None:
    assert interpret_by_structure(drawn(shapes)) == []


# As `identify` tells them.


def test_it_is_said_that_shapes_told() -> None:
    called = all_renamed([name for name, _ in file_of("mlperf_tiny/resnet8").values()])
    shapes = dict(file_of("mlperf_tiny/resnet8").values())
    with pytest.warns(ToldByStructure, match=r"^FILE fits no zoo's names; .* it holds mlperf_tiny/resnet8\. Which"):
        network, tensors = identify(drawn({new: shapes[old] for old, new in called.items()}), "FILE")
    assert network == architecture("mlperf_tiny/resnet8")
    assert {name: value.shape for name, value in tensors.items()} == tensor_shapes(network)


def test_several_functions_are_refused_by_their_names() -> None:
    tensors = drawn({f"t{n}": shape for n, (_, shape) in enumerate(file_of("cifar/resnet20").values())})
    expected = r"^FILE fits no zoo's names, and .* it fits cifar/resnet20 and cifar/plain20, whose functions are not"
    with pytest.raises(BadInput, match=expected):
        identify(tensors, "FILE")


def test_the_function_that_is_asked_for_is_taken() -> None:
    tensors = drawn({f"t{n}": shape for n, (_, shape) in enumerate(file_of("cifar/resnet20").values())})
    with pytest.warns(ToldByStructure, match="it holds cifar/plain20"):
        network, _ = identify(tensors, "FILE", architecture("cifar/plain20"))
    assert network == architecture("cifar/plain20")


def test_of_several_variants_the_one_that_is_asked_for_is_taken() -> None:
    """With biases, which neither has: both are variants, and either name chooses its own."""
    biased = architecture("cifar/plain20", convolution_bias=True)
    tensors = drawn({f"t{n}": shape for n, shape in enumerate(tensor_shapes(biased).values())})
    with pytest.raises(BadInput, match="cifar/plain20 with convolution_bias = true"):
        identify(tensors, "FILE")
    with pytest.warns(ToldByStructure, match="it holds cifar/plain20 with convolution_bias = true"):
        network, _ = identify(tensors, "FILE", architecture("cifar/plain20"))
    assert network == biased


def test_the_prefix_is_said_with_the_network() -> None:
    tensors = drawn({f"net.{theirs}": shape for theirs, shape in file_of("mlperf_tiny/resnet8").values()})
    with pytest.warns(ToldByStructure, match=r"it holds mlperf_tiny/resnet8 under 'net\.'\. Which tensor is which is"):
        identify(tensors, "FILE")
