"""Drawn images and tensors: the same bits on every machine, nothing dead, nothing exploding, every path exercised."""

import zlib
from collections.abc import Mapping

import numpy as np
import pytest

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.protocol import Array, Options
from isomorph.conformance.cases import (
    check_decides,
    check_images,
    check_tensors,
    coarse_statistics,
    draw_images,
    draw_tensors,
    halved_kernels,
    uniform,
)
from isomorph.conformance.reference import Reference
from isomorph.conformance.small_networks import KIN, RIGID, slim_small
from isomorph.conformance.verdict import relative_l2
from isomorph.spec import Architecture, BadInput, architecture, is_trainable, tensor_shapes

NETWORKS = {
    "slim's small network": (slim_small(), 49, 64),
    "cifar/resnet20": (architecture("cifar/resnet20"), 32, 32),
    "cifar/resnet110": (architecture("cifar/resnet110"), 27, 35),
    "torchvision/resnet18": (architecture("torchvision/resnet18"), 64, 64),
    "slim/resnet_v1_50": (architecture("slim/resnet_v1_50"), 49, 65),
    "slim/resnet_v1_50, dense": (architecture("slim/resnet_v1_50", output_stride=8, global_pool=False), 49, 65),
    "zero channels": (KIN["zero channels"], 49, 64),
}

# CRC-32 of what is drawn: names and little-endian float32 values, in network order
BITS = {
    "slim's small network": (0x0387EE73, 0x83458AB7),
    "cifar/resnet20": (0x8B8BA403, 0x800786E5),
    "torchvision/resnet18": (0x066FB3FB, 0x39284E7E),
}


def crc(arrays: Mapping[str, Array]) -> int:
    found = 0
    for name, array in arrays.items():
        found = zlib.crc32(array.astype("<f4").tobytes(), zlib.crc32(name.encode(), found))
    return found


@pytest.mark.parametrize("name", BITS)
def test_what_is_drawn_has_the_same_bits_on_every_machine(name: str) -> None:
    network, height, width = NETWORKS[name]
    images = draw_images(network, 2, height, width)
    tensors = draw_tensors(network, images)
    assert {array.dtype.name for array in (images, *tensors.values())} == {"float32"}
    assert (hex(zlib.crc32(images.astype("<f4").tobytes())), hex(crc(tensors))) == tuple(map(hex, BITS[name]))


def test_the_stream_is_philoxs() -> None:
    """The first numbers, in units of 2^-23, so that NumPy's generator is pinned apart from all that follows."""
    assert (uniform(0, "images", (4,)) * 2**23).tolist() == [-7575028.0, 1887143.0, 3709230.0, -1349154.0]
    assert (uniform(7, "conv1/weights", (3,)) * 2**23).tolist() == [-4724399.0, -7524834.0, 7697429.0]


@pytest.mark.parametrize("changed", ["seed", "name"])
def test_another_seed_or_name_draws_other_numbers(changed: str) -> None:
    one = uniform(0, "a", (1000,))
    other = uniform(1, "a", (1000,)) if changed == "seed" else uniform(0, "b", (1000,))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.15


def test_a_seed_draws_all_tensors_and_images_anew() -> None:
    network = slim_small()
    images = [draw_images(network, 2, 33, 33, seed) for seed in (0, 1)]
    assert np.count_nonzero(images[0] == images[1]) < images[0].size / 100
    tensors = [draw_tensors(network, images[0], seed) for seed in (0, 1)]
    # Statistics of a few channels may agree: they are coarse.
    assert not [name for name in tensors[0] if is_trainable(name) and (tensors[0][name] == tensors[1][name]).all()]


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_is_dead_and_nothing_explodes(name: str) -> None:
    """Every end point's channels are alive but for zero_channels' own, at any depth; values stay of order one."""
    end_points, _ = run(*NETWORKS[name])
    alive, sizes = {}, {}
    for end_point, y in end_points.items():
        if end_point != "predictions":
            alive[end_point] = float((np.abs(y).max(axis=(0, 1, 2)) > 1e-3).mean())
            sizes[end_point] = float(np.sqrt((y**2).mean()))
    shortcuts = {key: share for key, share in alive.items() if key.endswith("shortcut") and share < 0.9}
    assert set(shortcuts.values()) <= {0.5, 0.25}, "zeros beside as many channels, or thrice as many"
    assert all("zero_channels" in str(NETWORKS[name][0].convention.shortcut) for _ in shortcuts)
    dead = {key: share for key, share in alive.items() if share < 0.9 and key not in shortcuts}
    assert not dead, "share of channels that are alive"
    assert {key: size for key, size in sizes.items() if not 0.05 < size < 20} == {}, "root mean squares"


