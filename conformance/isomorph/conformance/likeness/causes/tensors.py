"""What may have happened to a tensor on its way between frameworks, told from its values and the right ones."""

from collections.abc import Iterator, Mapping
from itertools import permutations

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.dtypes import as_dtype
from isomorph.spec.operations import SCALE, SHIFT
from isomorph.spec.tensors import BIASES, MOVING_VARIANCE, WEIGHTS

FEW = 1000
"""One value in so many may differ for a tensor to be the right one but for "a few" values."""

Story = tuple[str, str]
"""A cause in a word or two, and the end of a sentence that begins with the tensor."""

MOST_LISTED = 8
"""Numbers of an order that a sentence lists."""

LARGEST_RESHAPED = 2_000_000
"""Elements of a kernel above which no mistaken reshape is looked for: each is tried in hundreds of ways."""


def story(
    leaf: str, found: Array, expected: Array, own: Mapping[str, Array], others: Mapping[str, Array]
) -> Story | None:
    """Return what happened to a tensor of the right axes; None where it is the right one.

    own: leaf -> the layer's other tensors. others: name -> tensors of all layers. In whose place may it be?

    >>> story("gamma", np.ones(4), np.array([0.5, 1.0, 1.5, 2.0]), {}, {})
    ('not loaded', 'is one everywhere')
    """
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    if np.array_equal(found, expected):
        return None
    return next(_stories(leaf, found, expected, own, others))


def _stories(
    leaf: str, found: Array, expected: Array, own: Mapping[str, Array], others: Mapping[str, Array]
) -> Iterator[Story]:
    """Yield all that may have happened to it, the simplest first."""
    yield from _casts(found, expected)
    yield from _values(found)
    if leaf == WEIGHTS:
        yield from _moved(found, expected)
    yield from _outputs_moved(leaf, found, expected)
    yield from _exchanged(leaf, found, own)
    yield from _of_another(found, others)
    if leaf in (WEIGHTS, BIASES):
        yield from _of_several(found, others)
    yield from _fitted(leaf, found, expected)
    apart = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    yield "other values", f"has other values (relative distance {apart:.2g})"


def _casts(found: Array, expected: Array) -> Iterator[Story]:
    """Yield the precision to which it was rounded."""
    with np.errstate(over="ignore"):
        for dtype in ("float32", "float16", "bfloat16"):
            if np.array_equal(found, expected.astype(as_dtype(dtype)).astype(np.float64)):
                yield "cast", f"was rounded to {dtype}"


def _values(found: Array) -> Iterator[Story]:
    """Yield what a tensor holds that was never loaded."""
    if not found.any():
        yield "not loaded", "is zero everywhere"
    elif (found == 1).all():
        yield "not loaded", "is one everywhere"


def _outputs_moved(leaf: str, found: Array, expected: Array) -> Iterator[Story]:
    """Yield how the outputs of a layer, the last axis of each of its tensors, stand in another order."""
    count = expected.shape[-1]
    if count < 3:
        return
    rows = [np.ascontiguousarray(x.reshape(-1, count).T) for x in (expected, found)]
    places = {row.tobytes(): place for place, row in enumerate(rows[0])}
    order = [places.get(row.tobytes(), -1) for row in rows[1]]
    if sorted(order) != list(range(count)):
        return
    shift = order.index(0)
    if order == [2, 1, 0] and leaf in (SCALE, SHIFT):
        yield "BGR", "has its channels reversed, BGR for RGB"
    elif order == list(range(count))[::-1]:
        yield "outputs reversed", "has its outputs reversed"
    elif order == np.roll(range(count), shift).tolist():
        yield "outputs shifted", f"has its outputs shifted by {shift if 2 * shift <= count else shift - count}"
    else:
        yield "outputs permuted", f"has its outputs in another order: {_listed(order)}"


def _listed(order: list[int]) -> str:
    """Return the first numbers of an order."""
    return ", ".join(map(str, order[:MOST_LISTED])) + (", ..." if len(order) > MOST_LISTED else "")


def _exchanged(leaf: str, found: Array, own: Mapping[str, Array]) -> Iterator[Story]:
    """Yield the tensor of the same layer whose place it has taken."""
    for other, tensor in own.items():
        if _are_one(found, tensor):
            first, second = sorted((leaf, other))
            yield f"{first} and {second} exchanged", f"holds {other}"


