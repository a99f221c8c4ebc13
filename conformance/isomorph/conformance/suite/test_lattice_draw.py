"""How lattices are drawn: the same on every machine, exactly representable, refused where they decide nothing."""

import zlib
from fractions import Fraction

import numpy as np
import pytest

from isomorph.backends.oracle.operations import convolve
from isomorph.conformance.cases import uniform
from isomorph.conformance.lattice.case import LARGEST, batch_norm_scale, draw_lattice
from isomorph.conformance.lattice.coverage import assert_covered
from isomorph.conformance.lattice.drawn import Lattice
from isomorph.conformance.lattice.steps import lattice_steps
from isomorph.conformance.lattice.taps import deal, deal_taps
from isomorph.conformance.small_networks import KIN, RIGID, slim_small
from isomorph.spec import BadInput, architecture, architectures
from isomorph.spec.convention import as_float32
from isomorph.spec.layers import Convolution
from isomorph.spec.tensors import GAMMA, MOVING_VARIANCE, split

EPSILONS = sorted({architecture(name).convention.batch_norm_epsilon for name in architectures()})

# Whether float32's variance and epsilon make the square of a power of two in float64, too.
EXACT_IN_FLOAT64 = {1e-5: True, 1.001e-5: True, 1e-3: False}


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_variance_and_epsilon_are_the_square_of_gamma(epsilon: float) -> None:
    scale, added = batch_norm_scale(as_float32(epsilon)), np.float32(epsilon)
    variance = np.float32(scale * scale - float(added))
    assert variance > added / 16
    assert variance + added == np.float32(scale * scale)
    assert np.float32(scale) / np.sqrt(variance + added) == 1
    assert (float(variance) + float(added) == scale * scale) is EXACT_IN_FLOAT64[epsilon]
    assert abs((float(variance) + float(added)) / (scale * scale) - 1) <= 2.0**-25


@pytest.mark.parametrize("name", ["slim's bottlenecks", "inceptions"])
def test_what_is_drawn_are_powers_of_two_and_integers(name: str) -> None:
    """Without gamma, the kernel has batch norm's scale."""
    network = (KIN | RIGID)[name]
    scale = batch_norm_scale(network.convention.batch_norm_epsilon)
    case = draw_lattice(network, 2, 49, 64)
    assert set(np.unique(case.images)) == {-3, -2, -1, 0, 1, 2, 3}
    for tensor, value in case.tensors.items():
        leaf = split(tensor)[1]
        if leaf != MOVING_VARIANCE:
            unit = scale if leaf == GAMMA or not network.convention.batch_norm_gamma else 1.0
            assert np.array_equal(value / unit, np.rint(value / unit)), tensor


BITS = {
    "slim's bottlenecks": 0x20E30BED,
    "inverted residuals": 0x7086039A,
    "inceptions that activate what they join": 0xF9D86B7B,
}


@pytest.mark.parametrize("name", BITS)
def test_a_lattice_has_the_same_bits_on_every_machine(name: str) -> None:
    case = draw_lattice((KIN | RIGID)[name], 2, 49, 64, seed=3)
    found = zlib.crc32(case.images.astype("<f4").tobytes())
    for tensor, value in case.tensors.items():
        found = zlib.crc32(value.astype("<f4").tobytes(), zlib.crc32(tensor.encode(), found))
    for end_point, count in case.exact.items():
        found = zlib.crc32(count.astype("<i8").tobytes(), zlib.crc32(end_point.encode(), found))
    assert hex(found) == hex(BITS[name])


STEPS = {
    "torchvision/resnet18": (64, 96, {"block4": "1", "global_pool": "1/6", "logits": "1/6"}),
    "torchvision/vgg11": (64, 64, {"pool5": "1", "adaptive_pool": "1/4", "fc7": "1/4", "global_pool": "1/4"}),
    "torchvision/googlenet": (224, 224, {"aux1/pool": "1/16", "aux2/logits": "1/16", "logits": "1/49"}),
    "tutorial/googlenet": (224, 224, {"aux1/pool": "1/25", "aux1/conv": "1/25", "aux1": "1/25", "block5": "1"}),
    "slim/resnet_v1_50": (224, 224, {"conv1": "1", "block4": "1", "logits": "1/49"}),
}


@pytest.mark.parametrize("name", STEPS)
def test_means_divide_the_step(name: str) -> None:
    height, width, expected = STEPS[name]
    found = lattice_steps(architecture(name), height, width)
    assert {end_point: str(found[end_point]) for end_point in expected} == expected


