"""Means, products of matrices and Einstein's sums, recorded in any layout: their nodes give what NumPy does."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from isomorph.backends.graphs.graph import Read, Tensor
from isomorph.backends.graphs.recorder import Recorder
from isomorph.backends.oracle.evaluation import evaluate

Array = npt.NDArray[Any]

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 4, 5, 3))
X = IMAGES.transpose(0, 3, 1, 2)


def recorded() -> tuple[Recorder, Read]:
    """A recorder of a model that has read its images as [N, C, H, W]."""
    recorder = Recorder()
    recorder.images("x", IMAGES, lambda x: x.transpose(0, 3, 1, 2))
    return recorder, recorder.reads["x"]


def assert_gives(recorder: Recorder, expected: Array) -> list[str]:
    """Fail unless the result "y" is as expected and all nodes give it; return the kinds of the nodes."""
    graph = recorder.graph
    values = {graph.input.number: IMAGES}
    for node in list(graph.nodes.values())[1:]:
        reads = [graph.take(read, values) for read in node.reads]
        values[node.number] = evaluate(node.operation, reads, node.arrays)
    for result in (graph.take(recorder.reads["y"]), graph.take(recorder.reads["y"], values)):
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-14)
    return [node.kind.__name__ for node in graph.nodes.values()][1:]


@pytest.mark.parametrize("axes", [(2, 3), (-1, 2), (1,), (0, 2, 3), (0, 1, 2, 3)], ids=str)
@pytest.mark.parametrize("kept", [False, True], ids=["without its axes", "with axes of length 1"])
def test_mean(axes: Sequence[int], kept: bool) -> None:
    recorder, read = recorded()
    expected = np.asarray(X.mean(tuple(axes), keepdims=kept))
    recorder.mean("y", read, expected, axes)
    assert assert_gives(recorder, expected) == ["Mean"]


KERNEL, ROWS, STACK = RNG.normal(size=(5, 6)), RNG.normal(size=(6, 4)), RNG.normal(size=(3, 5, 7))


@pytest.mark.parametrize(
    ("first", "second", "kinds"),
    [
        pytest.param(X, KERNEL, ["Dense"], id="a kernel"),
        pytest.param(ROWS, X, ["Dense"], id="a kernel in front"),
        pytest.param(X, STACK, ["Constant", "MatrixProduct"], id="a stack of kernels"),
        pytest.param(X, X.swapaxes(-1, -2), ["MatrixProduct"], id="two values"),
    ],
)
def test_product(first: Array, second: Array, kinds: list[str]) -> None:
    recorder, read = recorded()
    turned = read.moved(lambda x: x.swapaxes(-1, -2))
    operands = {X.shape: read, turned.shape: turned}
    left, right = (operands.get(each.shape) or Tensor.computed(each) for each in (first, second))
    assert recorder.multiply("y", left, right, first @ second)
    assert assert_gives(recorder, first @ second) == kinds


def test_product_with_biases() -> None:
    recorder, read = recorded()
    biases = RNG.normal(size=6)
    assert recorder.multiply("y", read, Tensor.computed(KERNEL), X @ KERNEL + biases, Tensor.computed(biases))
    assert assert_gives(recorder, X @ KERNEL + biases) == ["Dense"]


def test_product_of_values_with_biases_is_none() -> None:
    recorder, read = recorded()
    assert not recorder.multiply("y", read, read, X, Tensor.computed(RNG.normal(size=5)))
    assert list(recorder.graph.nodes) == [0]


@pytest.mark.parametrize(
    ("equation", "constant", "kinds"),
    [
        pytest.param("bchw,bchv->bcwv", None, ["MatrixProduct"], id="two values"),
        pytest.param("bchw,co->bohw", RNG.normal(size=(3, 6)), ["Dense"], id="a kernel"),
        pytest.param("bchw,cwo->bcho", STACK, ["Constant", "MatrixProduct"], id="a kernel for each channel"),
    ],
)
@pytest.mark.parametrize("exchanged", [False, True], ids=["as it is", "with its operands exchanged"])
def test_einsteins_sum(equation: str, constant: Array | None, kinds: list[str], exchanged: bool) -> None:
    recorder, read = recorded()
    expected = np.einsum(equation, X, X if constant is None else constant)
    operands = [read, read if constant is None else Tensor.computed(constant)]
    if exchanged:
        (first, second), result = equation.partition("->")[0].split(","), equation.partition("->")[2]
        equation, operands = f"{second},{first}->{result}", operands[::-1]
    assert recorder.contract("y", equation, operands, expected)
    assert sorted(assert_gives(recorder, expected)) == sorted(kinds)


@pytest.mark.parametrize("equation", ["bchw->bhwc", "bchw,cc->bhw"])
def test_sum_that_is_no_product_is_told(equation: str) -> None:
    recorder, read = recorded()
    assert not recorder.contract("y", equation, [read, read][: equation.count(",") + 1], X)
    assert list(recorder.graph.nodes) == [0]
