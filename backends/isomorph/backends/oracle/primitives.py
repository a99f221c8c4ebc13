"""The arithmetic of primitive operations in NumPy, each a few lines, on [N, H, W, C] arrays.

Every array stays in the dtype that it came in. Where a sum's order is free, `order` chooses one of the ORDERS of
`isomorph.backends.oracle.operations`.
"""

from collections.abc import Sequence

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.spec.operations import AveragePool, Convolution, MaxPool, Pads, Pair, TransposedConvolution
from isomorph.spec.padding import adaptive_windows


def shuffled(size: int, order: int) -> Array:
    """Return the indices 0 .. size - 1 in the sequence of an `order` from 2 on, the same on every machine."""
    return np.random.Philox(key=[order, size]).random_raw(size).argsort(kind="stable")


def padded(x: Array, pads: Sequence[Pair], fill: float) -> Array:
    """Return `x`, [N, H, W, C], with `fill` around its rows and columns and, if `pads` is of three, its channels."""
    if not any(sum(pair) for pair in pads):
        return x
    return np.pad(x, [(0, 0), *pads, (0, 0)][: x.ndim], constant_values=fill)


def windows(x: Array, kernel: Pair, stride: Pair, rate: Pair, pads: Pads, fill: float) -> Array:
    """Return a view [N, h, w, rows, columns, C] of the cells in each window of `x`, padded with `fill`."""
    x = padded(x, pads, fill)
    rows, columns = (each * (size - 1) + 1 for each, size in zip(rate, kernel, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, (rows, columns), axis=(1, 2))
    return view[:, :: stride[0], :: stride[1], :, :: rate[0], :: rate[1]].transpose(0, 1, 2, 4, 5, 3)


def seen_by(operation: Convolution, kernel: Pair, x: Array) -> Array:
    """Return a view [N, h, w, rows, columns, C] of the cells of `x` that each output sees, in all groups."""
    if kernel == (1, 1) and not any(sum(pair) for pair in operation.pads):
        return x[:, :: operation.stride[0], :: operation.stride[1], None, None]
    return windows(x, kernel, operation.stride, operation.rate, operation.pads, operation.fill)


def convolve(x: Array, weights: Array, operation: Convolution, order: int = 0) -> Array:
    """[N, H, W, groups * I] and a kernel [h, w, I, O] -> [N, h, w, O]: a matrix product of the windows for each image.

    One image at a time, so that its windows, k * k times as large as the image, stay in the cache.

    Raises ValueError where the groups do not divide what is read, or what is given.
    """
    rows, columns, depth_seen, depth = weights.shape
    groups = operation.groups
    if depth % groups or depth_seen * groups != x.shape[-1]:
        raise ValueError(f"{groups} groups of {depth_seen} to {depth} outputs do not fit {x.shape[-1]} channels")
    seen = seen_by(operation, (rows, columns), x)
    batch, height, width = seen.shape[:3]
    result = np.empty((batch, height, width, depth), x.dtype)
    for image, out in zip(seen, result, strict=True):
        if groups == 1:
            _sum_windows(image, weights, out, order)
            continue
        if depth_seen == 1:
            times = depth // groups  # the outputs of each channel lie side by side
            _sum_depthwise(image if times == 1 else image.repeat(times, axis=-1), weights[:, :, 0], out, order)
            continue
        depth_out = depth // groups
        for group in range(groups):
            outputs = slice(group * depth_out, (group + 1) * depth_out)
            inputs = slice(group * depth_seen, (group + 1) * depth_seen)
            group_out = np.empty((height, width, depth_out), x.dtype)
            _sum_windows(image[..., inputs], weights[..., outputs], group_out, order)
            out[..., outputs] = group_out
    return result


def _sum_depthwise(image: Array, weights: Array, out: Array, order: int) -> None:
    """Sum windows [h, w, k, k, C] weighted by a kernel [k, k, C] into `out`; order 1 starts from the last cell."""
    cells = list(np.ndindex(weights.shape[:2]))
    if order == 1:
        cells.reverse()
    elif order > 1:
        cells = [cells[index] for index in shuffled(len(cells), order)]
    out[:] = 0
    for row, column in cells:
        out += image[:, :, row, column] * weights[row, column]


def _sum_windows(image: Array, weights: Array, out: Array, order: int) -> None:
    """Sum the weighted windows of one group of outputs into `out`."""
    middle = weights.shape[2] // 2 if order == 1 else 0
    depth = out.shape[-1]
    last = image[..., middle:].reshape(out.size // depth, -1)
    _multiply(last, weights[:, :, middle:].reshape(-1, depth), out.reshape(-1, depth), order)
    if middle:
        first = image[..., :middle].reshape(out.size // depth, -1)
        out += (first @ weights[:, :, :middle].reshape(-1, depth)).reshape(out.shape)


def _multiply(terms: Array, kernel: Array, out: Array, order: int) -> None:
    """Multiply [M, K] by [K, L] into `out`, its terms shuffled by an order from 2 on."""
    if order > 1:
        sequence = shuffled(len(kernel), order)
        terms, kernel = terms[:, sequence], kernel[sequence]
    np.matmul(terms, kernel, out=out)


def multiply(x: Array, kernel: Array, order: int = 0) -> Array:
    """[..., M, K] and [..., K, L] -> [..., M, L], a matrix product; order 1 sums the two halves of K separately."""
    if order > 1:
        sequence = shuffled(kernel.shape[-2], order)
        return np.asarray(x[..., sequence] @ kernel[..., sequence, :])
    middle = kernel.shape[-2] // 2 if order == 1 else 0
    last = x[..., middle:] @ kernel[..., middle:, :]
    return np.asarray(last + x[..., :middle] @ kernel[..., :middle, :] if middle else last)


def transposed_convolve(x: Array, weights: Array, operation: TransposedConvolution, order: int = 0) -> Array:
    """Return the sum of multiples of the kernel, one for each cell of `x`.

    [N, H, W, groups * I] and a kernel [h, w, I, groups * O] -> [N, *size, groups * O].
    """
    batch, height, width, _ = x.shape
    rows, columns, depth_in, depth = weights.shape
    (down, across), (row_rate, column_rate) = operation.stride, operation.rate
    (top, left), (out_rows, out_columns) = operation.crop, operation.size
    whole_rows = max((height - 1) * down + row_rate * (rows - 1) + 1, top + out_rows)
    whole_columns = max((width - 1) * across + column_rate * (columns - 1) + 1, left + out_columns)
    whole = np.zeros((batch, whole_rows, whole_columns, depth), x.dtype)
    depth_out = depth // operation.groups
    cells = list(np.ndindex(rows, columns))
    for row, column in reversed(cells) if order == 1 else cells:
        reached = whole[
            :,
            row * row_rate : row * row_rate + (height - 1) * down + 1 : down,
            column * column_rate : column * column_rate + (width - 1) * across + 1 : across,
        ]
        for group in range(operation.groups):
            inputs = slice(group * depth_in, (group + 1) * depth_in)
            outputs = slice(group * depth_out, (group + 1) * depth_out)
            reached[..., outputs] += multiply(x[..., inputs], weights[row, column, :, outputs], order)
    return whole[:, top : top + out_rows, left : left + out_columns]


def max_pool(x: Array, operation: MaxPool) -> Array:
    """Return the maximum of each window, [N, H, W, C] -> [N, h, w, C]."""
    seen = windows(x, operation.kernel, operation.stride, operation.rate, operation.pads, operation.fill)
    result = seen[..., 0, 0, :].copy()
    for row, column in np.ndindex(operation.kernel):
        np.maximum(result, seen[..., row, column, :], out=result)
    return result


def average_pool(x: Array, operation: AveragePool, order: int = 0) -> Array:
    """Return the mean of each window, [N, H, W, C] -> [N, h, w, C]."""
    seen = windows(x, operation.kernel, operation.stride, (1, 1), operation.pads, 0)
    if operation.pads == ((0, 0), (0, 0)):
        return mean(seen, 3, order)
    # How many cells of each window count: the map's, and those of the padding that do.
    inside = padded(np.ones((1, *x.shape[1:3], 1), x.dtype), operation.counted, 1)
    border = [
        (pad[0] - count[0], pad[1] - count[1]) for pad, count in zip(operation.pads, operation.counted, strict=True)
    ]
    counts = windows(inside, operation.kernel, operation.stride, (1, 1), tuple(border), 0)  # type: ignore[arg-type]
    area = x.dtype.type(operation.kernel[0] * operation.kernel[1])
    return np.asarray(mean(seen, 3, order) * area / counts.sum(axis=(3, 4)))


def mean(x: Array, axis: int, order: int = 0) -> Array:
    """Return the mean over `axis` and the next axis, which are both removed."""
    if order > 1:
        flat = x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])
        return np.asarray(flat.take(shuffled(flat.shape[axis], order), axis).mean(axis=axis))
    return np.asarray(x.mean(axis=(axis, axis + 1)))


def adaptive_pool(x: Array, cells: Pair, order: int = 0) -> Array:
    """Return the means of windows that cover the map, [N, H, W, C] -> [N, *cells, C]."""
    batch, height, width, depth = x.shape
    result = np.empty((batch, *cells, depth), x.dtype)
    for row, (top, bottom) in enumerate(adaptive_windows(height, cells[0])):
        for column, (left, right) in enumerate(adaptive_windows(width, cells[1])):
            result[:, row, column] = mean(x[:, top:bottom, left:right], 1, order)
    return result
