"""Slim's own tests (google-research/tf-slim, nets/resnet_v1_test.py) of its layers and end points, in every backend."""

import numpy as np
import pytest

from isomorph.backends.protocol import Array
from isomorph.conformance.small_networks import (
    NO_HEAD,
    alone,
    blocks,
    create_input,
    one_unit,
    plain_tensors,
    slim_small,
)
from isomorph.conformance.suite.conftest import Build
from isomorph.spec import Architecture, BadInput, Convention, Stem, StemConvolution, StemPool

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
DENSE = {"num_classes": None, "global_pool": False}

# testConv2DSameEven and testConv2DSameOdd: a 3x3 kernel of row + column on 4x4 and 5x5 images of row + column
EVERY_4 = [[14, 28, 43, 26], [28, 48, 66, 37], [43, 66, 84, 46], [26, 37, 46, 22]]
EVERY_5 = [
    [14, 28, 43, 58, 34],
    [28, 48, 66, 84, 46],
    [43, 66, 84, 102, 55],
    [58, 84, 102, 120, 64],
    [34, 46, 55, 64, 30],
]
SAMPLED_4 = [[14, 43], [43, 84]]
SAMPLED_5 = [[14, 43, 34], [43, 84, 55], [34, 55, 30]]
TENSORFLOWS_4 = [[48, 37], [37, 22]]

CONVOLUTIONS = {
    "an even image": (4, 1, "explicit", EVERY_4),
    "an odd image": (5, 1, "explicit", EVERY_5),
    "an even image in TensorFlow's SAME": (4, 1, "same", EVERY_4),
    "an odd image in TensorFlow's SAME": (5, 1, "same", EVERY_5),
    "an even image, conv2d_same at stride 2": (4, 2, "explicit", SAMPLED_4),
    "an odd image, conv2d_same at stride 2": (5, 2, "explicit", SAMPLED_5),
    "an even image, TensorFlow's SAME at stride 2": (4, 2, "same", TENSORFLOWS_4),
    "an odd image, TensorFlow's SAME at stride 2": (5, 2, "same", SAMPLED_5),
}


def map_of(end_point: Array) -> Array:
    """The one channel of the one image."""
    assert end_point.shape[0] == end_point.shape[3] == 1, end_point.shape
    return end_point[0, :, :, 0]


@DTYPES
@pytest.mark.parametrize("where", ["in the stem", "in a basic unit", "in a bottleneck"])
@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_a_3x3_convolution_of(case: str, where: str, dtype: str, build: Build) -> None:
    size, stride, padding, expected = CONVOLUTIONS[case]
    rule = {"convolution_padding": padding}
    network, scope = {
        "in the stem": (alone(StemConvolution("conv1", 1, 3, stride), **rule), "conv1"),
        "in a basic unit": (one_unit("basic", 1, stride, **rule), "block1/unit_1/basic_v1/conv1"),
        "in a bottleneck": (one_unit("bottleneck", 1, stride, **rule), "block1/unit_1/bottleneck_v1/conv2"),
    }[where]
    kernels = {"block1/unit_1/bottleneck_v1/conv1": np.ones((1, 1, 1, 1))} | {
        scope: create_input(1, 3, 3, 1).reshape(3, 3, 1, 1)
    }
    built = build(network, dtype)
    built.load(plain_tensors(network, kernels))
    found = built.end_points(create_input(1, size, size, 1))
    np.testing.assert_allclose(map_of(found[scope]), expected, rtol=1e-6, atol=1e-6)


# A 3x3 max pool at stride 2 of -1 - row - column, the maximum being a window's first pixel: behind no ReLU, where a
# padding of zeros, Keras's, wins. Slim's pool is TensorFlow's SAME, which on an even side begins with a pixel of the
# image.
POOLS = {
    "an even image, padded on both sides": (4, "explicit", "lowest", [[-1, -2], [-2, -3]]),
    "an even image, in TensorFlow's SAME": (4, "same", "lowest", [[-1, -3], [-3, -5]]),
    "an odd image, padded on both sides": (5, "explicit", "lowest", [[-1, -2, -4], [-2, -3, -5], [-4, -5, -7]]),
    "an odd image, in TensorFlow's SAME": (5, "same", "lowest", [[-1, -2, -4], [-2, -3, -5], [-4, -5, -7]]),
    "an even image, padded with zeros": (4, "explicit", "zero", [[0, 0], [0, -3]]),
    "an odd image, padded with zeros": (5, "explicit", "zero", [[0, 0, 0], [0, -3, 0], [0, 0, 0]]),
}


@DTYPES
@pytest.mark.parametrize("case", POOLS)
def test_a_max_pool_of(case: str, dtype: str, build: Build) -> None:
    size, padding, fill, expected = POOLS[case]
    network = build(alone(StemPool("pool1", 3, 2), pool_padding=padding, pool_fill=fill), dtype)
    found = network.end_points(-1 - create_input(1, size, size, 1))
    np.testing.assert_array_equal(map_of(found["pool1"]), expected)


