"""Which recorded array is which end point: by its name, by its axes and values, and else by its place in the order."""

from collections.abc import Mapping

import numpy as np

from isomorph.backends.array_forms import Array


def match(ends: Mapping[str, int], right: Mapping[int, Array], recorded: Mapping[str, Array]) -> dict[str, str]:
    """Return end point -> the name of its recording, in network order.

    ends: end point -> number of its node. right: number -> the value that it should have.
    """
    matched = {name: name for name in ends if name in recorded and _may_be(right[ends[name]], recorded[name])}
    names = [name for name in ends if name not in matched]
    others = [name for name in recorded if name not in ends]
    scores = np.zeros((len(names), len(others)))
    for row, name in enumerate(names):
        for column, other in enumerate(others):
            scores[row, column] = _score(right[ends[name]], recorded[other])
    for row, column in _in_order(scores):
        matched[names[row]] = others[column]
    return {name: matched[name] for name in ends if name in matched}


def like(expected: Array, recorded: Array) -> Array:
    """Return a recording in float64 with its channels last; of the orders that it may have the one most like it."""
    recorded = recorded.astype(np.float64)
    candidates = _orders(expected, recorded)
    return max(candidates, key=lambda x: _likeness(expected, x)) if candidates else recorded


def _orders(expected: Array, recorded: Array) -> list[Array]:
    """Return a recording as it may have to be read: with the channels of what is expected."""
    if recorded.ndim == 2 and expected.ndim == 4:
        recorded = recorded[:, None, None]
    orders = [recorded, recorded.transpose(0, 2, 3, 1)] if recorded.ndim == 4 else [recorded]
    return [x.reshape(expected.shape) if x.size == expected.size else x for x in orders if _channels(x, expected)]


def _channels(x: Array, expected: Array) -> bool:
    return bool(x.shape[-1] == expected.shape[-1])


def _may_be(expected: Array, recorded: Array) -> bool:
    """Return whether a recording can be an end point: of as many images, whatever its rows and columns."""
    return recorded.ndim > 1 and len(recorded) == len(expected) and bool(_orders(expected, recorded))


def _score(expected: Array, recorded: Array) -> float:
    """Return how well a recording fits an end point, 0 where it cannot be it."""
    if not _may_be(expected, recorded):
        return 0.0
    as_it_is = like(expected, recorded)
    return 1 + _likeness(expected, as_it_is) if as_it_is.shape == expected.shape else 0.5


def _likeness(first: Array, second: Array) -> float:
    """Return the correlation of two values; 0 of other axes, and where one is constant."""
    if first.shape != second.shape:
        return 0.0
    a, b = first.reshape(-1) - first.mean(), second.reshape(-1) - second.mean()
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return abs(float(a @ b)) / norms if norms and np.isfinite(norms) else 0.0


def _in_order(scores: Array) -> list[tuple[int, int]]:
    """Return the pairs, both in their order, whose scores add up to most."""
    rows, columns = scores.shape
    best = np.zeros((rows + 1, columns + 1))
    for row in reversed(range(rows)):
        for column in reversed(range(columns)):
            paired = scores[row, column] + best[row + 1, column + 1] if scores[row, column] else 0
            best[row, column] = max(paired, best[row + 1, column], best[row, column + 1])
    pairs, row, column = [], 0, 0
    while row < rows and column < columns:
        if scores[row, column] and best[row, column] == scores[row, column] + best[row + 1, column + 1]:
            pairs.append((row, column))
            row, column = row + 1, column + 1
        elif best[row + 1, column] >= best[row, column + 1]:
            row += 1
        else:
            column += 1
    return pairs
