"""What a framework rounds whatever it computes in is told as that, and nothing that is a mistake is."""

from collections.abc import Callable
from math import erf, sqrt

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph
from isomorph.conformance.likeness.diagnosis import Diagnosis, compare_models
from isomorph.spec.operations import (
    BatchNorm,
    Convolution,
    Dense,
    Mean,
    Operation,
    Pointwise,
    Product,
    Resize,
    Softmax,
    Unknown,
)

from .sketched import Sketch

GELU, TANH = Pointwise("gelu"), Pointwise("gelu_tanh")
HALF, ALIGNED = Resize((9, 7), "half"), Resize((9, 7), "aligned")


def single(x: Array) -> Array:
    return x.astype(np.float32).astype(np.float64)


def exact(x: Array) -> Array:
    return x


def whole(x: Array) -> Array:
    return x.reshape(len(x), -1, x.shape[-1])


def network(
    function: Operation = GELU,
    resize: Operation = HALF,
    epsilon: float = 1e-5,
    rounding: Callable[[Array], Array] = exact,
    kernel: Callable[[Array], Array] = exact,
) -> Graph:
    """A convolution, a batch norm, a function of each value, and a resize and a convolution before the classifier.

    rounding: of what the function and the resize give. kernel: what is done to the first one.
    """
    net = Sketch(2, 5, 4, 3)
    x = net.add(Convolution(), "x", named="stem", weights=kernel(net.drawn(1, 1, 3, 8)))
    x = net.add(BatchNorm(epsilon), x, named="norm", moving_mean=net.drawn(8), moving_variance=1 + net.drawn(8) ** 2)
    x = net.add(function, x, named="active", rounding=rounding)
    x = net.add(resize, x, named="up", rounding=rounding)
    x = net.add(Convolution(), x, named="last", weights=net.drawn(1, 1, 8, 4))
    return net.ends_in(net.add(Dense(), net.add(Mean(), net.move(x, whole)), named="head", weights=net.drawn(4, 3)))


def said(diagnosis: Diagnosis) -> list[str]:
    return list(map(str, diagnosis.causes))


def rounded(diagnosis: Diagnosis) -> dict[str, list[str]]:
    return {cause.first.cause: [finding.place for finding in cause.findings] for cause in diagnosis.rounded}


def test_functions_and_resizes_in_float32_are_rounding() -> None:
    diagnosis = compare_models(network(), network(rounding=single))
    assert (said(diagnosis), diagnosis.first_divergence) == ([], None)
    assert rounded(diagnosis) == {"GELU": ["active"], "resize": ["up"]}
    assert diagnosis.before is not None
    assert 1e-10 < diagnosis.before < 1e-6


def test_what_the_first_model_rounds_is_read_as_it_would_be_exactly() -> None:
    diagnosis = compare_models(network(rounding=single), network())
    assert (said(diagnosis), rounded(diagnosis), diagnosis.first_divergence) == ([], {}, None)


@pytest.mark.parametrize(
    ("change", "cause"),
    [({"function": TANH}, "GELU by tanh for GELU"), ({"resize": ALIGNED}, "corners"), ({"epsilon": 1e-3}, "epsilon")],
    ids=["another function", "other corners", "another epsilon"],
)
def test_a_mistake_among_what_is_rounded_is_named_alone_and_proved(change: dict[str, object], cause: str) -> None:
    diagnosis = compare_models(network(), network(rounding=single, **change))  # type: ignore[arg-type]
    assert [each.first.cause for each in diagnosis.causes] == [cause]
    assert diagnosis.proved


def test_what_is_further_off_than_rounding_is_no_rounding() -> None:
    diagnosis = compare_models(network(), network(rounding=lambda x: x * (1 + 1e-5)))
    assert diagnosis.first_divergence is not None
    assert diagnosis.first_divergence[0] == "active"
    assert not rounded(diagnosis)


def test_a_kernel_in_float32_is_a_cast_and_no_rounding() -> None:
    diagnosis = compare_models(network(), network(kernel=single))
    assert [each.first.cause for each in diagnosis.causes] == ["cast"]
    assert not rounded(diagnosis)


@pytest.mark.parametrize("slope", [float(np.float32(1 / 6)), 0.1666667], ids=["in float32", "in seven digits"])
def test_a_constant_that_is_rounded_is_the_same_one(slope: float) -> None:
    sixth, theirs = Pointwise("hard_sigmoid", (1 / 6, 0.5)), Pointwise("hard_sigmoid", (slope, 0.5))
    diagnosis = compare_models(network(sixth), network(theirs))
    assert (said(diagnosis), diagnosis.first_divergence) == ([], None)
    assert rounded(diagnosis) == {"constants": ["active"]}


