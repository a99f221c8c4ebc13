"""Arrange a value of one model as the other one's lies: two models may keep the same numbers in another order.

One computes an attention's tokens image by image, another image for image of each token. A value is the same whatever
the order of its axes, and wherever an axis is split in two or two are one.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, permutations

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

    known: axes in the first model and in the second -> the layout of the first one's value in the second one's.
    """

    def __init__(self) -> None:
        self.known: dict[tuple[Shape, Shape], Layout] = {}

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
        key = like.shape, value.shape
        if have_the_same_elements(like, value):
            known = [self.known[key]] if key in self.known else []
            for layout in chain(known, _by_row(like, value), _layouts(like.shape, value.shape)):
                if _fits(like, value, layout):
                    self.known[key] = layout
                    return layout
        return self.known.get(key, plain)

    def arrange(self, like: Array, value: Array) -> Array | None:
        """Return `value` as `layout` reads it; None where that is None."""
        layout = self.layout(like, value)
        return None if layout is None else layout.take(np.ascontiguousarray(value))


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

    Rows are told by one number each, a sum of their elements with drawn factors.
    """
    features = value.shape[-1]
    if like.shape[-1] != features or features < MOST_AXES:
        return
    factors = np.random.default_rng(0).normal(size=features)
    ours, theirs = (np.argsort(x.reshape(-1, features).astype(np.float64) @ factors) for x in (like, value))
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
