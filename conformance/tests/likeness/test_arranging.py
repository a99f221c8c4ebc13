"""Values are told as one in whatever order they lie; others are not."""

from collections.abc import Callable

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.conformance.likeness.arranging import Arranger, have_the_same_elements

X = np.random.default_rng(0).normal(size=(2, 3, 4, 6))

ORDERS: dict[str, Callable[[Array], Array]] = {
    "as it is": lambda x: x,
    "flattened": lambda x: x.reshape(2, -1),
    "its channels first": lambda x: x.transpose(0, 3, 1, 2),
    "token by token": lambda x: x.reshape(2, 12, 6).transpose(1, 0, 2),
    "heads split off": lambda x: x.reshape(2, 3, 4, 2, 3).transpose(0, 3, 1, 2, 4),
    "rows in any order": lambda x: x.reshape(24, 6)[np.random.default_rng(1).permutation(24)],
}


@pytest.mark.parametrize("order", ORDERS)
def test_a_value_is_arranged_as_another_lies(order: str) -> None:
    theirs = np.ascontiguousarray(ORDERS[order](X))
    arranged = Arranger().arrange(X, theirs)
    assert arranged is not None
    np.testing.assert_array_equal(arranged, X)


def test_noise_does_not_hide_an_order() -> None:
    theirs = np.ascontiguousarray(ORDERS["token by token"](X * (1 + 1e-13)))
    arranged = Arranger().arrange(X, theirs)
    assert arranged is not None
    np.testing.assert_allclose(arranged, X, rtol=1e-12)


def test_what_differs_is_read_as_the_last_of_its_axes_was() -> None:
    """A fault that changes the numbers leaves the order: it is the one of the values before."""
    arranger = Arranger()
    move = ORDERS["token by token"]
    arranger.arrange(X, np.ascontiguousarray(move(X)))
    changed = np.exp(X)
    np.testing.assert_array_equal(arranger.arrange(X, np.ascontiguousarray(move(changed))), changed)


def test_another_value_of_unknown_axes_is_read_as_it_lies() -> None:
    theirs = np.arange(X.size, dtype=float).reshape(2, -1)
    np.testing.assert_array_equal(Arranger().arrange(X, theirs), theirs.reshape(X.shape))


def test_a_value_of_another_size_is_not_arranged() -> None:
    assert Arranger().layout(X, X[:1]) is None


def test_elements_are_compared_whatever_their_order() -> None:
    assert have_the_same_elements(X, X.reshape(-1)[::-1])
    assert not have_the_same_elements(X, X * 1.001)
    assert not have_the_same_elements(X, np.full_like(X, np.nan))
