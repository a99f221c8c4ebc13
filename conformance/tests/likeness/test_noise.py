"""What is noise: what other orders of summation give, and no more."""

import numpy as np
import pytest

from isomorph.backends.graphs.graph import Node, Tensor
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.conformance.likeness.noise import agree, close, distance, floor, terms
from isomorph.spec.operations import (
    RELU,
    BatchNorm,
    Convolution,
    Dense,
    GroupNorm,
    LayerNorm,
    MatrixProduct,
    Mean,
    Operation,
    Softmax,
)

RANDOM = np.random.default_rng(0)
KERNEL = Tensor.computed(RANDOM.normal(size=(3, 3, 8, 4)))


@pytest.mark.parametrize(
    ("operation", "shape", "expected"),
    [
        (Convolution(), (2, 5, 5, 8), 72),
        (Mean(), (2, 25, 8), 25),
        (Softmax(), (2, 10), 10),
        (LayerNorm(1e-5), (2, 7, 8), 8),
        (GroupNorm(2, 1e-5), (2, 5, 5, 8), 100),
        (MatrixProduct(), (2, 3, 16), 16),
        (BatchNorm(1e-5, True), (2, 5, 5, 8), 50),
        (BatchNorm(1e-5), (2, 5, 5, 8), 1),
        (RELU, (2, 5), 1),
    ],
    ids=lambda each: type(each).__name__ if not isinstance(each, int | tuple) else None,
)
def test_terms_of_a_sum_are_counted(operation: Operation, shape: tuple[int, ...], expected: int) -> None:
    tensors = {"weights": KERNEL} if isinstance(operation, Convolution) else {}
    assert terms(Node(1, operation, tensors=tensors), [np.ones(shape)]) == expected


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_sums_one_term_after_the_other_agree(dtype: str) -> None:
    """Where a map is small and deep, no kernel's order is ours."""
    x, kernel = (RANDOM.normal(size=shape).astype(dtype) for shape in ((6, 4096), (4096, 16)))
    node = Node(1, Dense(), tensors={"weights": Tensor.computed(kernel)})
    total = np.zeros((6, 16), dtype)
    for place in range(4096):
        total += x[:, place, None] * kernel[place]
    found = evaluate(Dense(), [x], node.arrays)
    assert distance(total, found) > 0
    assert agree(found, total, node, [x])
    assert not agree(found, total * (1 + 4096 * np.finfo(dtype).eps), node, [x])


def test_a_function_of_each_value_has_a_few_roundings() -> None:
    x = RANDOM.normal(size=100)
    node = Node(1, RELU)
    assert agree(x, x * (1 + 2**-52), node, [x])
    assert not agree(x, x * (1 + 2**-46), node, [x])
    assert not agree(x, x[:50], node, [x])


def test_the_floor_is_what_orders_of_summation_do() -> None:
    """It grows where a sum cancels."""
    x = RANDOM.normal(size=(4, 500))
    ones = Node(1, Dense(), tensors={"weights": Tensor.computed(np.ones((500, 1)))})
    shifted = np.concatenate([x + 1e3, -x - 1e3 + 1e-3 * RANDOM.normal(size=x.shape)], axis=1)
    both = Node(1, Dense(), tensors={"weights": Tensor.computed(np.ones((1000, 1)))})
    assert 1e-17 < floor(ones, [x]) < 1e-13 < floor(both, [shifted])


def test_distances() -> None:
    assert distance(np.array([1.0, np.inf]), np.array([2.0, np.inf])) == 0.5
    assert distance(np.array([1.0, 2.0]), np.array([1.0, np.inf])) == np.inf
    assert distance(np.array([np.nan]), np.array([1.0])) == np.inf
    assert distance(np.zeros(3), np.zeros(3)) == 0
    assert distance(np.ones(3), np.zeros(3)) == np.inf
    assert distance(np.ones(0), np.ones(0)) == 0
    assert close(np.dtype("float32")) > close(np.dtype("float64"))
