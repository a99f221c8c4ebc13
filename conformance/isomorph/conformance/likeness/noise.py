"""How far two values of one node are apart, and how far the order of summation alone may take them apart."""

from math import prod
from typing import Any

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Node
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.spec.operations import (
    BatchNorm,
    Convolution,
    Dense,
    GroupNorm,
    LayerNorm,
    MatrixProduct,
    Mean,
    Pointwise,
    Resize,
    Softmax,
    TransposedConvolution,
)
from isomorph.spec.tensors import WEIGHTS

PASSING = 8
"""The noise floors that two values may be apart, see `isomorph.conformance.verdict`."""

WALK = 4
"""How many times the square root of its terms a sum may be off, in roundings: they add up as a random walk does.

Few kernels sum as far from our own orders as that: one term after the other, where a map is small and deep.
"""

OTHER_ORDERS = (1, 2)
"""Orders of summation that are held to order 0. The second groups the terms of batch norm in another way, too."""


ROUNDING = 2.0**-24
"""How much rounding to float32 changes a number, in parts of it."""


ROUNDED = (Pointwise, Resize)
"""What frameworks may round so. Products of rounded operands are named: nobody wants those."""

MOST_ROUNDING = 16 * ROUNDING
"""What more than a few roundings to float32 are not."""

CONSTANT = 4 * ROUNDING
"""How far apart a constant and the same one in float32, or in seven digits, may be, in parts of it.

Paddle's hard sigmoid has a slope of 0.1666667.
"""


def close(dtype: np.dtype[Any]) -> float:
    """Return how far two values may be apart, in parts of the largest number, and still be told as one.

    They are copies of one another, or what one operation gave of copies in another order of summation.

    >>> f"{close(np.dtype('float64')):.0e} {close(np.dtype('float32')):.0e}"
    '1e-09 1e-05'
    """
    return 1e-9 if dtype == np.float64 else 1e-5


def distance(found: Array, expected: Array) -> float:
    """Return the largest difference of two values, in parts of the largest number in the second; inf of other axes.

    >>> distance(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    0.5
    """
    if found.shape != expected.shape:
        return np.inf
    if not expected.size:
        return 0.0
    infinite = ~np.isfinite(expected)
    if infinite.any():
        if not np.array_equal(found[infinite], expected[infinite], equal_nan=True):
            return np.inf
        found, expected = np.where(infinite, 0, found), np.where(infinite, 0, expected)
    with np.errstate(over="ignore", invalid="ignore"):
        difference = float(np.abs(found - expected).max())
    if not np.isfinite(difference):
        return np.inf
    largest = float(np.abs(expected).max())
    return difference / largest if largest else (0.0 if difference == 0 else np.inf)


def floor(node: Node, inputs: list[Array]) -> float:
    """Return how far apart the orders of summation take a node's value, and at least what one rounding does."""
    least = float(np.finfo(inputs[0].dtype).eps) / 2
    plain = evaluate(node.operation, inputs, node.arrays)
    others = (evaluate(node.operation, inputs, node.arrays, order) for order in OTHER_ORDERS)
    return max(least, *(distance(other, plain) for other in others))


def agree(found: Array, expected: Array, node: Node, inputs: list[Array]) -> bool:
    """Return whether two values of a node, of the same inputs, are apart by no more than noise."""
    apart = distance(found, expected)
    if not inputs:  # a constant
        return apart <= close(found.dtype)
    rounding = float(np.finfo(inputs[0].dtype).eps) / 2
    if apart <= max(PASSING, WALK * terms(node, inputs) ** 0.5) * rounding:
        return True
    return apart < np.inf and apart <= PASSING * floor(node, inputs)


def terms(node: Node, inputs: list[Array]) -> int:
    """Return of how many terms each sum of a node is; 1 where it has none, or few.

    >>> from isomorph.spec.operations import Mean
    >>> terms(Node(1, Mean()), [np.ones((2, 49, 8))])
    49
    """
    shape: tuple[int, ...] = inputs[0].shape
    match node.operation:
        case Convolution() | Dense() | TransposedConvolution():
            return max(1, prod(node.arrays[WEIGHTS].shape[:-1]))
        case MatrixProduct() | LayerNorm() | Softmax():
            return shape[-1]
        case Mean():
            return shape[-2]
        case GroupNorm(groups, _):
            return prod(shape[1:]) // groups
        case BatchNorm(_, True):
            return prod(shape[:-1])
    return 1


def rounding(graph: Graph, node: Node) -> float:
    """Return how far a framework rounds a node that it computes in float32 whatever it was asked for, or by constants.

    TensorFlow resizes in float32, and several have a GELU whose root of two has seven digits. It is how far our reading
    of a traced node is from the value that it gave; 0 where no more than noise, or more than rounding, is between them.
    """
    if node.kind not in ROUNDED or node.value is None or node.value.dtype != np.float64:
        return 0.0
    inputs = [graph.take(read) for read in node.reads]
    found = evaluate(node.operation, inputs, node.arrays)
    apart = distance(found, node.value)
    return apart if not agree(found, node.value, node, inputs) and apart <= MOST_ROUNDING else 0.0
