"""What is known of the values that flow through a network, against values that are drawn."""

import numpy as np
import pytest

from isomorph.backends.oracle.operations import activate
from isomorph.spec.layers import Activation, MaxPool
from isomorph.tools.weights.values.signals import Signal, added, concatenated, unknown

from ...tensors import Array

MEANS, DEVIATIONS = np.array([-2.0, 0.0, 0.5, 4.0, 7.0]), np.array([1.0, 0.5, 2.0, 3.0, 1.0])
DRAWN = np.random.default_rng(0).normal(MEANS, DEVIATIONS, (400_000, 5))
SIGNAL = Signal(MEANS, DEVIATIONS**2)


def activated(values: Array, activation: Activation) -> Array:
    return activate(values.copy(), activation)


def assert_alike(signal: Signal, drawn: Array) -> None:
    np.testing.assert_allclose(signal.settled.mean, drawn.mean(axis=0), atol=0.02)
    np.testing.assert_allclose(signal.settled.variance, drawn.var(axis=0), rtol=0.02, atol=0.01)


@pytest.mark.parametrize("activation", ["relu", "relu6", None])
def test_an_activation_has_the_moments_of_values_that_are_drawn(activation: Activation) -> None:
    assert_alike(SIGNAL.activated(activation), activated(DRAWN, activation))


def test_relu6_behind_relu_is_relu6_and_relu_behind_it_changes_nothing() -> None:
    assert_alike(SIGNAL.activated("relu").activated("relu6").activated("relu6"), activated(DRAWN, "relu6"))
    assert SIGNAL.activated("relu").activated("relu").activation == "relu"


def test_a_sum_has_the_moments_of_independent_values() -> None:
    other = np.random.default_rng(1).normal(1.0, 2.0, DRAWN.shape)
    signals = [SIGNAL.activated("relu"), Signal(np.full(5, 1.0), np.full(5, 4.0))]
    assert_alike(added(signals), activated(DRAWN, "relu") + other)


def test_a_max_pool_of_rectified_values_has_a_larger_mean_than_they_have() -> None:
    signal = SIGNAL.activated("relu")
    pooled = signal.pooled(MaxPool("pool1", 5, 3, 2, "same", 0.0))
    drawn = activated(DRAWN, "relu").reshape(-1, 4, 5).max(axis=1)  # a window of 3x3 counts as four values
    np.testing.assert_allclose(pooled.settled.mean, drawn.mean(axis=0), rtol=0.05, atol=0.05)
    assert (pooled.settled.mean > signal.settled.mean).all()


def test_all_channels_of_several_results_stay_in_order() -> None:
    both = concatenated([SIGNAL.activated("relu"), SIGNAL])
    assert_alike(both, np.concatenate([activated(DRAWN, "relu"), DRAWN], axis=1))


def test_nothing_is_known_of_what_adds_something_unknown() -> None:
    assert np.isnan(added([SIGNAL, unknown(5)]).activated("relu").settled.mean).all()


def test_a_constant_is_rectified_without_a_warning() -> None:
    constant = Signal(np.array([-1.0, 2.0]), np.zeros(2), "relu").settled
    np.testing.assert_allclose(constant.mean, [0, 2], atol=1e-9)
