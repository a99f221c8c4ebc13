"""The orders in which the oracle sums: each rounds otherwise, so that their differences show how large noise is."""

import numpy as np
import pytest

from isomorph.backends.oracle import pullbacks
from isomorph.backends.oracle.operations import convolve, softmax
from isomorph.backends.oracle.primitives import mean
from isomorph.backends.protocol import Array
from isomorph.spec.layers import Convolution
from isomorph.spec.tensors import WEIGHTS

SHUFFLED = range(2, 8)
# Of which 2^16 together are 2^-9, and each alone is lost where it is added to one in float32.
SMALL = np.full(2**16, -25 * np.log(2.0), np.float32)


def values(*shape: int) -> Array:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    "x", [np.append(np.float32(0), SMALL), np.append(SMALL, np.float32(0))], ids=["the front", "the back"]
)
def test_in_order_1_a_softmax_sums_from_the_end_which_loses_more_be_it(x: Array) -> None:
    """One beside 2^16 times 2^-25: a sum that begins with the one stays 1."""
    assert softmax(x.astype(np.float64)).max() == pytest.approx(1 / (1 + 2**-9), rel=1e-8)
    assert softmax(x, 1).max() == 1.0


@pytest.mark.parametrize("shape", [(64, 1000), (2, 5, 6, 500)], ids=["of answers", "of maps"])
@pytest.mark.parametrize("order", SHUFFLED)
def test_a_shuffled_softmax_is_the_same_but_for_rounding(order: int, shape: tuple[int, ...]) -> None:
    x = values(*shape)
    np.testing.assert_allclose(softmax(x, order), softmax(x.astype(np.float64)), rtol=1e-5)
    assert not np.array_equal(softmax(x, order), softmax(x, 0))
    assert not np.array_equal(softmax(x, order), softmax(x, 1))


@pytest.mark.parametrize("order", SHUFFLED)
def test_a_shuffled_mean_is_the_same_but_for_rounding(order: int) -> None:
    x = values(2, 9, 9, 64)
    assert mean(x, 1, order) == pytest.approx(x.mean(axis=(1, 2), dtype=np.float64), abs=1e-6)
    assert not np.array_equal(mean(x, 1, order), mean(x, 1))


@pytest.mark.parametrize("order", [1, *SHUFFLED])
@pytest.mark.parametrize("groups", [1, 4, 32], ids=["dense", "grouped", "depthwise"])
def test_a_convolution_in_another_order_is_the_same_but_for_rounding(groups: int, order: int) -> None:
    layer = Convolution("conv1", 32, 32, 3, groups=groups)
    x, kernel = values(1, 6, 6, 32), values(3, 3, 32 // groups, 32)
    exact = convolve(x.astype(np.float64), kernel.astype(np.float64), layer)
    assert convolve(x, kernel, layer, order) == pytest.approx(exact, abs=1e-4)
    assert not np.array_equal(convolve(x, kernel, layer, order), convolve(x, kernel, layer))


def test_order_0_is_one_product_and_order_1_that_of_each_half_of_the_channels() -> None:
    layer = Convolution("conv1", 32, 24, 1)
    x, kernel = values(1, 6, 6, 32), values(1, 1, 32, 24)
    terms, weights = x.reshape(36, 32), kernel[0, 0]
    first, second = (np.ascontiguousarray(terms[:, half]) @ weights[half] for half in (slice(16), slice(16, 32)))
    assert np.array_equal(convolve(x, kernel, layer).reshape(36, 24), terms @ weights)
    assert np.array_equal(convolve(x, kernel, layer, 1).reshape(36, 24), second + first)


def test_gradients_are_one_product_in_order_0_and_in_order_1_that_of_each_half() -> None:
    layer = Convolution("conv1", 32, 24, 1)
    x, kernel, gradient = values(1, 6, 6, 32), values(1, 1, 32, 24), values(1, 6, 6, 24)
    terms, given = x.reshape(36, 32).T, gradient.reshape(36, 24)
    whole, halves = (pullbacks.convolve(x, kernel, layer, order)[1](gradient)[1][WEIGHTS][0, 0] for order in (0, 1))
    assert np.array_equal(whole, terms @ given)
    assert np.array_equal(halves, terms[:, 18:] @ given[18:] + terms[:, :18] @ given[:18])