# testSubsampleThreeByThree and testSubsampleFourByFour: the identity shortcut of a strided unit whose residual is zero
@DTYPES
@pytest.mark.parametrize("unit", ["basic", "bottleneck"])
@pytest.mark.parametrize(("size", "expected"), [(3, [[0, 2], [6, 8]]), (4, [[0, 2], [8, 10]])], ids=["odd", "even"])
def test_a_strided_identity_subsamples(
    size: int, expected: list[list[int]], unit: str, dtype: str, build: Build
) -> None:
    network = one_unit(unit, 1, 2)
    built = build(network, dtype)
    built.load(plain_tensors(network, {}))
    images = np.arange(size * size, dtype=np.float32).reshape(1, size, size, 1)
    np.testing.assert_array_equal(map_of(built.end_points(images)["block1"]), expected)


@DTYPES
@pytest.mark.parametrize(("size", "expected"), [(3, [[0, 2], [6, 8]]), (4, [[0, 2], [8, 10]])], ids=["odd", "even"])
def test_zero_channels_stand_on_both_sides_of_what_is_subsampled(
    size: int, expected: list[list[int]], dtype: str, build: Build
) -> None:
    """Of one channel made four, one stands before and two behind."""
    network = one_unit("basic", 4, 2, shortcut="zero_channels")
    built = build(network, dtype)
    built.load(plain_tensors(network, {}))
    images = np.arange(size * size, dtype=np.float32).reshape(1, size, size, 1)
    found = built.end_points(images)["block1"]
    zeros = np.zeros_like(expected)
    np.testing.assert_array_equal(np.moveaxis(found[0], 2, 0), [zeros, expected, zeros, zeros])


def test_the_end_points_of_two_blocks(build: Build) -> None:
    """testEndPointsV1."""
    shape = ((1, 2, 2), (2, 2, 1))
    network = Architecture("slim/tiny", Stem(()), blocks("bottleneck", shape), NO_HEAD, Convention())
    found = build(network).end_points(create_input(2, 32, 16, 3))
    assert [name for name in found if name.count("/") == 3] == [
        "block1/unit_1/bottleneck_v1/shortcut",
        "block1/unit_1/bottleneck_v1/conv1",
        "block1/unit_1/bottleneck_v1/conv2",
        "block1/unit_1/bottleneck_v1/conv3",
        "block1/unit_2/bottleneck_v1/conv1",
        "block1/unit_2/bottleneck_v1/conv2",
        "block1/unit_2/bottleneck_v1/conv3",
        "block2/unit_1/bottleneck_v1/shortcut",
        "block2/unit_1/bottleneck_v1/conv1",
        "block2/unit_1/bottleneck_v1/conv2",
        "block2/unit_1/bottleneck_v1/conv3",
        "block2/unit_2/bottleneck_v1/conv1",
        "block2/unit_2/bottleneck_v1/conv2",
        "block2/unit_2/bottleneck_v1/conv3",
    ]


def test_classification_ends_in_logits_and_predictions(build: Build) -> None:
    """testClassificationEndPoints, and tensorflow/models' testEndpointNames of the ends."""
    found = build(slim_small(), "float32").end_points(create_input(2, 224, 224, 3))
    assert list(found)[:2] == ["conv1", "pool1"]
    assert list(found)[-4:] == ["block4", "global_pool", "logits", "predictions"]
    assert found["global_pool"].shape == (2, 1, 1, 32)
    assert found["logits"].shape == found["predictions"].shape == (2, 1, 1, 10)
    np.testing.assert_allclose(found["predictions"].sum(axis=3), np.ones((2, 1, 1)), rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "size", "sides"),
    [
        ({}, 224, (28, 14, 7, 7)),
        (DENSE, 321, (41, 21, 11, 11)),
        (DENSE | {"include_root_block": False}, 128, (64, 32, 16, 16)),
        (DENSE | {"output_stride": 8}, 321, (41, 41, 41, 41)),
    ],
    ids=["classification", "fully convolutional", "rootless fully convolutional", "atrous fully convolutional"],
)
def test_the_shapes_of_the_blocks(options: dict[str, object], size: int, sides: tuple[int, ...], build: Build) -> None:
    """testClassificationShapes and the three tests of fully convolutional end points."""
    found = build(slim_small(**options), "float32").end_points(create_input(2, size, size, 3))
    expected = [(2, side, side, depth) for side, depth in zip(sides, (4, 8, 16, 32), strict=True)]
    assert [found[block].shape for block in ("block1", "block2", "block3", "block4")] == expected


@pytest.mark.parametrize(
    ("output_stride", "message"),
    [
        (3, r"^The output_stride needs to be a multiple of 4\.$"),
        (12, r"^The target output_stride cannot be reached\.$"),
        (64, r"^The target output_stride cannot be reached\.$"),
    ],
    ids=["no multiple of 4", "no product of strides", "past the last block"],
)
def test_an_output_stride_that_cannot_be(output_stride: int, message: str, build: Build) -> None:
    with pytest.raises(BadInput, match=message):
        build(slim_small(output_stride=output_stride))
