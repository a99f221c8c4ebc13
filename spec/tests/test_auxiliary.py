"""Auxiliary heads: what they read, where they stand, what they cannot be; and what a network does to its images."""

from dataclasses import replace
from math import prod

import pytest

from isomorph.spec import Architecture, BadInput, architecture, infer, plan, tensor_shapes
from isomorph.spec.architecture import AuxiliaryHead, Block, InputTransform
from isomorph.spec.layers import INPUT

HEADS = ("torchvision/googlenet", "tutorial/googlenet", "paddle/googlenet")


@pytest.fixture
def network() -> Architecture:
    return architecture("tutorial/googlenet")


@pytest.mark.parametrize("name", HEADS)
def test_they_read_4a_and_4d_and_stand_behind_them(name: str) -> None:
    planned = plan(architecture(name))
    assert planned.heads == {"block4/unit_1/inception": "aux1", "block4/unit_4/inception": "aux2"}
    parts = list(planned.parts)
    for unit, head in planned.heads.items():
        assert parts.index(head) == parts.index(unit) + 1
        assert planned.reads[head] == unit
        assert planned.parts[head] == (*(f"{head}/{layer}" for layer in ("pool", "conv", "fc1", "logits")), head)


def test_what_stands_behind_one_reads_past_it(network: Architecture) -> None:
    reads = plan(network).reads
    assert reads["stem"] == INPUT
    assert reads["block4/unit_2/inception"] == "block4/unit_1/inception"
    assert reads["head"] == "block5/unit_2/inception"


@pytest.mark.parametrize(
    ("name", "cells"), [("torchvision/googlenet", 4), ("tutorial/googlenet", 4), ("paddle/googlenet", 3)]
)
def test_they_classify_one_cell_of_an_image_of_the_zoos_size(name: str, cells: int) -> None:
    shapes = infer(architecture(name), 224, 224).shapes(1)
    for head, depth in (("aux1", 512), ("aux2", 528)):
        assert shapes[f"{head}/pool"] == (1, cells, cells, depth)
        assert shapes[f"{head}/conv"] == (1, cells, cells, 128)
        assert shapes[f"{head}/fc1"] == (1, 1, 1, 1024)
        assert shapes[head] == (1, 1, 1, 1000)


def test_adaptive_ones_take_any_size() -> None:
    assert infer(architecture("torchvision/googlenet"), 33, 49).shapes(1)["aux2"] == (1, 1, 1, 1000)


@pytest.mark.parametrize(("name", "size"), [("tutorial/googlenet", 208), ("paddle/googlenet", 96)])
def test_an_image_too_small_for_their_pools_is_refused(name: str, size: int) -> None:
    with pytest.raises(BadInput, match=rf"^Images of {size}x{size} are too small for {name}: aux1 reads .*left out"):
        infer(architecture(name), size, size)
    assert infer(architecture(name, aux_logits=False), size, size).trainable


@pytest.mark.parametrize("name", HEADS)
def test_they_can_be_left_out(name: str) -> None:
    bare = architecture(name, aux_logits=False)
    assert bare.auxiliary == ()
    assert not [end_point for end_point in plan(bare).end_points if end_point.startswith("aux")]
    assert architecture(name, aux_logits=True) == architecture(name)


@pytest.mark.parametrize(("name", "unit"), [("aux1", "block4/unit_1/inception"), ("aux2", "block4/unit_4/inception")])
def test_they_are_planned_as_units_as_deep_as_what_they_read(network: Architecture, name: str, unit: str) -> None:
    planned = plan(network)
    read = next(each for each in planned.units if each.scope == unit)
    head = next(head for _, head in planned.auxiliary if head.scope == name)
    assert (head.kind, head.depth_in, head.nominal_stride) == ("auxiliary", read.depth, 1)


def test_a_network_without_classes_has_none(network: Architecture) -> None:
    assert plan(network.with_options(num_classes=None)).auxiliary == ()


