"""What is written otherwise at one node is one mistake or several: pads, for one, follow from another kernel."""

from typing import Any

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Node, Tensor
from isomorph.conformance.likeness.causes.attributes import Variation, applied, fitted, variations
from isomorph.spec.operations import (
    RELU,
    AveragePool,
    Convolution,
    Dense,
    MaxPool,
    Operation,
    Pads,
    TransposedConvolution,
)
from isomorph.spec.tensors import BIASES, WEIGHTS

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(1, 8, 8, 3))
KERNELS = {side: RANDOM.normal(size=(side, side, 3, 4)) for side in (1, 3, 5)}
DEPTHWISE = RANDOM.normal(size=(3, 3, 3, 4))


def around(before: int, behind: int | None = None) -> Pads:
    pair = before, before if behind is None else behind
    return pair, pair


def layer(operation: Operation, weights: Array | None = None, **tensors: Array) -> Node:
    leaves = tensors if weights is None else {WEIGHTS: weights} | tensors
    return Node(1, operation, (), {leaf: Tensor.computed(x) for leaf, x in leaves.items()})


def convolution(side: int, pads: Pads, **more: Any) -> Node:
    return layer(Convolution(pads=pads, **more), KERNELS[side])


def told(node: Node, partner: Node) -> list[tuple[str, str]]:
    return [(each.cause, each.says) for each in variations(node, partner, X, {})]


JOINED: dict[str, tuple[Node, Node, str, str]] = {
    "a larger kernel": (
        convolution(3, around(1)),
        convolution(5, around(2)),
        "kernel",
        "has a kernel of 5x5, expected 3x3, and pads 2, expected 1",
    ),
    "a larger kernel of a striding layer": (
        convolution(3, around(1), stride=(2, 2)),
        convolution(5, around(2), stride=(2, 2)),
        "kernel",
        "has a kernel of 5x5, expected 3x3, and pads 2, expected 1",
    ),
    "another rate": (
        convolution(3, around(1)),
        convolution(3, around(2), rate=(2, 2)),
        "rate",
        "has rate 2, expected 1, and pads 2, expected 1",
    ),
    "another stride, by SAME": (
        convolution(3, around(1)),
        convolution(3, around(0, 1), stride=(2, 2)),
        "stride",
        "has stride 2, expected 1, and pads (0, 1) (TensorFlow's SAME), expected 1",
    ),
    "another window of a max pool": (
        layer(MaxPool((3, 3), (1, 1), around(1))),
        layer(MaxPool((5, 5), (1, 1), around(2))),
        "pool kernel",
        "has kernel 5, expected 3, and pads 2, expected 1",
    ),
    "another stride of a max pool, by SAME": (
        layer(MaxPool((3, 3), (1, 1), around(1))),
        layer(MaxPool((3, 3), (2, 2), around(0, 1))),
        "pool stride",
        "has stride 2, expected 1, and pads (0, 1) (TensorFlow's SAME), expected 1",
    ),
    "another stride of an average pool, by SAME": (
        layer(AveragePool((3, 3), (1, 1), around(1))),
        layer(AveragePool((3, 3), (2, 2), around(0, 1))),
        "stride",
        "has stride 2, expected 1, and pads (0, 1) (TensorFlow's SAME), expected 1",
    ),
    "another crop of a transposed convolution": (
        layer(TransposedConvolution((2, 2), (1, 1), (15, 15)), DEPTHWISE),
        layer(TransposedConvolution((2, 2), (0, 0), (17, 17)), DEPTHWISE),
        "crop",
        "has crop 0, expected 1, and size 17, expected 15",
    ),
}


@pytest.mark.parametrize("name", JOINED)
def test_what_follows_is_said_with_that_which_it_follows_from(name: str) -> None:
    node, partner, cause, says = JOINED[name]
    (found,) = variations(node, partner, X, {})
    assert (found.cause, found.says) == (cause, says)
    operation, tensors = applied(node, partner, [found])
    assert operation == partner.operation
    assert all(np.array_equal(tensors[leaf].value, x) for leaf, x in partner.arrays.items())


APART: dict[str, tuple[Node, Node, list[str]]] = {
    "pads that the larger kernel does not ask for": (
        convolution(3, around(1)),
        convolution(5, around(1, 3)),
        ["padding", "kernel"],
    ),
    "pads that stay, of another kernel": (convolution(3, around(1)), convolution(1, around(1)), ["kernel"]),
    "one by SAME, and one by half of the window": (
        convolution(3, around(0, 1), stride=(2, 2)),
        convolution(5, around(2), stride=(2, 2)),
        ["padding", "kernel"],
    ),
    "pads behind alone, of another rate": (
        convolution(3, around(1)),
        convolution(3, around(0, 2), rate=(2, 2)),
        ["padding", "rate"],
    ),
    "pads alone": (convolution(3, around(1)), convolution(3, around(0, 2)), ["padding"]),
}


@pytest.mark.parametrize("name", APART)
def test_what_follows_from_nothing_is_a_mistake_of_its_own(name: str) -> None:
    node, partner, causes = APART[name]
    found = variations(node, partner, X, {})
    assert sorted(each.cause for each in found) == sorted(causes)
    assert all(", and" not in each.says for each in found)


def test_a_size_without_another_crop_is_its_own() -> None:
    node, partner = (layer(TransposedConvolution((2, 2), (1, 1), (size, size)), DEPTHWISE) for size in (15, 16))
    assert told(node, partner) == [("size", "has size 16, expected 15")]


def test_a_kernel_has_the_axes_of_its_counterpart_where_outputs_see_as_many_numbers() -> None:
    flat = RANDOM.normal(size=(12, 5))
    node, partner = layer(Convolution(), flat.reshape(2, 2, 3, 5)), layer(Dense(), flat, biases=np.arange(5.0))
    np.testing.assert_array_equal(fitted(node, partner, WEIGHTS).value, flat.reshape(2, 2, 3, 5))
    assert fitted(node, partner, BIASES) is partner.tensors[BIASES]
    assert told(node, partner) == [("biases extra", "has biases that are not expected")]
    narrower = layer(Dense(), flat[:, :4])
    assert fitted(node, narrower, WEIGHTS).value.shape == (2, 2, 3, 4)
    assert [cause for cause, _ in told(node, narrower)] == ["depth"]
    shallower = layer(Dense(), flat[:6])
    assert fitted(node, shallower, WEIGHTS) is shallower.tensors[WEIGHTS]
    assert [cause for cause, _ in told(node, shallower)] == ["inputs"]


def test_no_rule_gives_the_pads_of_what_has_no_window() -> None:
    """A factor in a convolution's place has no pads to follow from anything."""
    (found,) = variations(convolution(3, around(1)), layer(RELU), X, {})
    assert isinstance(found, Variation)
    assert (found.cause, found.is_theirs) == ("ReLU for convolution", True)


def test_variations_are_applied_one_by_one() -> None:
    node, partner = convolution(3, around(1)), convolution(3, around(0, 2), rate=(2, 2))
    found = {each.cause: each for each in variations(node, partner, X, {})}
    operation, _ = applied(node, partner, [found["rate"]])
    assert operation == Convolution(pads=around(1), rate=(2, 2))
