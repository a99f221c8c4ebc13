"""What a network computes densely is, subsampled, what it computes nominally; and one network serves all sizes."""

from functools import cache

import numpy as np
import pytest

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.protocol import Array, Options
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.small_networks import KIN, NO_HEAD, PAIRS, blocks, create_input, slim_small
from isomorph.conformance.suite.conftest import Build
from isomorph.conformance.suite.selection import but_in_pytorch
from isomorph.spec import Architecture, Convention, Stem

DENSE = {"num_classes": None, "global_pool": False}
ROOTLESS = Architecture("slim/stack", Stem(()), blocks("bottleneck", PAIRS), NO_HEAD, Convention())


@cache
def drawn(network: Architecture, height: int, width: int) -> tuple[Array, dict[str, Array]]:
    """Images, and the tensors that are calibrated on them."""
    images = draw_images(network, 2, height, width)
    return images, draw_tensors(network, images)


def run(built_by: Build, network: Architecture, dtype: str, images: Array, tensors: dict[str, Array]) -> Array:
    """What the backend under test says of `block4`."""
    built = built_by(network, dtype)
    built.load(tensors)
    return built.end_points(images)["block4"]


def by_oracle(network: Architecture, images: Array, tensors: dict[str, Array]) -> Array:
    """What the oracle says of `block4`."""
    oracle = OracleNetwork(network, Options(dtype="float64"))
    oracle.load(tensors)
    answer = oracle.end_points(images)["block4"]
    assert np.count_nonzero(answer) > answer.size / 4, "too little is alive for agreement to mean something"
    return answer


def assert_equal_to_rounding(found: Array, expected: Array) -> None:
    """To 1e-12 of the largest value."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max(), err_msg=str(found.shape))


@pytest.mark.thorough_where(where=but_in_pytorch("kin", "slim's bottlenecks"))
@pytest.mark.parametrize("output_stride", [4, 8, 16])
@pytest.mark.parametrize("kin", KIN)
def test_subsampled_dense_features_are_the_nominal_ones(kin: str, output_stride: int, build: Build) -> None:
    """testAtrousFullyConvolutionalValues, to rounding, on an even and an odd side, for units slim has and has not."""
    nominal = KIN[kin].with_options(**DENSE)
    images, tensors = drawn(nominal, 64, 97)
    dense = run(build, nominal.with_options(output_stride=output_stride), "float64", images, tensors)
    factor = 32 // output_stride
    assert_equal_to_rounding(dense[:, ::factor, ::factor], by_oracle(nominal, images, tensors))


@pytest.mark.thorough_where(where=but_in_pytorch("output_stride"))
@pytest.mark.parametrize("output_stride", [4, 8, 16, 32])
def test_subsampled_dense_features_are_the_nominal_ones_to_slims_tolerance(output_stride: int, build: Build) -> None:
    """testAtrousFullyConvolutionalValues as slim runs it: float32, 81x81, rtol 1e-4, atol 2e-4."""
    nominal = slim_small(**DENSE)
    images, tensors = drawn(nominal, 81, 81)
    expected = run(build, nominal, "float32", images, tensors)
    dense = run(build, nominal.with_options(output_stride=output_stride), "float32", images, tensors)
    factor = 32 // output_stride
    np.testing.assert_allclose(dense[:, ::factor, ::factor], expected, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("output_stride", [1, 2, 4, 8])
def test_a_stack_without_a_root_keeps_its_values(output_stride: int, build: Build) -> None:
    """testAtrousValuesBottleneck: base depths 1, 2, 4, 8, two units each, strides 2, 2, 2, 1, a 30x31 image."""
    _, tensors = drawn(ROOTLESS, 30, 31)
    images = create_input(1, 30, 31, 3)
    dense = run(build, ROOTLESS.with_options(output_stride=output_stride), "float64", images, tensors)
    factor = 8 // output_stride
    assert_equal_to_rounding(dense[:, ::factor, ::factor], by_oracle(ROOTLESS, images, tensors))


@pytest.mark.parametrize(
    ("output_stride", "shapes"),
    [
        (None, [(2, 3, 3, 32), (2, 3, 4, 32), (1, 1, 2, 32)]),
        (8, [(2, 9, 9, 32), (2, 11, 13, 32), (1, 4, 5, 32)]),
    ],
    ids=["nominal", "output stride 8"],
)
def test_one_network_serves_any_batch_height_and_width(
    output_stride: int | None, shapes: list[tuple[int, ...]], build: Build
) -> None:
    """testUnknownBatchSize, testFullyConvolutionalUnknownHeightWidth and its atrous twin, values included."""
    network = slim_small(**DENSE, output_stride=output_stride)
    _, tensors = drawn(network, 65, 65)
    built = build(network)
    built.load(tensors)
    images = [draw_images(network, *size) for size in ((2, 65, 65), (2, 81, 97), (1, 32, 40))]
    found = [built.end_points(each)["block4"] for each in images]
    assert [each.shape for each in found] == shapes
    for each, answer in zip(images, found, strict=True):
        assert_equal_to_rounding(answer, by_oracle(network, each, tensors))


def test_a_classifier_serves_any_height_and_width(build: Build) -> None:
    built = build(slim_small(), "float32")
    sizes = [(2, 65, 65, 3), (3, 33, 97, 3)]
    assert [built.end_points(create_input(*size))["logits"].shape for size in sizes] == [(2, 1, 1, 10), (3, 1, 1, 10)]
