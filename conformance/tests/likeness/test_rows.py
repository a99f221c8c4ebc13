"""Of counterparts that have other rows of features, those that both have are compared."""

import numpy as np
import pytest

from isomorph.backends.graphs.graph import Graph
from isomorph.conformance.likeness.diagnosis import compare_models
from isomorph.conformance.likeness.operands import aligned, common_rows, rows_of
from isomorph.spec.operations import (
    Dense,
    LayerNorm,
)

from .sketched import Sketch
from .walked import DEPTH, SHAPE, named, operands, tokens, value, walked
from .written import told


def test_rows_that_two_values_have_in_common_are_found_each_once() -> None:
    x = np.array([[1.0, 2.0], [7.0, 8.0], [3.0, 4.0], [1.0, 2.0], [1.0, 2.0]])
    theirs = np.array([[[3.0, 4.0], [1.0, 2.0]], [[5.0, 6.0], [1.0, 2.0]]])
    np.testing.assert_array_equal(common_rows(x, theirs), [1, -1, 0, 3, 3])


def test_rows_of_a_value_are_read_of_any_axes() -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(rows_of(np.array([4, 0]), x).take(x), [x[1, 1], x[0, 0]])


def first_token(early: bool, epsilon: float = 1e-5, others: int = 0) -> Graph:
    """A norm of all tokens and a classifier of the first one, or of that one's norm.

    early: whether it is taken before the norm. others: how many more are taken there.
    """
    net = Sketch(*SHAPE)
    x = net.add(Dense(), "x", named="stem", weights=net.drawn(DEPTH, DEPTH))
    x = net.move(x, tokens)
    if early:
        x = net.move(x, lambda y: y[:, : 1 + others])
    x = net.add(LayerNorm(epsilon), x, named="norm", gamma=1 + net.drawn(DEPTH) / 4, beta=net.drawn(DEPTH))
    return net.ends_in(net.add(Dense(), net.move(x, lambda y: y[:, 0]), named="head", weights=net.drawn(DEPTH, 5)))


@pytest.mark.parametrize("early", [False, True], ids=["first behind the norm", "first before the norm"])
def test_a_norm_of_the_first_token_alone_is_the_norm_of_all(early: bool) -> None:
    diagnosis = compare_models(first_token(early), first_token(not early))
    assert (told(diagnosis), diagnosis.first_divergence, diagnosis.proved) == ([], None, True)


@pytest.mark.parametrize("early", [False, True], ids=["first behind the norm", "first before the norm"])
def test_another_epsilon_is_seen_in_the_rows_that_both_have(early: bool) -> None:
    diagnosis = compare_models(first_token(early), first_token(not early, 1e-2))
    assert told(diagnosis) == [("epsilon", "norm")]
    assert diagnosis.proved


def test_a_node_of_fewer_rows_reads_those_of_its_counterpart() -> None:
    comparison = walked(first_token(True), first_token(False))
    (operand,) = operands(comparison, "norm")
    x = tokens(value(comparison.other, "stem"))
    np.testing.assert_array_equal(operand.value, x[:, :1])
    assert operand.value.shape == (2, 1, DEPTH)
    layout = comparison.layouts[named(comparison.one, "norm").number]
    np.testing.assert_array_equal(layout.take(value(comparison.other, "norm")), value(comparison.other, "norm")[:, :1])


def test_a_node_of_which_the_counterpart_lacks_a_row_reads_all_of_that() -> None:
    comparison = walked(first_token(True), first_token(False))
    x = tokens(value(comparison.other, "stem"))[:, :1].copy()
    x[1] += 1
    operand = aligned(comparison, named(comparison.one, "norm"), named(comparison.other, "norm"), [x])
    assert operand is not None
    assert operand[0].value.shape == (2, 12, DEPTH)


def test_rows_that_the_counterpart_does_not_have_are_the_nodes_own() -> None:
    """Their own values flow on, and only those that both have are compared."""
    comparison = walked(first_token(True, others=2), first_token(True, 1e-2))
    (difference,) = comparison.differences
    assert difference.found is not None
    assert difference.found.shape == difference.expected.shape == (2, DEPTH)
    norm = named(comparison.one, "norm")
    found = comparison.values[norm.number]
    np.testing.assert_array_equal(found[:, 0], value(comparison.other, "norm")[:, 0])
    np.testing.assert_allclose(found[:, 1:], value(comparison.one, "norm")[:, 1:], rtol=1e-12)
    assert norm.number not in comparison.layouts


def test_what_is_no_operation_of_common_rows_is_not_judged_by_them() -> None:
    comparison = walked(first_token(True), first_token(False))
    norm, theirs, stem = named(comparison.one, "norm"), named(comparison.other, "norm"), named(comparison.other, "stem")
    x = tokens(value(comparison.other, "stem"))[:, :1]
    assert comparison.judge_rows(norm, theirs, [x], x)
    assert not comparison.judge_rows(norm, theirs, [x + 1], x)
    assert not comparison.judge_rows(norm, stem, [comparison.other.images[:, :1, 0]], x)
    comparison.values[norm.reads[0].source] = comparison.values[norm.reads[0].source].reshape(-1, DEPTH)
    assert not comparison.judge_rows(norm, theirs, [x], x)
