"""The lattice's verdict: equal after rounding, and near; what is off is named, counted and placed."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from isomorph.backends.protocol import Array
from isomorph.conformance.lattice.verdict import NEAR, LatticeVerdict, judge_lattice

STEPS = {"first": Fraction(1), "second": Fraction(1, 4)}
EXACT = {"first": np.arange(-4, 4).reshape(1, 2, 2, 2), "second": np.arange(8).reshape(1, 2, 2, 2)}


def answers(**off: float) -> dict[str, Array]:
    """The exact answers, but for one cell, [0, 1, 0, 1], that is so many steps off."""
    made = {name: count.astype(np.float64) for name, count in EXACT.items()}
    for name, steps in off.items():
        made[name][0, 1, 0, 1] += steps
    return {name: value * float(STEPS[name]) for name, value in made.items()}


def judged(found: dict[str, Array]) -> LatticeVerdict:
    return judge_lattice(found, EXACT, STEPS)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, ml_dtypes.bfloat16])
def test_what_is_equal_passes_in_any_dtype(dtype: type[np.generic]) -> None:
    found = {name: value.astype(dtype) for name, value in answers().items()}
    assert judged(found) == LatticeVerdict(True, 0.0)


def test_the_softmax_is_on_no_lattice_and_left_alone() -> None:
    assert judged(answers() | {"predictions": np.full((1, 1, 1, 3), 1 / 3)}).passed


@pytest.mark.parametrize("steps", [-NEAR, NEAR, 0.01])
def test_up_to_an_eighth_of_a_step_passes(steps: float) -> None:
    verdict = judged(answers(second=steps))
    assert verdict.passed
    assert verdict.farthest == pytest.approx(abs(steps))


@pytest.mark.parametrize("steps", [NEAR * 1.001, -0.3, 0.5, 0.8, 1.2])
def test_further_off_it_stands_between(steps: float) -> None:
    verdict = judged(answers(second=steps))
    assert (verdict.passed, verdict.first_divergence, verdict.by_whole_steps) == (False, "second", False)
    said = f"in 1 of 8 values by up to {abs(steps):.3g} steps, not whole: its arithmetic differs; at [0, 1, 0, 1]"
    assert verdict.message == f"second is the first to differ, {said}"


@pytest.mark.parametrize("steps", [-1, 1, 12, 2.0625, 1 + NEAR])
def test_whole_steps_off_its_semantics_differ(steps: float) -> None:
    verdict = judged(answers(second=steps))
    assert (verdict.passed, verdict.first_divergence, verdict.by_whole_steps) == (False, "second", True)
    said = f"in 1 of 8 values by up to {abs(steps):.3g} whole steps: its semantics differ; at [0, 1, 0, 1]"
    assert verdict.message == f"second is the first to differ, {said}"


def test_the_first_end_point_that_is_off_is_named() -> None:
    assert judged(answers(first=1, second=0.3)).first_divergence == "first"


def test_many_cells_are_counted_and_the_first_of_them_named() -> None:
    found = answers()
    found["first"] += 1
    message = judged(found).message
    assert "in 8 of 8 values" in message
    assert message.endswith("at [0, 0, 0, 0] [0, 0, 0, 1] [0, 0, 1, 0] ...")


def test_of_several_cells_the_farthest_counts_and_one_that_stands_between_tells() -> None:
    found = answers(second=2)
    found["second"][0, 0, 0, 0] += 0.4 / 4
    verdict = judged(found)
    assert verdict.by_whole_steps is False
    said = "in 2 of 8 values by up to 2 steps, not whole: its arithmetic differs; at [0, 0, 0, 0] [0, 1, 0, 1]"
    assert verdict.message == f"second is the first to differ, {said}"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=["NaN", "infinity", "negative infinity"])
def test_what_is_not_finite_fails(bad: float) -> None:
    verdict = judged(answers(second=bad))
    assert (verdict.passed, verdict.first_divergence, verdict.by_whole_steps) == (False, "second", False)
    assert verdict.farthest == np.inf


def test_another_shape_fails_even_if_it_could_be_broadcast() -> None:
    verdict = judged(answers() | {"second": np.zeros((1, 2, 2, 1))})
    assert (verdict.passed, verdict.first_divergence) == (False, "second")
    assert verdict.message == "second is 1x2x2x1, the oracle's is 1x2x2x2"


def test_other_end_points_fail_by_name() -> None:
    verdict = judged({"first": answers()["first"]})
    assert (verdict.passed, verdict.first_divergence) == (False, "second")
    assert verdict.message == "its end points are not the oracle's: none stands where second was expected"
