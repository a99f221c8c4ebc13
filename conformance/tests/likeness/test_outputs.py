"""What a model returns counts, too: which value, which part of it, in which order, and how many of them."""

from collections.abc import Callable

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph
from isomorph.conformance.likeness.diagnosis import Diagnosis, compare_models
from isomorph.spec.operations import RELU, Convolution, Dense, Mean, Operation, Pointwise

from .sketched import Sketch


def network(move: Callable[[Array], Array] = lambda y: y, function: Operation = RELU) -> Graph:
    """Two convolutions; `move` is what becomes of the map that the second one gives."""
    net = Sketch(2, 5, 4, 3)
    x = net.add(function, net.add(Convolution(), "x", named="first", weights=net.drawn(1, 1, 3, 8)), named="first")
    return net.ends_in(net.move(net.add(Convolution(), x, named="second", weights=net.drawn(1, 1, 8, 6)), move))


def heads(*names: str, last: str = "") -> Graph:
    """A network of a mean and a deviation, which returns these of them by name, or in this order."""
    net = Sketch(2, 5, 4, 3)
    x = net.add(RELU, net.add(Convolution(), "x", named="body", weights=net.drawn(1, 1, 3, 8)), named="body")
    x = net.add(Mean(), net.move(x, lambda y: y.reshape(2, -1, 8)), named="body")
    keys = {name: net.add(Dense(), x, named=name, weights=net.drawn(8, 4)) for name in ("mean", "deviation")}
    if last:
        keys["mean"] = net.add(Pointwise(last), keys["mean"], named="last")
    for place, name in enumerate(names):
        net.recorder.output(str(place), keys[name])
    return net.recorder.graph


def said(diagnosis: Diagnosis) -> list[str]:
    return list(map(str, diagnosis.causes))


@pytest.mark.parametrize(
    ("move", "says"),
    [
        (lambda y: y[..., :3], "output shape: second returns its result as 2x5x4x3, expected 2x5x4x6 (theirs: second)"),
        (lambda y: y[:, 1:], "output shape: second returns its result as 2x4x4x6, expected 2x5x4x6 (theirs: second)"),
        (
            lambda y: y.swapaxes(1, 2),
            "outputs reordered: second returns its result with rows and columns exchanged (theirs: second)",
        ),
        (
            lambda y: y[..., ::-1],
            "outputs reordered: second returns its result with its last axis reversed (theirs: second)",
        ),
        (
            lambda y: y[..., [1, 0, 2, 3, 4, 5]],
            "outputs reordered: second returns its result in another order (theirs: second)",
        ),
    ],
    ids=["half of the channels", "a part of the rows", "turned", "reversed", "permuted"],
)
def test_another_part_or_order_of_the_right_value_is_named(move: Callable[[Array], Array], says: str) -> None:
    diagnosis = compare_models(network(), network(move))
    assert said(diagnosis) == [says]
    assert diagnosis.first_divergence is not None


@pytest.mark.parametrize(
    "move", [lambda y: np.moveaxis(y, -1, 1), lambda y: y.reshape(2, -1), lambda y: y[:, None]], ids=["", "flat", "one"]
)
def test_channels_first_and_flattening_are_no_difference(move: Callable[[Array], Array]) -> None:
    for first, second in ((network(), network(move)), (network(move), network())):
        diagnosis = compare_models(first, second)
        assert (said(diagnosis), diagnosis.first_divergence) == ([], None)


def test_outputs_in_one_anothers_place_are_named() -> None:
    diagnosis = compare_models(heads("mean", "deviation"), heads("deviation", "mean"))
    assert {cause.first.cause for cause in diagnosis.causes} == {"outputs exchanged"}
    assert diagnosis.causes[0].first.says == "returns the dense layer of deviation instead as 0"
    assert diagnosis.first_divergence is not None
    assert said(compare_models(heads("mean", "deviation"), heads("mean", "deviation"))) == []


def test_another_number_of_outputs_is_named() -> None:
    diagnosis = compare_models(heads("mean"), heads("mean", "deviation"))
    assert [cause.first.cause for cause in diagnosis.causes if cause.first.cause == "outputs"] == ["outputs"]


def test_what_is_added_at_the_end_shows_there() -> None:
    diagnosis = compare_models(heads("mean"), heads("mean", last="tanh"))
    assert [cause.first.says for cause in diagnosis.causes] == ["has a tanh too many behind its dense layer"]
    assert diagnosis.first_divergence is not None
    assert diagnosis.first_divergence[1] > 0.1


def test_a_bound_that_nothing_reaches_is_stated() -> None:
    high = Pointwise("clip", (0.0, 1e6))
    for first, second in ((RELU, high), (high, RELU)):
        diagnosis = compare_models(network(function=first), network(function=second))
        assert [cause.first.cause for cause in diagnosis.causes] in (
            ["ReLU1e+06 for ReLU"],
            ["ReLU for ReLU1e+06"],
        )
        assert diagnosis.first_divergence is None