def test_a_dropout_that_scales_inference_multiplies_it() -> None:
    """By 0.6 as float32 has it, behind a mean over 25 cells."""
    found = lattice_steps(architecture("paddle/googlenet"), 192, 192)
    assert found["global_pool"] == Fraction(1, 25)
    assert found["logits"] == Fraction(as_float32(0.6)) / 25


def test_an_input_transform_is_undone_by_the_images() -> None:
    network = RIGID["inceptions that activate what they join"]
    case = draw_lattice(network, 2, 49, 64)
    transform = network.input_transform
    assert transform
    transformed = case.images * np.array(transform.scale, np.float32) + np.array(transform.shift, np.float32)
    assert np.abs(transformed - case.exact["input_transform"]).max() < 1e-5
    assert set(np.unique(case.exact["input_transform"])) == {-3, -2, -1, 0, 1, 2, 3}


def test_a_network_without_its_stem_is_given_integers_by_its_images() -> None:
    network = slim_small(include_root_block=False)
    assert set(np.unique(draw_lattice(network, 2, 16, 21).images)) == {-3, -2, -1, 0, 1, 2, 3}


def test_seeds_in_a_row_are_dealt_all_that_the_first_deck_has() -> None:
    dealt = [deal(seed, "deck", groups=2, count=7, size=12, first=3) for seed in range(4)]
    for player in range(2):
        assert sorted(card for cards in dealt for card in cards[player, :3]) == list(range(12))
        assert all(len(set(cards[player])) == 7 for cards in dealt)


def test_taps_are_ones_within_the_own_group_and_sum_as_the_convolution_does() -> None:
    layer = Convolution("conv", 12, 8, kernel=3, stride=2, rate=2, groups=4)
    taps = deal_taps(layer, 0, "conv", 2, np.ones(8, bool))
    kernel = taps.kernel()
    assert kernel.shape == (3, 3, 3, 8)
    assert set(np.unique(kernel)) <= {-1, 0, 1}
    assert set(np.abs(kernel).sum(axis=(0, 1, 2))) <= {1, 2}
    x = np.rint(9 * uniform(0, "x", (2, 9, 11, 12)))
    assert np.array_equal(taps.sums(x), convolve(x, kernel, layer))


def test_a_channel_that_is_constant_is_an_error_if_most_are() -> None:
    with pytest.raises(BadInput, match=r"^Of the channels of slim/resnet 0% answer to these images; expected 90% or"):
        draw_lattice(slim_small(), 1, 1, 1)


def test_images_that_are_too_small_are_an_error() -> None:
    with pytest.raises(BadInput, match=r"^Images of 8x8 are too small for paddle/LeNet"):
        draw_lattice(architecture("paddle/LeNet"), 2, 8, 8)


@pytest.mark.parametrize("network", KIN)
def test_without_the_mean_bfloat16_and_tf32_hold_all_values(network: str) -> None:
    case = draw_lattice(KIN[network].with_options(global_pool=False), 2, 49, 64)
    assert case.largest <= LARGEST["bfloat16"]
    assert case.exact_in("bfloat16")
    assert case.exact_in("tf32")


@pytest.mark.parametrize(
    ("network", "largest", "of_end_points"),
    [("slim's bottlenecks", 39, 34), ("inverted residuals", 41, 31), ("separable units", 47, 18)],
)
def test_the_largest_value_may_stand_in_front_of_a_batch_norm(network: str, largest: int, of_end_points: int) -> None:
    case = draw_lattice(KIN[network], 2, 49, 64)
    assert max(np.abs(count).max() for count in case.exact.values()) == of_end_points
    assert case.largest == largest


def test_a_mean_over_three_cells_is_on_no_binary_lattice() -> None:
    case = draw_lattice(slim_small(), 2, 32, 96)
    assert case.steps["logits"] == Fraction(1, 3)
    assert case.exact_in("float32")
    assert not case.exact_in("tf32")


# One of each kind; test_every_network.py has them all.
COVERED = (
    "slim's bottlenecks",
    "zero channels",
    "pre-activated bottlenecks",
    "inverted residuals",
    "inceptions that activate what they join",
    "dense layers behind a flattened map",
)


@pytest.mark.parametrize("name", COVERED)
def test_changing_any_entry_of_any_tensor_moves_a_logit_in_some_draw(name: str) -> None:
    assert_covered(Lattice((KIN | RIGID)[name], 97, 128), of_each=1)


def test_draws_that_miss_an_entry_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isomorph.conformance.lattice.coverage.DRAWS", 1)
    with pytest.raises(AssertionError, match="entries that moved no logit in 1 draws"):
        assert_covered(Lattice(KIN["zero channels"], 97, 128), of_each=1)
