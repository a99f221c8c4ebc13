"""The oracle's max pool, against maxima that were found by hand."""

import numpy as np
import pytest

from isomorph.backends.oracle.operations import max_pool
from isomorph.spec.layers import MaxPool

# -1 to -25, row by row: in every window the first cell that is there is the maximum.
X = -np.arange(1.0, 26.0).reshape(1, 5, 5, 1)


@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        pytest.param(-np.inf, [[-1, -2, -4], [-6, -7, -9], [-16, -17, -19]], id="with what is never the maximum"),
        pytest.param(0.0, [[0, 0, 0], [0, -7, 0], [0, 0, 0]], id="with zeros, which only the middle does not see"),
    ],
)
def test_negative_values_padded(fill: float, expected: list[list[int]]) -> None:
    found = max_pool(X, MaxPool("pool1", 1, 3, 2, "explicit", fill))
    assert found[0, :, :, 0].tolist() == expected


def test_behind_a_relu_the_filling_makes_no_difference() -> None:
    x = np.maximum(np.random.default_rng(0).normal(size=(2, 7, 6, 3)), 0)
    lowest, zero = (max_pool(x, MaxPool("pool1", 3, 3, 2, "explicit", fill)) for fill in (-np.inf, 0.0))
    assert np.array_equal(lowest, zero)
