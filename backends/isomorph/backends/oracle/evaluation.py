"""Evaluate the primitive operations of a graph, whoever's it is, in NumPy and in several orders of summation."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, assert_never

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.dtypes import as_dtype
from isomorph.backends.oracle import primitives
from isomorph.backends.oracle.operations import AFFINE_ORDERS, softmax
from isomorph.spec.operations import (
    SCALE,
    SHIFT,
    VALUE,
    AdaptivePool,
    Affine,
    AveragePool,
    BatchNorm,
    Cast,
    Concatenation,
    Constant,
    Convolution,
    Dense,
    Dropout,
    GroupNorm,
    Input,
    LayerNorm,
    MatrixProduct,
    MaxPool,
    Mean,
    Operation,
    Pad,
    Pointwise,
    Product,
    Quotient,
    Resize,
    Softmax,
    Sum,
    TransposedConvolution,
    Unknown,
)
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS


class UnknownOperationError(Exception):
    """The operation is one that nothing here can evaluate; its text names it."""


def evaluate(operation: Operation, inputs: Sequence[Array], tensors: Mapping[str, Array], order: int = 0) -> Array:
    """Return what an operation makes of its inputs, in their dtype.

    inputs: what it reads, features last, all of one dtype, float64 or float32.
    tensors: leaf -> tensor; they are cast to that dtype. A `Constant` is in its tensor's, for whoever reads it to cast.
    order: the order of summation, see `isomorph.backends.oracle.operations.Precision`.

    Raises UnknownOperationError for an operation that is not known, or random; ValueError where shapes do not fit.

    >>> from isomorph.spec.operations import RELU6
    >>> evaluate(RELU6, [np.array([-1.0, 3.0, 7.0])], {})
    array([0., 3., 6.])
    """
    if isinstance(operation, Constant):
        return np.asarray(tensors[VALUE])
    x = inputs[0]
    tensors = {leaf: np.asarray(tensor).astype(x.dtype, copy=False) for leaf, tensor in tensors.items()}
    match operation:
        case Convolution():
            return _biased(primitives.convolve(x, tensors[WEIGHTS], operation, order), tensors)
        case TransposedConvolution():
            return _biased(primitives.transposed_convolve(x, tensors[WEIGHTS], operation, order), tensors)
        case Dense():
            return _biased(primitives.multiply(x, tensors[WEIGHTS], order), tensors)
        case BatchNorm():
            return _batch_norm(x, operation, tensors, order)
        case LayerNorm():
            return _stretched(_normalised(x, (-1,), operation.epsilon, order), tensors)
        case GroupNorm():
            grouped = x.reshape(len(x), -1, operation.groups, x.shape[-1] // operation.groups)
            return _stretched(_normalised(grouped, (1, 3), operation.epsilon, order).reshape(x.shape), tensors)
        case Pointwise():
            return apply(operation, x)
        case Affine():
            return _affine(x, tensors)
        case Sum():
            terms = [_times(each, factor) for each, factor in zip(inputs, operation.factors, strict=True)]
            total = terms[0]
            for term in terms[1:]:
                total = total + term
            return total
        case Product():
            return np.asarray(inputs[0] * inputs[1])
        case Quotient():
            return np.asarray(inputs[0] / inputs[1])
        case Concatenation():
            return np.concatenate(inputs, axis=-1)
        case Pad():
            return primitives.padded(x, operation.pads, operation.value)
        case MaxPool():
            return primitives.max_pool(x, operation)
        case AveragePool():
            return primitives.average_pool(x, operation, order)
        case AdaptivePool():
            return primitives.adaptive_pool(x, operation.cells, order)
        case Mean():
            return _mean(x, (-2,), order)[..., 0, :]
        case Softmax():
            return softmax(x, order)
        case MatrixProduct():
            return _times(primitives.multiply(x, inputs[1], order), operation.factor)
        case Resize():
            return _resized(x, operation)
        case Cast():
            return np.asarray(x.astype(as_dtype(operation.dtype)).astype(x.dtype))
        case Dropout():
            raise UnknownOperationError("a random dropout")
        case Unknown():
            raise UnknownOperationError(operation.name)
        case Input():
            raise UnknownOperationError("the images")
        case never:
            assert_never(never)


def _biased(x: Array, tensors: Mapping[str, Array]) -> Array:
    return x + tensors[BIASES] if BIASES in tensors else x


def _times(x: Array, factor: float) -> Array:
    return x if factor == 1 else np.asarray(x * x.dtype.type(factor), x.dtype)


def _affine(x: Array, tensors: Mapping[str, Array]) -> Array:
    scaled = x * tensors[SCALE] if SCALE in tensors else x
    return np.asarray(scaled + tensors[SHIFT] if SHIFT in tensors else scaled)


def _stretched(x: Array, tensors: Mapping[str, Array]) -> Array:
    """Return a normalised value times gamma plus beta, as far as there are any."""
    scaled = x * tensors[GAMMA] if GAMMA in tensors else x
    return np.asarray(scaled + tensors[BETA] if BETA in tensors else scaled)


def _batch_norm(x: Array, operation: BatchNorm, tensors: Mapping[str, Array], order: int) -> Array:
    epsilon = x.dtype.type(operation.epsilon)
    if operation.batch_statistics:
        flat = x.reshape(-1, x.shape[-1])
        return _stretched(_normalised(flat, (0,), operation.epsilon, order).reshape(x.shape), tensors)
    mean, variance = tensors[MOVING_MEAN], tensors[MOVING_VARIANCE]
    scale = tensors.get(GAMMA, x.dtype.type(1)) / np.sqrt(variance + epsilon)
    shift = tensors.get(BETA, x.dtype.type(0))
    if order in AFFINE_ORDERS:
        return np.asarray(x * scale + (shift - mean * scale))
    return np.asarray((x - mean) * scale + shift)


def _normalised(x: Array, axes: tuple[int, ...], epsilon: float, order: int) -> Array:
    """Return `x` by its mean and (biased) variance over `axes`."""
    centred = x - _mean(x, axes, order)
    variance = _mean(centred * centred, axes, order)
    return np.asarray(centred / np.sqrt(variance + x.dtype.type(epsilon)))


def _mean(x: Array, axes: tuple[int, ...], order: int) -> Array:
    """Return the mean over `axes`, which stay, of length 1; in order 1 from the last element, then shuffled."""
    if order == 1:
        x = np.flip(x, axes)
    elif order > 1:
        for axis in axes:
            x = x.take(primitives.shuffled(x.shape[axis], order), axis)
    return np.asarray(x.mean(axis=axes, keepdims=True))


def apply(operation: Pointwise, x: Array) -> Array:
    """Return a function of each value of `x`, in its dtype."""
    constants = tuple(x.dtype.type(constant) for constant in operation.constants)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return np.asarray(_FUNCTIONS[operation.function](x, *constants)).astype(x.dtype, copy=False)


_erf_of_each = np.frompyfunc(math.erf, 1, 1)


def _erf(x: Array) -> Array:
    """Return the error function, which NumPy lacks, of each value, computed in float64."""
    return np.asarray(_erf_of_each(x.astype(np.float64)), np.float64)


def _sigmoid(x: Array) -> Array:
    return np.asarray(np.exp(-np.logaddexp(x.dtype.type(0), -x)))


def _hard_sigmoid(x: Array, slope: Any, summand: Any) -> Array:
    return np.asarray(np.clip(x * slope + summand, 0, 1))


_FUNCTIONS: dict[str, Callable[..., Array]] = {
    "clip": np.clip,
    "elu": lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    "erf": _erf,
    "exp": np.exp,
    "gelu": lambda x: x * 0.5 * (1 + _erf(x / math.sqrt(2))),
    "gelu_tanh": lambda x: x * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))),
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": lambda x, slope, summand: x * _hard_sigmoid(x, slope, summand),
    "identity": lambda x: x,
    "leaky_relu": lambda x, slope: np.where(x > 0, x, slope * x),
    "linear": lambda x, factor, summand: x * factor + summand,
    "log": np.log,
    "mish": lambda x: x * np.tanh(np.logaddexp(x, 0)),
    "power": np.power,
    "sigmoid": _sigmoid,
    "silu": lambda x, slope=1.0: x * _sigmoid(x * slope),
    "softplus": lambda x: np.logaddexp(x, 0),
    "tanh": np.tanh,
}
"""The functions of `isomorph.spec.operations.FUNCTIONS`."""


def _resized(x: Array, operation: Resize) -> Array:
    """Interpolate [N, H, W, C] along rows, then along columns."""
    for axis, length in enumerate(operation.size, start=1):
        size, cells = x.shape[axis], np.arange(length)
        match operation.corners:
            case "aligned":
                at = cells * (size - 1) / max(length - 1, 1)
            case "half":
                at = (cells + 0.5) * size / length - 0.5
            case _:
                at = cells * size / length
        at = np.clip(at, 0, size - 1)
        below = np.floor(at).astype(np.int64)
        share = (at - below).astype(x.dtype).reshape([-1 if each == axis else 1 for each in range(x.ndim)])
        x = np.take(x, below, axis) * (1 - share) + np.take(x, np.minimum(below + 1, size - 1), axis) * share
    return x
