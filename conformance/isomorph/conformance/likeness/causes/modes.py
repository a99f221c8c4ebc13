"""What is done to numbers on the way: products of operands that are rounded first."""

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Node
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.conformance.likeness.noise import distance

PRECISIONS = {"float32": 24, "TF32 or float16": 11, "bfloat16": 8}
"""Name -> bits of a number's fraction that are left, with the leading one."""

TIES = 1e-2
"""The share of rounded numbers that may be the next ones."""


def rounded(x: Array, bits: int) -> Array:
    """Return numbers rounded to so many bits of fraction (Dekker, 1971).

    >>> rounded(np.array([1 + 2.0**-10, 1 + 2.0**-12]), 11) - 1
    array([0.00097656, 0.        ])
    """
    scaled = x * (2.0 ** (np.finfo(x.dtype).nmant + 1 - bits) + 1)
    return np.asarray(scaled - (scaled - x))


def precision(graph: Graph, node: Node) -> tuple[str, float] | None:
    """Return the precision to which a traced node rounds its operands, and how far that reading is from its value.

    None of a node for which no precision explains it. Sums of rounded products differ by their own rounding, too, so
    that a precision counts if it brings our reading a hundred times nearer.
    """
    assert node.value is not None
    inputs = [graph.take(read).astype(np.float64) for read in node.reads]
    tensors = {leaf: x.astype(np.float64) for leaf, x in node.arrays.items()}
    exact = distance(evaluate(node.operation, inputs, tensors), node.value.astype(np.float64))
    own = np.finfo(node.value.dtype).nmant + 1
    for name, bits in PRECISIONS.items():
        if bits >= own:
            continue
        operands = [rounded(x, bits) for x in inputs]
        kernels = {leaf: rounded(x, bits) if leaf == "weights" else x for leaf, x in tensors.items()}
        apart = distance(evaluate(node.operation, operands, kernels), node.value.astype(np.float64))
        if apart * 100 < exact or (bits == 24 and exact > 2.0**-44 and apart <= 2.0**-22):
            return name, apart
    return None


def rounding_of(x: Array, found: Array) -> str | None:
    """Return the precision to which numbers were rounded; None where they are others."""
    for name, bits in PRECISIONS.items():
        expected = rounded(x, bits)
        apart = np.abs(found - expected)
        # some frameworks round twice on the way, so that ties go elsewhere
        if (apart > 2.0 ** -(bits + 8) * np.abs(x)).mean() <= TIES and (apart <= 2.0 ** -(bits - 1) * np.abs(x)).all():
            return name
    return None
