"""Values are told as one in whatever order they lie; others are not."""

from collections.abc import Callable

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.conformance.likeness.arranging import Arranger, have_the_same_elements, rows_with_the_same_elements

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


def test_rows_with_the_same_elements_are_found_whatever_their_order_within() -> None:
    rows = X.reshape(24, 6)
    order = np.random.default_rng(1).permutation(24)
    theirs = np.empty_like(rows)
    theirs[order] = rows[:, ::-1]
    np.testing.assert_array_equal(rows_with_the_same_elements(X, theirs.reshape(4, 6, 6)), order)


@pytest.mark.parametrize(
    "theirs", [X + 1e-3, X[:1], X.reshape(2, 3, 6, 4)], ids=["others", "fewer", "of fewer features"]
)
def test_rows_with_other_elements_are_not_found(theirs: Array) -> None:
    assert rows_with_the_same_elements(X, theirs) is None


COPIES = 40
"""Rows that are the same: more than the few that any way of sorting leaves in their order."""


def test_rows_that_are_the_same_keep_their_order() -> None:
    """A class token is the same one in all images, before its place in them tells."""
    row = X[0, 0, 0]
    like = np.concatenate([np.tile(row, (COPIES, 1)), X.reshape(24, 6)])
    theirs = np.concatenate([X.reshape(24, 6), np.tile(row, (COPIES, 1))])
    copies = [place for place, each in enumerate(theirs) if np.array_equal(each, row)]
    mine = [place for place, each in enumerate(like) if np.array_equal(each, row)]
    rows = rows_with_the_same_elements(like, theirs)
    assert rows is not None
    assert rows[mine].tolist() == copies
    layout = Arranger().layout(like, theirs)
    assert layout is not None
    np.testing.assert_array_equal(layout.take(theirs), like)
    assert (layout.numbers()[mine, 0] // 6).tolist() == copies


def test_an_order_is_known_whether_or_not_rows_have_one_axis() -> None:
    arranger = Arranger()
    theirs = np.ascontiguousarray(ORDERS["token by token"](X))
    arranger.layout(X, theirs)
    assert arranger.known_of(X.shape, theirs.shape) is arranger.known_of(X.shape, (24, 6)) is not None
    assert arranger.known_of(X.shape, (4, 6, 6)) is arranger.known_of(X.shape, (24, 6))
    assert arranger.known_of((24, 6), X.shape) is None
    changed = np.exp(X)
    other = np.ascontiguousarray(ORDERS["token by token"](changed)).reshape(24, 6)
    np.testing.assert_array_equal(arranger.arrange(X, other), changed)
