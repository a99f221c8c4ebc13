"""Every network is told as a variant of itself: with a head of one's own, grey, averaged, biased, folded, shuffled."""

import random
from dataclasses import replace

import pytest

from isomorph.spec import Architecture, Block, architecture, architectures, function, plan, tensor_shapes, zoo
from isomorph.spec.layers import Convolution
from isomorph.spec.tensors import OF_BATCH_NORM, split
from isomorph.tools.weights.by_structure import interpret_by_structure
from isomorph.tools.weights.interpretations import Interpretation
from isomorph.tools.weights.recovery.recover import recover

from .test_recovery import INCEPTIONS, layers_of
from .test_structure import ALL, SMALL, Shape, all_renamed, drawn, modules_renamed, tensors_in_file, wrong_ones

File = dict[str, tuple[str, Shape]]
"""Canonical name -> name and shape in a file, in its order."""

HEADED = [
    name if name in SMALL else pytest.param(name, marks=pytest.mark.thorough)
    for name in architectures()
    if not architecture(name).auxiliary  # whose heads are as many as a head of one's own may have layers
]
"""Networks with one classifier: SMALL has every way of joining the layers before it."""


def renamed(file: File) -> tuple[dict[str, Shape], dict[str, str]]:
    """The file under names that say nothing, and canonical name -> name in it."""
    called = all_renamed([name for name, _ in file.values()])
    return (
        {called[name]: shape for name, shape in file.values()},
        {canonical: called[name] for canonical, (name, _) in file.items()},
    )


def told(shapes: dict[str, Shape], expected: Architecture) -> Interpretation:
    """The one interpretation of the file that is of the expected function."""
    likely = interpret_by_structure(drawn(shapes))
    right = [each for each in likely if function(each.architecture) == function(expected)]
    assert len(right) == 1, f"it is told as {[each.title for each in likely]}"
    return right[0]


# Heads of one's own.


def trunk_of(network: Architecture) -> Architecture:
    """The network without its classifier, and without the dense layers before it."""
    blocks = tuple(block for block in network.blocks if block.unit != "dense")
    return replace(network, blocks=blocks).with_options(num_classes=None)


HIDDEN = (Block("pool", "adaptive_pool", ((1,),)), Block("hidden1", "dense", ((256, 1),)))
HEADS: dict[str, tuple[list[int], tuple[Block, ...]]] = {
    "a dropout and a dense layer": ([7], ()),
    "two dense layers": ([256, 3], HIDDEN),
    "a single logit": ([1], ()),
}


