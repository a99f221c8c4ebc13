"""The shapes of end points: slim's own expectations (resnet_v1_test.py), as hand-written integers."""

import pytest

from isomorph.spec import Architecture, BadInput, Block, Head, Stem, architecture, infer, plan
from isomorph.spec.layers import ZeroChannels
from isomorph.spec.zoos import slim

# Slim's test network: base depths 1, 2, 4, 8; 3, 3, 3, 2 units; strides 2, 2, 2, 1; ten classes.
SMALL = Architecture(
    "slim/resnet",
    slim.STEM,
    tuple(
        slim.resnet_block(f"block{number}", base_depth, units, stride)
        for number, (base_depth, units, stride) in enumerate(((1, 3, 2), (2, 3, 2), (4, 3, 2), (8, 2, 1)), start=1)
    ),
    Head(num_classes=10),
    slim.CONVENTION,
)
DENSE = {"num_classes": None, "global_pool": False}
BLOCKS = ("block1", "block2", "block3", "block4")


def test_slims_end_points_of_two_blocks() -> None:
    """testEndPointsV1: units of two blocks, one of which strides, fed with the images themselves."""
    blocks = (slim.resnet_block("block1", 1, 2, 2), slim.resnet_block("block2", 2, 2, 1))
    tiny = Architecture("slim/tiny", slim.STEM, blocks, Head(None, global_pool=False), include_root_block=False)
    assert list(infer(tiny, 32, 16).shapes(2)) == [
        "block1/unit_1/bottleneck_v1/shortcut",
        "block1/unit_1/bottleneck_v1/conv1",
        "block1/unit_1/bottleneck_v1/conv2",
        "block1/unit_1/bottleneck_v1/conv3",
        "block1/unit_1/bottleneck_v1",
        "block1/unit_2/bottleneck_v1/conv1",
        "block1/unit_2/bottleneck_v1/conv2",
        "block1/unit_2/bottleneck_v1/conv3",
        "block1/unit_2/bottleneck_v1",
        "block1",
        "block2/unit_1/bottleneck_v1/shortcut",
        "block2/unit_1/bottleneck_v1/conv1",
        "block2/unit_1/bottleneck_v1/conv2",
        "block2/unit_1/bottleneck_v1/conv3",
        "block2/unit_1/bottleneck_v1",
        "block2/unit_2/bottleneck_v1/conv1",
        "block2/unit_2/bottleneck_v1/conv2",
        "block2/unit_2/bottleneck_v1/conv3",
        "block2/unit_2/bottleneck_v1",
        "block2",
    ]


@pytest.mark.parametrize(
    ("options", "size", "sides"),
    [
        ({}, 224, (28, 14, 7, 7)),
        (DENSE, 321, (41, 21, 11, 11)),
        (DENSE | {"include_root_block": False}, 128, (64, 32, 16, 16)),
        (DENSE | {"output_stride": 8}, 321, (41, 41, 41, 41)),
        (DENSE, 65, (9, 5, 3, 3)),
        (DENSE | {"output_stride": 8}, 65, (9, 9, 9, 9)),
    ],
    ids=["classification", "fully convolutional", "rootless", "atrous", "odd", "odd and atrous"],
)
def test_slims_blocks(options: dict[str, object], size: int, sides: tuple[int, ...]) -> None:
    shapes = infer(SMALL.with_options(**options), size, size).shapes(2)
    expected = [(2, side, side, depth) for side, depth in zip(sides, (4, 8, 16, 32), strict=True)]
    assert [shapes[block] for block in BLOCKS] == expected


def test_classification_ends_in_a_map_of_one_cell() -> None:
    shapes = infer(SMALL, 224, 224).shapes(2)
    assert list(shapes)[-4:] == ["block4", "global_pool", "logits", "predictions"]
    assert shapes["global_pool"] == (2, 1, 1, 32)
    assert shapes["logits"] == shapes["predictions"] == (2, 1, 1, 10)


@pytest.mark.parametrize(
    ("options", "end"),
    [
        ({"num_classes": None}, ["block4", "global_pool"]),
        ({"global_pool": False}, ["block4", "logits", "predictions"]),
        (DENSE, ["block4/unit_2/bottleneck_v1", "block4"]),
    ],
    ids=["without classes", "without the mean", "without both"],
)
def test_a_network_ends_where_its_head_does(options: dict[str, object], end: list[str]) -> None:
    assert list(infer(SMALL.with_options(**options), 64, 64).shapes(1))[-len(end) :] == end


