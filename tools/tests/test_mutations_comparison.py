"""What the run of damaged files calls a difference, and what it explains, on answers that are typed here."""

from typing import Any

import pytest

from mutations.comparison import as_noted, difference, known

KERNEL, OTHER, BIAS = (["float32", shape, digest] for shape, digest in (([3, 2], "k"), ([3, 2], "o"), ([2], "b")))
SOUND = {"first/kernel": KERNEL, "last/kernel": OTHER}
SWAPPED = {"first/kernel": OTHER, "last/kernel": KERNEL}


def answers(here: dict[str, Any], there: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Of isomorph, and of Keras and h5py, which finds the same data sets in any case."""
    datasets = {f"layers/{number}/vars/0": value for number, value in enumerate(here.values())}
    return {"tensors": here}, {"datasets": datasets, "tensors": there}


def test_layers_that_are_called_in_turn_are_another_file() -> None:
    assert difference(*answers(SWAPPED, SOUND)).startswith("another values: ")
    assert not known("weights.h5", difference(*answers(SWAPPED, SOUND)))


@pytest.mark.parametrize(
    ("noted", "explained"),
    [
        pytest.param([["first", OTHER], ["last", KERNEL]], True, id="as the file notes them"),
        pytest.param([["last", KERNEL], ["first", OTHER]], True, id="in another order"),
        pytest.param([["first", KERNEL], ["last", OTHER]], False, id="otherwise"),
        pytest.param([["first", OTHER]], False, id="one of them"),
        pytest.param([], False, id="not at all"),
        pytest.param({"crash": "status -11"}, False, id="by nobody who could be asked"),
    ],
)
def test_they_are_explained_where_the_file_calls_them_so(noted: Any, explained: bool) -> None:
    words = as_noted({"tensors": SWAPPED}, noted)
    assert bool(words) is explained
    assert bool(known("weights.h5", words)) is explained


def test_what_is_the_same_is_no_difference() -> None:
    assert difference(*answers(SOUND, SOUND)) == ""


def test_a_layer_of_another_name_alone_is_explained_by_its_name() -> None:
    renamed = {"middle/kernel": KERNEL, "last/kernel": OTHER}
    assert known("h5", difference(*answers(renamed, SOUND)))


@pytest.mark.parametrize(
    "here",
    [{"first/kernel": KERNEL}, SOUND | {"last/kernel": BIAS}, {"first/kernel": KERNEL, "last/bias": OTHER}],
    ids=["a layer less", "another shape", "another variable"],
)
def test_what_is_lost_or_changed_is_found(here: dict[str, Any]) -> None:
    words = difference(*answers(here, SOUND))
    assert words
    assert not known("weights.h5", words)
