"""The oracle's operations in training, each with its pullback.

An operation returns its result and its pullback, which takes the gradient of a loss with respect to the result, [N, h,
w, C], and returns those with respect to the input and to the operation's own tensors. Arrays are [N, H, W, C]. The
pullback may be called once: it works in place on what the operation left.
"""

from collections.abc import Callable, Iterator

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.oracle import operations, primitives
from isomorph.spec.layers import Activation, AdaptivePool, AveragePool, Convolution, MaxPool, ZeroChannels
from isomorph.spec.padding import Rule, adaptive_windows, pads
from isomorph.spec.tensors import BETA, BIASES, GAMMA, WEIGHTS

ToTensors = dict[str, Array]
"""Leaf -> the gradient with respect to that tensor."""

Pullback = Callable[[Array], tuple[Array, ToTensors]]
"""The gradient with respect to a result -> the gradients with respect to the input and to the tensors."""


def convolve(x: Array, weights: Array, layer: Convolution, order: int = 0) -> tuple[Array, Pullback]:
    """A convolution without its bias: [N, H, W, depth_in] -> [N, h, w, depth]. order: see `operations.Precision`."""

    def pull(gradient: Array) -> tuple[Array, ToTensors]:
        """Pull back one image at a time, as its windows are k * k times as large."""
        to_weights = np.zeros_like(weights)
        to_x, cells = _window_views(x, layer.kernel, layer.stride, layer.rate, layer.padding)
        for seen, to_y, image in zip(operations.seen_by(layer, x), gradient, range(len(x)), strict=True):
            if layer.is_depthwise:
                for row, column in np.ndindex(weights.shape[:2]):
                    to_weights[row, column, 0] += _sum(seen[:, :, row, column] * to_y, order)
                    cells[row, column][image] += to_y * weights[row, column, 0]
                continue
            for inputs, outputs in _groups(layer):
                depth = to_y[..., outputs].shape[-1]
                flat = to_y[..., outputs].reshape(-1, depth)
                windows = seen[..., inputs].reshape(len(flat), -1)
                to_weights[..., outputs] += _product(windows.T, flat, order).reshape(weights[..., outputs].shape)
                kernel = weights[..., outputs].reshape(-1, depth)
                to_windows = _product(flat, kernel.T, order).reshape(seen[..., inputs].shape)
                for row, column in np.ndindex(weights.shape[:2]):
                    cells[row, column][image, ..., inputs] += to_windows[:, :, row, column]
        return to_x, {WEIGHTS: to_weights}

    return operations.convolve(x, weights, layer, order), pull


def add_bias(x: Array, biases: Array, order: int = 0) -> tuple[Array, Pullback]:
    """Add a bias to each channel."""
    return x + biases, lambda gradient: (gradient, {BIASES: _sum(gradient, order)})


def normalise(
    x: Array, gamma: Array | None, beta: Array, epsilon: float, order: int = 0
) -> tuple[Array, tuple[Array, Array], Pullback]:
    """Normalise by the batch's own mean and (biased) variance, which are returned, too: [C] each.

    The gradient takes into account that both depend on every value of the batch (Ioffe and Szegedy, 2015, section 3).
    """
    count = x.size // x.shape[-1]
    mean = _sum(x, order) / x.dtype.type(count)
    normal = x - mean
    variance = _sum(normal * normal, order) / x.dtype.type(count)
    scale = 1 / np.sqrt(variance + x.dtype.type(epsilon))
    normal *= scale

    def pull(gradient: Array) -> tuple[Array, ToTensors]:
        to_beta, to_gamma = _sum(gradient, order), _sum(gradient * normal, order)
        to_x = gradient - to_beta / x.dtype.type(count) - normal * (to_gamma / x.dtype.type(count))
        to_x *= scale if gamma is None else scale * gamma
        return to_x, {BETA: to_beta} | ({} if gamma is None else {GAMMA: to_gamma})

    return (normal if gamma is None else normal * gamma) + beta, (mean, variance), pull


def normalise_frozen(
    x: Array, gamma: Array | None, beta: Array, mean: Array, variance: Array, epsilon: float
) -> tuple[Array, Pullback]:
    """Normalise by the given mean and variance, [C] each; gamma and beta have no gradients."""
    scaling = 1 / np.sqrt(variance + x.dtype.type(epsilon))
    if gamma is not None:
        scaling = scaling * gamma
    return (x - mean) * scaling + beta, lambda gradient: (gradient * scaling, {})


def activate(x: Array, activation: Activation) -> tuple[Array, Pullback]:
    """Apply an activation. At its kinks, 0 and 6, the gradient is zero, as in all frameworks."""
    y = operations.activate(x.copy(), activation)

    def pull(gradient: Array) -> tuple[Array, ToTensors]:
        match activation:
            case "relu":
                return gradient * (y > 0), {}
            case "relu6":
                return gradient * ((y > 0) & (y < 6)), {}
        return gradient, {}

    return y, pull


def max_pool(x: Array, pool: MaxPool) -> tuple[Array, Pullback]:
    """Return the maximum of each window; of equal ones the first gets the gradient.

    Behind a ReLU equal ones are zeros, through which no gradient passes.
    """
    y = operations.max_pool(x, pool)

    def pull(gradient: Array) -> tuple[Array, ToTensors]:
        seen = operations.windows(x, pool.kernel, pool.stride, 1, pool.padding, pool.fill)
        to_x, cells = _window_views(x, pool.kernel, pool.stride, 1, pool.padding)
        remaining = gradient.copy()
        for row, column in np.ndindex(pool.kernel, pool.kernel):
            is_maximum = seen[:, :, :, row, column] == y
            cells[row, column][...] += remaining * is_maximum
            remaining[is_maximum] = 0
        return to_x, {}

    return y, pull


