"""Arrange a value of one model as the other one's lies: two models may keep the same numbers in another order.

One computes an attention's tokens image by image, another image for image of each token. A value is the same whatever
the order of its axes, and wherever an axis is split in two or two are one.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, permutations
from math import prod

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.layout import Layout, Shape
from isomorph.conformance.likeness.noise import close, distance

MOST_AXES = 5
"""Axes, after splitting, of which all orders are tried: 120 of them."""

SAMPLES = 256
"""Elements by which an order is told before all are compared."""


class Arranger:
    """Arranges values of the second model as the first one's lie, and remembers in which order it found them.

    known: axes in the first model and in the second -> the layout of the first one's value in the second one's. That is
        the same whether or not the second one's rows of features have one axis.
    """

    def __init__(self) -> None:
        self.known: dict[tuple[Shape, Shape], Layout] = {}

    def known_of(self, shape: Shape, other: Shape) -> Layout | None:
        """Return the layout in which a value of these axes was last found."""
        return self.known.get((shape, other)) or self.known.get((shape, _rows_of(other)))

    def layout(self, like: Array, value: Array) -> Layout | None:
        """Return how `value` is read with the axes of `like` and its elements where that one has them.

        Where it is another value, so that nothing tells, it is read as the last one of these axes was. Returns None
        where it has another number of elements.
        """
        if value.size != like.size:
            return None
        plain = replace(Layout.whole(value.shape), shape=like.shape, strides=Layout.whole(like.shape).strides)
        if distance(like, value.reshape(like.shape)) <= close(value.dtype):
            return plain
        known = self.known_of(like.shape, value.shape)
        if have_the_same_elements(like, value):
            for layout in chain([known] if known else [], _by_row(like, value), _layouts(like.shape, value.shape)):
                if _fits(like, value, layout):
                    self.known[like.shape, value.shape] = self.known[like.shape, _rows_of(value.shape)] = layout
                    return layout
        return known or plain

    def arrange(self, like: Array, value: Array) -> Array | None:
        """Return `value` as `layout` reads it; None where that is None."""
        layout = self.layout(like, value)
        return None if layout is None else layout.take(np.ascontiguousarray(value))


def _rows_of(shape: Shape) -> Shape:
    """Return the axes of a value whose rows of features have one axis."""
    return (prod(shape[:-1]), shape[-1]) if shape else shape


def _order_of_rows(x: Array) -> Array:
    """Return the order of rows by a sum of their elements with drawn factors, which the same rows have in common."""
    factors = np.random.default_rng(0).normal(size=x.shape[-1])
    return np.argsort((x.astype(np.float64) * factors).sum(-1), kind="stable")


def rows_with_the_same_elements(like: Array, value: Array) -> Array | None:
    """Return which row of features in another value has the elements of each row, in whatever order; None of others.

    >>> rows_with_the_same_elements(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[[4.0, 3.0]], [[2.0, 1.0]]]))
    array([1, 0])
    """
    if like.size != value.size or like.shape[-1] != value.shape[-1]:
        return None
    ours, theirs = (np.sort(x.reshape(-1, x.shape[-1]), axis=-1) for x in (like, value))
    mine, other = _order_of_rows(ours), _order_of_rows(theirs)
    if distance(ours[mine], theirs[other]) > close(value.dtype):
        return None
    rows = np.empty_like(mine)
    rows[mine] = other
    return rows


def have_the_same_elements(first: Array, second: Array) -> bool:
    """Return whether two values may have the same elements, by what their order does not change."""
    tolerance = close(second.dtype)
    for power in (1, 2):
        sums = [float((np.abs(x.astype(np.float64)) ** power).sum()) for x in (first, second)]
        if not np.isfinite(sums).all() or abs(sums[0] - sums[1]) > tolerance * max(sums[0], 1e-300):
            return False
    return True


def _fits(like: Array, value: Array, layout: Layout) -> bool:
    numbers = layout.numbers().reshape(-1)
    at = np.linspace(0, like.size - 1, min(SAMPLES, like.size)).astype(np.int64)
    flat, expected = value.reshape(-1), like.reshape(-1)
    tolerance = close(value.dtype) * max(float(np.abs(expected).max()), 1e-300)
    if np.abs(flat[numbers[at]] - expected[at]).max() > tolerance:
        return False
    return bool(np.abs(flat[numbers] - expected).max() <= tolerance)


def _by_row(like: Array, value: Array) -> Iterator[Layout]:
    """Yield the layout by which the rows of features are in another order, whatever axes they are of.

    Rows are told by one number each, a sum of their elements with drawn factors. Those that are the same, as a class
    token is in all images, stay in their order.
    """
    features = value.shape[-1]
    if like.shape[-1] != features or features < MOST_AXES:
        return
    ours, theirs = (_order_of_rows(x.reshape(-1, features)) for x in (like, value))
    rows = np.empty_like(ours)
    rows[ours] = theirs
    yield Layout.of((rows[:, None] * features + np.arange(features)).reshape(like.shape), value.size)


def _layouts(shape: Shape, other: Shape) -> Iterator[Layout]:
    """Yield the orders in which a value of axes `other` may be read as one of axes `shape`."""
    for split in _splits(other):
        for order in permutations(range(len(split))):
            yield Layout.whole(other).moved(
                lambda x, split=split, order=order: x.reshape(split).transpose(order).reshape(shape)  # type: ignore[misc]
            )


def _splits(shape: Shape) -> Iterator[Shape]:
    """Yield a shape, and those in which one of its axes is split in two.

    >>> list(_splits((4, 3)))
    [(4, 3), (2, 2, 3)]
    """
    lengths = tuple(length for length in shape if length > 1)
    if len(lengths) <= MOST_AXES:
        yield lengths
    if len(lengths) < MOST_AXES:
        for axis, length in enumerate(lengths):
            for piece in range(2, length):
                if length % piece == 0:
                    yield (*lengths[:axis], piece, length // piece, *lengths[axis + 1 :])
