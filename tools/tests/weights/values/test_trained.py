"""Kinds of units of which there is no trained file here: their values agree after a short training on digits.

The oracle trains them, on scikit-learn's digits at twice their size: 16x16, 8x8 and 4x4 cells.
"""

from functools import cache

import pytest

from examples import digits
from isomorph.backends import load_backend
from isomorph.backends.training import SGD
from isomorph.conformance.small_networks import grouped
from isomorph.spec import Architecture, Block, Convention, Head, Stem, StemConvolution, StemPool, tensor_shapes
from isomorph.tools.converting.initialisation import initialise
from isomorph.tools.weights.values.agreement import Agreement, find_agreement
from isomorph.tools.weights.values.correlations import LEAST

from ...tensors import Tensors

STEPS = 24
BATCH = 16
POOLED = Stem((StemConvolution("conv1", 16, 3), StemPool("pool1", 3, stride=2)))
LINEAR = Stem((StemConvolution("conv1", 16, 3, linear=True), StemPool("pool1", 3, stride=2)))
UNPOOLED = Stem((StemConvolution("conv1", 16, 3, stride=2),))
BOTTLENECKS = tuple(((4 * base, base, stride), (4 * base, base, 1)) for base, stride in ((8, 1), (16, 2)))


CONVENTION = Convention(pool_padding="same", batch_norm_decay=0.75)
"""Running statistics follow within the few steps that are trained."""


def network(unit: str, units: tuple[tuple[tuple[int, ...], ...], ...], stem: Stem) -> Architecture:
    blocks = tuple(Block(f"block{number}", unit, args) for number, args in enumerate(units, start=1))
    return Architecture("mine/tiny", stem, blocks, Head(10), CONVENTION)


BOTTLENECK = network("bottleneck", BOTTLENECKS, POOLED)
NETWORKS = {
    "bottlenecks behind a max pool": BOTTLENECK,
    "grouped bottlenecks": Architecture("mine/grouped", POOLED, grouped(BOTTLENECK.blocks, 2), Head(10), CONVENTION),
    "pre-activated bottlenecks": network("bottleneck_v2", BOTTLENECKS, LINEAR),
    "inceptions": network("inception", (((16, 8, 16, 8, 16, 16),), ((16, 16, 32, 8, 16, 16),)), POOLED),
    "separable units": network("separable", (((32, 1), (32, 1)), ((64, 2), (64, 1))), UNPOOLED),
    "inverted residuals": network("inverted_residual", (((3, 16, 1), (3, 16, 1)), ((3, 32, 2), (3, 32, 1))), UNPOOLED),
    "convolutions and pools": network("convolution", (((16, 3, 1), (16, 3, 1)), ((32, 3, 2), (32, 3, 1))), POOLED),
}


@cache
def trained(name: str) -> Tensors:
    """The tensors of a network after STEPS steps from a fresh start."""
    architecture = NETWORKS[name].with_options(in_channels=1)
    data, _ = digits.read()
    images, labels = data.images.repeat(2, axis=1).repeat(2, axis=2), data.labels
    oracle = load_backend("oracle").build(architecture, dtype="float32", training=True)
    oracle.load(initialise(architecture, frozenset(tensor_shapes(architecture)), 0))
    velocity: Tensors | None = None
    for step in range(STEPS):
        batch = slice(step * BATCH, (step + 1) * BATCH)
        _, velocity = oracle.step(images[batch], labels[batch], SGD(learning_rate=2.0**-3), velocity)
    return oracle.tensors()


@pytest.mark.thorough  # trained files of basic, separable and plain units stand for them
@pytest.mark.parametrize("name", NETWORKS)
def test_values_agree_after_a_short_training(name: str) -> None:
    agreement = find_agreement(NETWORKS[name].with_options(in_channels=1), trained(name))
    assert agreement.status == "agree"
    assert agreement.median is not None
    assert agreement.median > 0.95
    assert len(agreement.compared) >= 0.6 * len(agreement.correlations)


@pytest.mark.thorough
@pytest.mark.parametrize("name", NETWORKS)
def test_running_means_in_reverse_order_do_not(name: str) -> None:
    """The same numbers, of other channels, agree in few layers: those of channels that are all alike."""
    architecture, tensors = NETWORKS[name].with_options(in_channels=1), trained(name)
    turned = {key: value[::-1] if key.endswith("moving_mean") else value for key, value in tensors.items()}
    before, after = (find_agreement(architecture, each) for each in (tensors, turned))
    assert agreeing(after) < 0.2 * agreeing(before)


def agreeing(agreement: Agreement) -> int:
    return sum(value >= LEAST for value in agreement.compared.values())
