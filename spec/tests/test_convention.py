"""What zoos disagree on, as the networks have it: epsilon in float32, initialisers, the strided convolution."""

import math

import numpy as np
import pytest

from isomorph.spec import Initializer, architecture, architectures, plan
from isomorph.spec.convention import as_float32


@pytest.mark.parametrize("value", [1e-5, 1.001e-5, 1e-3, 0.9, 0.997, 0.99, 0.5])
def test_rounding_to_float32_is_ieee_754s(value: float) -> None:
    assert as_float32(value) == float(np.float32(value))
    assert as_float32(as_float32(value)) == as_float32(value)


def test_epsilon_and_decay_are_rounded_when_a_network_is_resolved() -> None:
    network = architecture("slim/resnet_v1_50")
    assert (network.convention.batch_norm_epsilon, network.convention.batch_norm_decay) == (1e-5, 0.997)
    # Written out, so that the rounding is not its own witness.
    assert plan(network).epsilon == 9.999999747378752e-06
    assert plan(network).decay == 0.996999979019165


def test_a_tenth_of_a_percent_of_epsilon_survives_the_rounding() -> None:
    rounded = as_float32(1.001e-5) / as_float32(1e-5)
    assert math.isclose(rounded, 1.001, rel_tol=1e-6)


# Where the zoos part, from their sources: slim resnet_utils.py, torchvision and paddle resnet.py, the CIFAR resnet.py.
@pytest.mark.parametrize(
    ("name", "decay", "pool_padding", "running_variance", "shortcut"),
    [
        ("slim/resnet_v1_50", 0.997, "same", "unbiased", "projection"),
        ("torchvision/resnet50", 0.9, "explicit", "unbiased", "projection"),
        ("paddle/resnet50", 0.9, "explicit", "biased", "projection"),
        ("cifar/resnet20", 0.9, "explicit", "unbiased", "zero_channels"),
    ],
)
def test_zoos_disagree_as_their_sources_do(
    name: str, decay: float, pool_padding: str, running_variance: str, shortcut: str
) -> None:
    found = architecture(name).convention
    assert (found.batch_norm_decay, found.pool_padding) == (decay, pool_padding)
    assert (found.running_variance, found.shortcut) == (running_variance, shortcut)
    assert found.batch_norm_epsilon == 1e-5


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        (Initializer("normal", 2.0), 2 / (9 * 16)),
        (Initializer("normal", 2.0, "fan_out"), 2 / (9 * 64)),
        (Initializer("uniform", 1.0, "fan_avg"), 1 / (9 * 40)),
        (Initializer("truncated_normal", 2.6), 2.6 / (9 * 16)),
    ],
    ids=["fan in", "fan out", "the mean of both", "slim's"],
)
def test_fresh_weights_have_the_variance_of_their_fan(initializer: Initializer, variance: float) -> None:
    """Of a 3x3 kernel from 16 channels to 64."""
    assert initializer.stddev(3, 16, 64) == pytest.approx(variance**0.5, rel=1e-15)


@pytest.mark.parametrize(
    ("bottleneck_stride", "strides"), [("conv1", [2, 1, 1]), ("conv2", [1, 2, 1])], ids=["as published", "version 1.5"]
)
def test_a_bottleneck_strides_where_the_convention_says(bottleneck_stride: str, strides: list[int]) -> None:
    planned = plan(architecture("torchvision/resnet50", bottleneck_stride=bottleneck_stride))
    unit = planned.blocks[1].units[0]
    assert [unit.convolution(name).stride for name in ("conv1", "conv2", "conv3")] == strides
    assert unit.convolution("shortcut").stride == 2


@pytest.mark.parametrize("name", architectures())
def test_a_unit_ends_without_relu_before_the_sum(name: str) -> None:
    for unit in plan(architecture(name)).units:
        *inner, last = [convolution for convolution in unit.convolutions if "shortcut" not in convolution.scope]
        assert not last.relu, last.scope
        assert all(convolution.relu for convolution in inner), unit.scope