@pytest.mark.parametrize(
    ("height", "width", "block4"),
    [(None, None, (2, None, None, 32)), (65, None, (2, 3, None, 32)), (None, 33, (2, None, 2, 32))],
    ids=["both", "the width", "the height"],
)
def test_what_is_unknown_of_the_images_is_unknown_of_the_maps(
    height: int | None, width: int | None, block4: tuple[int | None, ...]
) -> None:
    found = infer(SMALL, height, width)
    assert found.shapes(2)["block4"] == block4
    assert found.shapes(2)["logits"] == (2, 1, 1, 10)
    assert found.macs is None


def test_height_and_width_are_kept_apart() -> None:
    shapes = infer(architecture("torchvision/resnet18"), 65, 97).shapes(3)
    assert [shapes[name] for name in ("conv1", "pool1", *BLOCKS)] == [
        (3, 33, 49, 64),
        (3, 17, 25, 64),
        (3, 17, 25, 64),
        (3, 9, 13, 128),
        (3, 5, 7, 256),
        (3, 3, 4, 512),
    ]


def test_the_smallest_image_has_one_pixel() -> None:
    assert set(infer(architecture("slim/resnet_v1_50"), 1, 1).shapes(1).values()) >= {(1, 1, 1, 2048)}


@pytest.mark.parametrize(("height", "width"), [(0, 32), (32, 0), (0, None)])
def test_images_without_pixels_are_too_small(height: int, width: int | None) -> None:
    expected = f"^Images of {height}x{width} are too small for slim/resnet_v1_50: A map of size 0 is too small"
    with pytest.raises(BadInput, match=expected):
        infer(architecture("slim/resnet_v1_50"), height, width)


@pytest.mark.parametrize(
    ("name", "side", "place", "least"),
    [
        ("keras/VGG16", 64, "A map of size 2 is too small for a 7x7 window of the dense layer fc6", 224),
        ("keras/VGG16", 223, "A map of size 6 is too small for a 7x7 window of the dense layer fc6", 224),
        ("paddle/LeNet", 20, "A map of size 3 is too small for a 5x5 window of the dense layer fc3", 28),
        ("torchvision/vgg11", 31, "A map of size 1 is too small for a 2x2 window of the layer pool5", 32),
    ],
)
def test_images_that_are_too_small_are_told_how_large_they_have_to_be(
    name: str, side: int, place: str, least: int
) -> None:
    with pytest.raises(BadInput) as caught:
        infer(architecture(name), side, side)
    sentence = f"Images of {side}x{side} are too small for {name}: {place}; both sides need at least {least} pixels."
    assert str(caught.value) == sentence
    infer(architecture(name), least, least)


def test_a_strided_identity_has_no_end_point_and_zero_channels_have_one() -> None:
    """Slim's last unit of a block subsamples its shortcut silently; option A's shortcut makes channels."""
    assert "block1/unit_3/bottleneck_v1/shortcut" not in infer(SMALL, 64, 64).shapes(1)
    shapes = infer(architecture("cifar/resnet20"), 32, 32).shapes(1)
    assert shapes["block2/unit_1/basic_v1/shortcut"] == (1, 16, 16, 32)
    assert "block1/unit_1/basic_v1/shortcut" not in shapes


def test_an_odd_channel_of_zeros_goes_behind() -> None:
    blocks = (Block("block1", "basic", ((8, 8, 1),)),)
    odd = Architecture("odd", Stem(()), blocks, convention=architecture("cifar/resnet20").convention)
    shortcut = next(plan(odd).units).shortcut
    assert isinstance(shortcut, ZeroChannels)
    assert (shortcut.before, shortcut.depth_in, shortcut.after) == (2, 3, 3)


@pytest.mark.parametrize("name", ["global_pool", "predictions"])
def test_what_has_no_tensors_costs_nothing_and_has_no_rate(name: str) -> None:
    found = next(each for each in infer(architecture("cifar/resnet20"), 32, 32).end_points if each.name == name)
    assert (found.rate, found.trainable, found.statistics, found.macs) == (1, 0, 0, 0)