def test_another_slope_is_told_with_its_number() -> None:
    diagnosis = compare_models(
        network(Pointwise("hard_sigmoid", (1 / 6, 0.5))), network(Pointwise("hard_sigmoid", (0.2, 0.5)))
    )
    assert said(diagnosis) == [
        "hard sigmoid of 0.2 x + 0.5 for hard sigmoid: active has a hard sigmoid of 0.2 x + 0.5 where a hard sigmoid is"
        " expected (theirs: active)"
    ]


def written_out(root: float) -> Graph:
    """A GELU in five operations, x * 0.5 * (1 + erf(x / root of 2))."""
    net = Sketch(2, 5, 4, 3)
    x = net.add(Convolution(), "x", named="stem", weights=net.drawn(1, 1, 3, 8))
    half = net.add(Pointwise("linear", (0.5, 0.0)), x)
    share = net.add(Pointwise("erf"), net.add(Pointwise("linear", (1 / root, 0.0)), x))
    x = net.add(Product(), half, net.add(Pointwise("linear", (1.0, 1.0)), share), named="active")
    return net.ends_in(net.add(Convolution(), x, named="last", weights=net.drawn(1, 1, 8, 4)))


def test_a_gelu_whose_root_of_two_is_rounded_is_a_gelu() -> None:
    assert erf(1 / sqrt(2)) == pytest.approx(0.6827, abs=1e-4)
    for root in (sqrt(2), float(np.float32(sqrt(2)))):
        diagnosis = compare_models(written_out(sqrt(2)), written_out(root))
        assert (said(diagnosis), diagnosis.first_divergence) == ([], None)
    assert rounded(diagnosis) == {"GELU": ["active"]}
    assert said(compare_models(written_out(sqrt(2)), written_out(1.414))) != []


def averaged(rows: bool) -> Graph:
    """A softmax over channels of means over all cells, or over each column's cells."""
    net = Sketch(2, 6, 5, 3)
    x = net.add(Convolution(), "x", named="stem", weights=net.drawn(1, 1, 3, 8))
    x = net.add(Mean(), net.move(x, (lambda y: y.swapaxes(1, 2)) if rows else whole), named="mean")
    x = net.add(Softmax(), x, named="softmax")
    if rows:
        x = net.move(x, lambda y: y.reshape(2, 5, 8))
    return net.ends_in(net.add(Dense(), x, named="head", weights=net.drawn(8, 3)))


def test_a_mean_over_other_axes_is_told_by_how_many_numbers_it_is_of() -> None:
    for first, second, says in (
        (False, True, "mean over: mean has its mean over 6 numbers, expected over 30 (theirs: mean)"),
        (True, False, "mean over: mean has its mean over 30 numbers, expected over 6 (theirs: mean)"),
    ):
        diagnosis = compare_models(averaged(first), averaged(second))
        assert said(diagnosis) == [says]
        assert diagnosis.proved


def with_unknown(before: float, behind: float) -> Graph:
    """A network with an operation that nothing here evaluates, between two batch norms of these epsilons."""
    net = Sketch(2, 5, 4, 3)
    x = net.add(Convolution(), "x", named="stem", weights=net.drawn(1, 1, 3, 8))
    mean, variance = net.drawn(8), 1 + net.drawn(8) ** 2
    x = net.add(BatchNorm(before), x, named="before", moving_mean=mean, moving_variance=variance)
    read = net.recorder.reads[x]
    net.recorder.module = "strange"
    net.recorder.add("strange", Unknown("celu"), [read], np.cos(net.recorder.graph.take(read)))
    x = net.add(BatchNorm(behind), "strange", named="behind", moving_mean=variance, moving_variance=variance)
    return net.ends_in(net.add(Convolution(), x, named="last", weights=net.drawn(1, 1, 8, 4)))


def test_an_operation_that_nothing_knows_is_judged_by_its_values_where_it_reads_the_same() -> None:
    diagnosis = compare_models(with_unknown(1e-5, 1e-5), with_unknown(1e-5, 1e-3))
    assert [(each.first.cause, each.first.place) for each in diagnosis.causes] == [("epsilon", "behind")]
    assert diagnosis.unknown == ()


def test_an_operation_that_nothing_knows_is_not_judged_behind_a_mistake_and_the_rest_is() -> None:
    diagnosis = compare_models(with_unknown(1e-5, 1e-5), with_unknown(1e-3, 1e-2))
    assert [(each.cause, each.place) for each in diagnosis.causes[0].findings] == [
        ("epsilon", "before"),
        ("epsilon", "behind"),
    ]
    assert diagnosis.unknown == ("celu of strange",)