@pytest.mark.parametrize(
    ("block", "unit", "sentence"),
    [
        ("block6", 1, r"^aux3 reads unit 1 of block6, which tutorial/googlenet does not have\.$"),
        ("block4", 6, r"^aux3 reads unit 6 of block4, which tutorial/googlenet does not have\.$"),
        ("block4", 4, r"^aux3 and aux2 both read block4/unit_4/inception; a unit has one head\.$"),
    ],
)
def test_what_they_read_has_to_be_there(network: Architecture, block: str, unit: int, sentence: str) -> None:
    more = replace(network, auxiliary=(*network.auxiliary, AuxiliaryHead("aux3", block, unit)))
    with pytest.raises(BadInput, match=sentence):
        plan(more)


@pytest.mark.parametrize("name", ["torchvision/googlenet", "torchvision/vgg16", "paddle/LeNet"])
def test_there_is_no_rate_for_what_has_no_atrous_form(name: str) -> None:
    nominal = prod(unit.nominal_stride for unit in plan(architecture(name)).units) * architecture(name).stem.stride
    half = nominal // 2
    with pytest.raises(
        BadInput, match=rf"^The output_stride of {name} cannot be {half}: \w+ units have no atrous form"
    ):
        plan(architecture(name, output_stride=half))


def test_the_nominal_output_stride_can_always_be_asked_for() -> None:
    asked, nominal = (plan(architecture("torchvision/googlenet", output_stride=stride)) for stride in (32, None))
    assert asked.parts == nominal.parts


def test_transform_input_turns_torchvisions_normalisation_into_minus_one_to_one() -> None:
    """(x / 255 - mean) / std, as torchvision normalises, becomes x / 127.5 - 1."""
    stem = plan(architecture("torchvision/googlenet", transform_input=True)).stem
    assert stem[0].scope == "input_transform"
    assert stem[1].source == "input_transform"
    transform = architecture("torchvision/googlenet", transform_input=True).input_transform
    assert transform
    for channel, (mean, std) in enumerate(zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)):
        for value in (0.0, 100.0, 255.0):
            given = (value / 255 - mean) / std
            assert given * transform.scale[channel] + transform.shift[channel] == pytest.approx(value / 127.5 - 1)


def test_a_transform_has_a_number_for_each_channel() -> None:
    transform = InputTransform((1.0, 1.0), (0.0, 0.0))
    with pytest.raises(BadInput, match=r"^The input_transform of .* has 2 scales and 2 shifts; its images have 3 "):
        plan(architecture("torchvision/resnet18").with_options(input_transform=transform))


def test_what_has_no_atrous_form_may_stand_before_what_has() -> None:
    """The strides of the units behind a pool are traded; the pool keeps its own."""
    network = architecture("torchvision/resnet18")
    pooled = replace(network, blocks=(Block("pool2", "max_pool", ((3, 2),)), *network.blocks))
    assert [unit.sampling.rate for unit in plan(pooled.with_options(output_stride=16)).units][-1] == 4
    with pytest.raises(
        BadInput, match=r"^The output_stride of torchvision/resnet18 cannot be 4: max_pool units have no"
    ):
        plan(pooled.with_options(output_stride=4))


@pytest.mark.parametrize("name", [*HEADS, "torchvision/vgg11", "torchvision/mobilenet_v2"])
def test_without_dropout_no_layer_drops_and_the_tensors_are_the_same(name: str) -> None:
    """In the head, in front of a VGG's dense layers, and in auxiliary heads."""
    network = architecture(name)
    without = network.without_dropout()
    assert any(layer.dropout for layer in plan(network).convolutions)
    assert not [layer.scope for layer in plan(without).convolutions if layer.dropout]
    assert tensor_shapes(without) == tensor_shapes(network)


def test_without_dropout_all_else_is_kept(network: Architecture) -> None:
    without = network.without_dropout()
    assert replace(without, head=network.head, auxiliary=network.auxiliary) == network
    assert without.without_dropout() == without