@pytest.mark.parametrize(("depths", "blocks"), HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("name", HEADED)
def test_a_head_of_ones_own_is_told_with_the_trunk(name: str, depths: list[int], blocks: tuple[Block, ...]) -> None:
    network = architecture(name)
    trunk = trunk_of(network)
    expected = replace(trunk, blocks=trunk.blocks + blocks).with_options(num_classes=depths[-1])
    file = {key: each for key, each in tensors_in_file(network).items() if key in tensor_shapes(trunk)}
    seen = plan(trunk).depth
    for scope, depth in zip(["hidden1", "logits"][-len(depths) :], depths, strict=True):
        shape = (depth, seen) if zoo(name.partition("/")[0]).framework == "pytorch" else (seen, depth)
        file |= {f"{scope}/weights": (f"head.{scope}.w", shape), f"{scope}/biases": (f"head.{scope}.b", (depth,))}
        seen = depth
    shapes, names = renamed(file)
    assert wrong_ones(told(shapes, expected), names) == {}


# Options that tensors show.


@pytest.mark.parametrize("name", ALL)
def test_a_network_of_grey_images_is_told(name: str) -> None:
    network = architecture(name, in_channels=1)
    shapes, names = renamed(tensors_in_file(network))
    assert wrong_ones(told(shapes, network), names) == {}


@pytest.mark.parametrize("name", ALL)
def test_biases_beside_batch_norms_are_told(name: str) -> None:
    """Some network has these tensors as it is: Keras's ResNets, whose convolutions have biases, those of others."""
    network = architecture(name, convolution_bias=True)
    tensors = tensors_in_file(network)
    shapes, names = renamed(tensors)
    likely = interpret_by_structure(drawn(shapes))
    right = [each for each in likely if function(each.architecture) == function(network)]
    if not right:
        assert likely, "it is told as nothing"
        assert all(
            sorted(tensor_shapes(each.architecture).values()) == sorted(tensor_shapes(network).values())
            for each in likely
        )
    for each in right:
        assert wrong_ones(each, names) == {}


@pytest.mark.parametrize("name", ALL)
def test_batch_norms_that_were_folded_are_told(name: str) -> None:
    network = architecture(name)
    folded = network.with_options(batch_norm=False, convolution_bias=True)
    shapes, names = renamed(tensors_in_file(folded))
    likely = interpret_by_structure(drawn(shapes))
    right = [each for each in likely if function(each.architecture) == function(folded)]
    assert right, f"it is told as {[each.title for each in likely]}"
    assert wrong_ones(right[0], names) == {}


# Beside other tensors, and in other orders.


@pytest.mark.parametrize("name", ALL)
def test_of_a_network_and_its_average_the_network_is_told(name: str) -> None:
    file = tensors_in_file(architecture(name))
    shapes = {f"{prefix}{theirs}": shape for prefix in ("ema_model.", "net.body.") for theirs, shape in file.values()}
    network = architecture(name)
    home, _, own_name = name.partition("/")
    asked = network if own_name in zoo(home).unpublished else None
    likely = interpret_by_structure(drawn(shapes), asked)
    (right,) = [each for each in likely if function(each.architecture) == function(network)]
    assert right.prefix.startswith("net.body.")
    assert wrong_ones(right, {canonical: f"net.body.{theirs}" for canonical, (theirs, _) in file.items()}) == {}


@pytest.mark.parametrize("name", ALL)
def test_what_is_not_by_order_is_right_in_a_file_that_is_shuffled_within_units(name: str) -> None:
    """The layers of each unit, and the tensors of each layer, whose modules are renamed."""
    network = architecture(name)
    units = {layer.scope: number for number, unit in enumerate(plan(network).all_units) for layer in unit.parametrised}
    chance, file = random.Random(name), tensors_in_file(network)
    at_random = {canonical: chance.random() for canonical in file}
    of_layers = {split(canonical)[0]: chance.random() for canonical in file}

    def place(canonical: str) -> tuple[int, float, float]:
        scope, _ = split(canonical)
        return units.get(scope, -1 if scope != "logits" else len(units)), of_layers[scope], at_random[canonical]

    shuffled = {canonical: file[canonical] for canonical in sorted(file, key=place)}
    called = modules_renamed([theirs for theirs, _ in shuffled.values()])
    names = {canonical: called[theirs] for canonical, (theirs, _) in shuffled.items()}
    interpretation = told({called[theirs]: shape for theirs, shape in shuffled.values()}, network)
    assert set(wrong_ones(interpretation, names).values()) <= {"by order"}


@pytest.mark.parametrize("name", ALL)
def test_which_vector_of_a_batch_norm_is_which_is_never_sure_without_their_names(name: str) -> None:
    """Gamma, beta, mean and variance are of one shape: the order of the file alone says it."""
    shapes, _ = renamed(tensors_in_file(architecture(name)))
    marks = told(shapes, architecture(name)).marks
    assert {mark for canonical, mark in marks.items() if split(canonical)[1] in OF_BATCH_NORM} <= {"by order"}


@pytest.mark.parametrize(
    "name",
    [
        name if name in SMALL else pytest.param(name, marks=pytest.mark.thorough)
        for name in architectures()
        if name not in INCEPTIONS and architecture(name).stem.layers
    ],
)
def test_a_network_behind_another_stem_is_recovered(name: str) -> None:
    """Its first kernel is of 9x9, which no network here has."""
    file = tensors_in_file(architecture(name))
    planned = plan(architecture(name))
    first = next(layer for layer in planned.parametrised if isinstance(layer, Convolution))
    theirs, shape = file[f"{first.scope}/weights"]
    changed = tuple(9 if length == first.kernel else length for length in shape)
    file = file | {f"{first.scope}/weights": (theirs, changed)}
    assert changed != shape
    shapes = dict(file.values())
    assert interpret_by_structure(drawn(shapes)) == []
    found, expected = (layers_of(each) for each in (recover(shapes).architecture, architecture(name)))
    assert found[1:] == expected[1:]