def average_pool(x: Array, pool: AveragePool, order: int = 0) -> tuple[Array, Pullback]:
    """Return the mean of each window, none of them padded."""

    def pull(gradient: Array) -> tuple[Array, ToTensors]:
        to_x, cells = _window_views(x, pool.kernel, pool.stride, 1, "valid")
        for row, column in np.ndindex(pool.kernel, pool.kernel):
            cells[row, column][...] += gradient / x.dtype.type(pool.kernel**2)
        return to_x, {}

    return operations.average_pool(x, pool, order), pull


def adaptive_pool(x: Array, pool: AdaptivePool, order: int = 0) -> tuple[Array, Pullback]:
    """Return the means of windows that cover the map."""

    def pull(gradient: Array) -> tuple[Array, ToTensors]:
        to_x = np.zeros_like(x)
        for row, (top, bottom) in enumerate(adaptive_windows(x.shape[1], pool.cells)):
            for column, (left, right) in enumerate(adaptive_windows(x.shape[2], pool.cells)):
                area = x.dtype.type((bottom - top) * (right - left))
                to_x[:, top:bottom, left:right] += gradient[:, row : row + 1, column : column + 1] / area
        return to_x, {}

    return operations.adaptive_pool(x, pool.cells, order), pull


def mean(x: Array, order: int = 0) -> tuple[Array, Pullback]:
    """Return the mean over space."""
    area = x.dtype.type(x.shape[1] * x.shape[2])
    y = primitives.mean(x, 1, order)[:, None, None]
    return y, lambda gradient: (np.broadcast_to(gradient / area, x.shape), {})


def scale(x: Array, by: Array, shift: Array) -> tuple[Array, Pullback]:
    """Multiply each channel by a constant, and add another."""
    return x * by + shift, lambda gradient: (gradient * by, {})


def subsample(x: Array, stride: int) -> tuple[Array, Pullback]:
    """Return every `stride`-th row and column."""

    def pull(gradient: Array) -> tuple[Array, ToTensors]:
        to_x = np.zeros_like(x)
        to_x[:, ::stride, ::stride] = gradient
        return to_x, {}

    return operations.subsample(x, stride), pull


def add_zero_channels(x: Array, layer: ZeroChannels) -> tuple[Array, Pullback]:
    """Return every `stride`-th row and column between channels of zeros, whose gradients go nowhere."""
    y, pull = subsample(x, layer.stride)
    border = ((0, 0), (0, 0), (0, 0), (layer.before, layer.after))
    inner = slice(layer.before, layer.before + layer.depth_in)
    return np.pad(y, border), lambda gradient: pull(gradient[..., inner])


def _window_views(x: Array, kernel: int, stride: int, rate: int, rule: Rule) -> tuple[Array, Array]:
    """Return zeros like `x`, and views of them, [kernel, kernel] of [N, h, w, C], one for each cell of the windows.

    The gradients of an operation on windows are added to the views; the padding's are dropped.
    """
    _, height, width, _ = x.shape
    # A 1x1 window sees no padding, whatever the rule.
    top, bottom, left, right = (0,) * 4 if kernel == 1 else _border(rule, height, width, kernel, stride, rate)
    padded = np.zeros((len(x), top + height + bottom, left + width + right, x.shape[3]), x.dtype)
    extent = rate * (kernel - 1)
    views = np.empty((kernel, kernel), object)
    for row, column in np.ndindex(kernel, kernel):
        down, across = row * rate, column * rate
        last, end = padded.shape[1] - extent + down, padded.shape[2] - extent + across
        views[row, column] = padded[:, down:last:stride, across:end:stride]
    return padded[:, top : top + height, left : left + width], views


def _border(rule: Rule, height: int, width: int, kernel: int, stride: int, rate: int) -> tuple[int, int, int, int]:
    return *pads(rule, height, kernel, stride, rate), *pads(rule, width, kernel, stride, rate)


def _groups(layer: Convolution) -> Iterator[tuple[slice, slice]]:
    """Yield the input and the output channels of each group."""
    seen, depth = layer.depth_seen, layer.depth // layer.groups
    for group in range(layer.groups):
        yield slice(group * seen, (group + 1) * seen), slice(group * depth, (group + 1) * depth)


def _product(first: Array, second: Array, order: int) -> Array:
    """Return a matrix product, summed in an `order`."""
    if order > 1:
        sequence = primitives.shuffled(len(second), order)
        return np.asarray(first[:, sequence] @ second[sequence])
    middle = first.shape[1] // 2 if order == 1 else 0
    second_half = first[:, middle:] @ second[middle:]
    return second_half + first[:, :middle] @ second[:middle] if middle else second_half


def _sum(x: Array, order: int) -> Array:
    """Return the sum of each channel, [..., C] -> [C], in blocks, as a product with ones; in order 1 one by one.

    Frameworks do either. Between two orders in blocks there is so little noise that all three are at ten floors of it
    in the gradient of one bias, in the suite's dense layers behind a flattened map.
    """
    flat = x.reshape(-1, x.shape[-1])
    if order > 1:
        return np.asarray(flat[primitives.shuffled(len(flat), order)].sum(axis=0))
    return np.asarray(flat.sum(axis=0) if order == 1 else (np.ones((1, len(flat)), x.dtype) @ flat)[0])
