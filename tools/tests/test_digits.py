"""Each framework learns handwritten digits in its own way, from the same start, along the same losses.

The scripts run as a reader runs them, each in a process of its own.
"""

import sys
from functools import cache
from itertools import islice

import numpy as np
import pytest

from examples import digits, rounding
from examples.rounding import first_difference, relative_differences
from examples.separate_process import train
from isomorph.backends import find_backend
from isomorph.backends.oracle.operations import ORDERS
from isomorph.conformance.verdict import FLOORS, noise_floors, relative_l2

FIRST = 5
"""Losses that the default seed keeps clear of ReLUs that rounding could switch: the gradients of four steps."""


@cache
def first_steps() -> tuple[dict[str, digits.Array], dict[str, float]]:
    """The oracle's losses of the first steps in float64, and how far float32 alone takes them from there."""
    assert not any(step.flips for step in islice(rounding.train(digits.SEED, 1), FIRST))
    exact = losses("float64")
    return exact, noise_floors(exact, (losses("float32", order) for order in range(ORDERS)), "float32")


def losses(dtype: str, order: int = 0) -> dict[str, digits.Array]:
    """The oracle's losses of the first steps."""
    return {"loss": np.array([loss for loss, _ in islice(rounding.steps(digits.SEED, 1, dtype, order), FIRST)])}


@pytest.mark.thorough
@pytest.mark.parametrize("framework", ["pytorch", "keras", "paddle"])
def test_a_framework_learns_digits_in_its_own_way_along_the_oracles_losses(framework: str) -> None:
    if reason := find_backend(framework).why_not():
        pytest.skip(reason)
    accuracy, losses = train(framework)
    assert accuracy > 0.97
    assert len(losses) == digits.EPOCHS * digits.STEPS
    reference, floors = first_steps()
    ratio = relative_l2(losses[:FIRST], reference["loss"]) / floors["loss"]
    differences = relative_differences(losses[:FIRST], reference["loss"])
    assert ratio <= FLOORS, f"{ratio:.3g} noise floors in the first {FIRST} steps, relative differences {differences}"


def test_another_start_is_no_noise() -> None:
    reference, floors = first_steps()
    other = np.array([step.float64 for step in islice(rounding.train(digits.SEED + 1, 1), FIRST)])
    assert relative_l2(other, reference["loss"]) / floors["loss"] > 1000 * FLOORS


def test_float32_parts_from_float64_behind_the_first_relu_on_the_other_side_of_zero() -> None:
    wide, narrow, flips = [], [], []
    for step in rounding.train(digits.SEED, digits.EPOCHS):
        wide.append(step.float64)
        narrow.append(step.float32)
        flips.append(step.flips)
        parted = first_difference(np.array(narrow), np.array(wide))
        if parted is not None:
            break
    assert parted is not None, f"no loss of {len(flips)} steps is off by more than 1e-3"
    flipped = next((number for number, count in enumerate(flips) if count), len(flips))
    assert flipped < parted, f"the losses part at step {parted}, before any ReLU does"
    before = slice(0, flipped + 1)  # its gradient moves the weights behind that step's loss
    assert max(relative_differences(np.array(narrow), np.array(wide))[before]) < 1e-5


def test_all_digits_are_there_once_in_an_epoch_and_in_another_order_in_the_next() -> None:
    order = digits.Order(0)
    first, second = np.array(list(order)), np.array(list(order))
    assert first.shape == second.shape == (digits.STEPS, digits.BATCH)
    assert np.unique(first).size == first.size
    assert not np.array_equal(first, second)
    assert np.array_equal(first, list(digits.Order(0)))


def test_digits_that_train_are_standardised_and_none_is_held_out() -> None:
    data, held_out = digits.read()
    assert (data.images.shape, held_out.images.shape) == ((digits.TRAIN, 8, 8, 1), (360, 8, 8, 1))
    assert abs(data.images.mean(dtype=np.float64)) < 1e-6
    assert abs(data.images.std(dtype=np.float64) - 1) < 1e-6
    assert set(held_out.labels) == set(range(10))


def test_a_curve_parts_at_its_first_step_beyond_the_limit() -> None:
    reference = np.array([4.0, 2.0, 1.0, 0.5])
    assert first_difference(reference * [1, 1.0009, 1.002, 1], reference) == 2
    assert first_difference(reference, reference) is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--epochs", "0"], "argument --epochs: '0' is no integer from 1 up"),
        (["--seed", "-1"], "argument --seed: '-1' is no integer from 0 up"),
        (["--seed", "1.5"], "argument --seed: '1.5' is no integer from 0 up"),
        (
            ["--losses", "nowhere/x.json"],
            "nowhere/x.json cannot be written: there is no folder nowhere; make it, or name another.",
        ),
        (["--losses", "."], ". cannot be written: it is a folder; name a file in it."),
    ],
)
@pytest.mark.usefixtures("empty_folder")
def test_bad_arguments_are_refused_before_anything_is_trained(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["digits", *arguments])
    with pytest.raises(SystemExit) as ended:
        digits.arguments("")
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