def _of_several(found: Array, others: Mapping[str, Array]) -> Iterator[Story]:
    """Yield that its outputs are those of several layers, as of queries, keys and values in another order."""
    count = found.shape[-1]
    rows = np.ascontiguousarray(found.reshape(-1, count).T.astype(np.float32))
    owners = {
        row.tobytes(): name
        for name, tensor in others.items()
        if tensor.ndim == found.ndim and tensor.shape[:-1] == found.shape[:-1]
        for row in np.ascontiguousarray(tensor.reshape(-1, tensor.shape[-1]).T.astype(np.float32))
    }
    holders = {owners.get(row.tobytes()) for row in rows}
    if None not in holders and len(holders) > 1:
        yield "outputs of several layers", f"holds outputs of {len(holders)} layers, packed in another order"


def _of_another(found: Array, others: Mapping[str, Array]) -> Iterator[Story]:
    """Yield the layer whose tensor it is."""
    for name, tensor in others.items():
        if _are_one(found, tensor):
            yield "another layer's tensors", f"holds {name}"


def _are_one(first: Array, second: Array) -> bool:
    return first.shape == second.shape and np.array_equal(first.astype(np.float32), second.astype(np.float32))


def _moved(found: Array, expected: Array) -> Iterator[Story]:
    """Yield how the elements of a kernel were moved."""
    if expected.ndim == 2:
        found, expected = found[None, None], expected[None, None]
    rows, columns, depth, outputs = expected.shape
    forms = {
        "transposed in space": expected.swapaxes(0, 1),
        "flipped": expected[::-1, ::-1],
        "flipped in rows": expected[::-1],
        "flipped in columns": expected[:, ::-1],
        "BGR": expected[:, :, ::-1],
    }
    if depth == outputs:
        forms["transposed"] = expected.swapaxes(2, 3)
    for what, moved in forms.items():
        if np.array_equal(found, moved):
            yield what, "has its input channels reversed, BGR for RGB" if what == "BGR" else f"is {what}"
    for groups in range(2, outputs):
        if outputs % groups == 0:
            interleaved = expected.reshape(rows, columns, depth, groups, -1).swapaxes(-1, -2).reshape(expected.shape)
            if np.array_equal(found, interleaved):
                yield "groups interleaved", f"has the outputs of its {groups} groups interleaved"
    if np.array_equal(found, expected.reshape(depth, rows, columns, outputs).transpose(1, 2, 0, 3)) or np.array_equal(
        found, expected.transpose(2, 0, 1, 3).reshape(expected.shape)
    ):
        yield "flatten order", "is in the order of a map that is flattened with its channels at the other end"
    yield from _reshaped(found, expected)


def _reshaped(found: Array, expected: Array) -> Iterator[Story]:
    """Yield a reshape that stands where the axes had to be transposed."""
    if expected.size > LARGEST_RESHAPED:
        return
    for order in permutations(range(4)):
        for lengths in permutations(range(4)):
            reshaped = expected.transpose(order).reshape([expected.shape[axis] for axis in lengths])
            back = np.transpose(reshaped, np.argsort(lengths))
            if back.shape == found.shape and np.array_equal(back, found):
                yield "reshaped", "was reshaped where it had to be transposed"
                return


def _fitted(leaf: str, found: Array, expected: Array) -> Iterator[Story]:
    """Yield by what its values differ from the right ones."""
    different = int((found != expected).sum())
    if different <= max(1, expected.size // FEW):
        yield "few values", f"differs in {different:,} of {expected.size:,} values"
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio, offset = found / expected, found - expected
    if np.isfinite(ratio).all() and ratio.std() < 1e-6 * abs(ratio.mean()):
        factor = float(ratio.mean())
        count = (
            f", n / (n - 1) of n = {1 / (1 - 1 / factor):.0f}" if leaf == MOVING_VARIANCE and 1 < factor < 1.1 else ""
        )
        yield "times a factor", f"is {factor:.8g} times what it should be{count}"
    if offset.std() < 1e-2 * abs(offset.mean()) and offset.std() < 1e-6:
        yield "off by a constant", f"is {offset.mean():+.4g} off"
    if leaf == WEIGHTS:
        flat, right = found.reshape(-1, found.shape[-1]), expected.reshape(-1, found.shape[-1])
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = (flat * right).sum(0) / (right**2).sum(0)
        if np.isfinite(scale).all() and np.linalg.norm(right * scale - flat) < 1e-6 * np.linalg.norm(flat):
            yield "scaled by output", "has its outputs scaled one by one, as where a batch norm was folded in"
    if np.array_equal(np.sort(found, axis=None), np.sort(expected, axis=None)):
        yield "another order", "has the right values in another order"