@pytest.mark.parametrize("name", NETWORKS)
def test_its_answer_depends_on_what_it_sees(name: str) -> None:
    """On which of the two images, and on which way up it is."""
    end_points, network = run(*NETWORKS[name])
    first, second = end_points["logits"]
    assert relative_l2(first, second) > 0.05
    _, height, width = NETWORKS[name]
    upside_down = network.end_points(draw_images(network.architecture, 2, height, width)[:, ::-1])["logits"]
    assert relative_l2(upside_down, end_points["logits"]) > 0.05


def run(network: Architecture, height: int, width: int) -> tuple[dict[str, Array], OracleNetwork]:
    images = draw_images(network, 2, height, width)
    oracle = OracleNetwork(network, Options(dtype="float64"))
    oracle.load(draw_tensors(network, images))
    return oracle.end_points(images), oracle


JOINS = RIGID["inceptions that activate what they join"]
DENSE = RIGID["dense layers behind a flattened map"]


@pytest.mark.parametrize(
    ("network", "kernels"),
    [
        pytest.param(
            JOINS,
            ["aux1/fc1", *(f"block1/unit_{unit}/inception/branch{each}" for unit in (1, 2) for each in (1, 2, 3, 4))],
            id="of branches whose concatenation is activated, and of a head's hidden layer",
        ),
        pytest.param(DENSE, ["block1/block1_1", "block1/block1_2", "block2", "fc6"], id="of layers that are activated"),
        pytest.param(KIN["slim's bottlenecks"], [], id="none that a batch norm follows"),
    ],
)
def test_kernels_are_halved(network: Architecture, kernels: list[str]) -> None:
    assert halved_kernels(network) == {f"{scope}/weights" for scope in kernels}


def test_running_statistics_are_the_images_own_but_coarse() -> None:
    x = np.random.default_rng(0).normal([3.0, -0.2, 40.0], [2.0, 0.1, 1e-5], (2, 30, 30, 3))
    mean, variance = coarse_statistics(x)
    assert np.all(np.abs(mean[:2] - [3.0, -0.2]) < np.array([2.0, 0.1]) / 8)
    assert np.all(np.abs(variance[:2] / [4.0, 0.01] - 1) < 0.2)
    assert variance[2] == 1, "a map that hardly varies is not blown up"
    mantissas = np.frexp(variance)[0] * 16
    np.testing.assert_array_equal(mantissas, np.round(mantissas), "four significant bits")
    again = coarse_statistics(x * (1 + 1e-12))
    np.testing.assert_array_equal(again, (mean, variance), "the order of a sum would matter")


def test_all_tensors_are_drawn_and_none_is_constant() -> None:
    network = slim_small()
    tensors = draw_tensors(network, draw_images(network, 2, 49, 64))
    assert {name: value.shape for name, value in tensors.items()} == tensor_shapes(network)
    constant = [name for name, value in tensors.items() if value.size > 2 and np.ptp(value) == 0]
    assert not constant


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("conv1/weights", np.nan, "^it holds 1 value in conv1/weights that is NaN or infinite; expected numbers.$"),
        ("conv1/BatchNorm/gamma", np.inf, "^it holds 1 value in conv1/BatchNorm/gamma that is NaN or infinite"),
        ("conv1/BatchNorm/moving_variance", -1.0, "^it holds a negative variance in conv1/BatchNorm/moving_variance"),
    ],
    ids=["NaN", "infinity", "negative variance"],
)
def test_tensors_that_no_comparison_can_use_are_refused(name: str, value: float, message: str) -> None:
    network = slim_small()
    tensors = {key: np.ones(shape, np.float32) for key, shape in tensor_shapes(network).items()}
    check_tensors(tensors, "it")
    tensors[name].flat[-1] = value
    with pytest.raises(BadInput, match=message):
        check_tensors(tensors, "it")


def test_images_that_hold_nan_are_refused() -> None:
    images = draw_images(slim_small(), 1, 4, 4)
    check_images(images, "it")
    images[0, 3, 3, 2] = np.nan
    with pytest.raises(BadInput, match=r"^it holds pixels that are NaN or infinite"):
        check_images(images, "it")


@pytest.mark.parametrize(("floor", "decides"), [(0.1, True), (0.125, False), (1e4, False), (float("inf"), False)])
def test_noise_as_large_as_the_answer_decides_nothing(floor: float, decides: bool) -> None:
    """At an eighth of the answer, of which eight pass, zeros would pass."""
    if decides:
        check_decides(slim_small(), "float32", floor)
        return
    with pytest.raises(BadInput, match=r"^In float32 the noise of slim/resnet's answer is .* times that answer, so"):
        check_decides(slim_small(), "float32", floor)


def test_batch_norms_calibrated_on_maps_of_one_cell_are_refused() -> None:
    """What two images make of two cells is noise, ever more of it with depth."""
    network = architecture("cifar/resnet110")
    images = draw_images(network, 2, 4, 4)
    with pytest.raises(BadInput, match=r"^In float32 the noise of cifar/resnet110's answer is "):
        Reference(network, draw_tensors(network, images), images).floors("float32")
