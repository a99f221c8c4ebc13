"""The quick bench: the one mode of each framework that it measures, what contradicts it, and what its report says."""

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from isomorph.backends.options import Options
from isomorph.backends.protocol import Unavailable
from isomorph.backends.registry import find_backend
from isomorph.spec import BadInput
from isomorph.tools import BenchReport, bench
from isomorph.tools.benching.competitors import describe
from isomorph.tools.benching.modes import MODES
from isomorph.tools.benching.quick import ADVISED, LAST_RESORT, advised_modes

from ..command import isomorph, left

SMALL: dict[str, Any] = {"backends": ["oracle"], "size": (8, 10), "turn": 0.0, "product": 64, "timeout": 300.0}


@pytest.fixture(scope="module")
def report() -> BenchReport:
    """Of the oracle, whose framework advises nothing."""
    return bench("cifar/resnet20", quick=True, **SMALL)


def test_one_mode_is_measured_in_three_rounds_without_training(report: BenchReport) -> None:
    (row,) = report.rows
    assert (row.mode, row.status) == (LAST_RESORT, "measured")
    assert [(timing.work, timing.batch, len(timing.rounds)) for timing in row.timings] == [
        ("inference", 1, 3),
        ("inference", 8, 3),
    ]


def test_the_report_says_that_it_was_quick_and_what_the_full_bench_adds(report: BenchReport) -> None:
    said = " ".join(str(report).split())
    assert (
        "quick oracle eager, as each framework's documentation advises; without --quick: every mode, 11 rounds,"
        " batches of 1, 8, 32 and training rounds 3 of each"
    ) in said
    document = json.loads(report.to_json())
    assert (document["quick"], document["rounds"], document["batches"]) == (True, 3, [1, 8])


def test_batches_that_are_asked_for_are_taken() -> None:
    assert bench("cifar/resnet20", quick=True, batches=[2], **SMALL).batches == (1, 2)


@pytest.mark.parametrize("backend", ADVISED)
def test_what_is_advised_is_a_mode_of_a_backend(backend: str) -> None:
    assert find_backend(backend).name == backend
    assert {*ADVISED[backend]} <= MODES.keys()
    assert [mode.name for mode in advised_modes(backend)][-1] == LAST_RESORT


class Offering(AbstractContextManager["Offering"]):
    """A backend's process that has some compilers, and cannot fold."""

    name = "keras"

    def __init__(self, compilers: tuple[str, ...]) -> None:
        self.compilers = compilers

    def __exit__(self, *_: object) -> None:
        """Nothing has to end."""

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        if method == "choices":
            return {"device": "cpu", "choices": {"compiled": self.compilers, "layout": ("NHWC",)}}
        if given["options"].get("fold_batch_norm"):
            raise Unavailable("It cannot fold.")
        return vars(Options(**given["options"]))


@pytest.mark.parametrize(
    ("backend", "compilers", "mode"),
    [
        ("keras", ("xla", "graph"), "xla"),
        ("keras", ("graph",), "graph"),
        ("keras", (), "eager"),
        ("keras:torch", ("graph",), "eager"),
        ("paddle", ("graph", "engine"), "engine"),
        ("mine", ("xla", "graph"), "eager"),
        ("pytorch", ("graph",), "eager"),
    ],
)
def test_the_first_advised_mode_that_there_is_is_measured(backend: str, compilers: tuple[str, ...], mode: str) -> None:
    process: Any = Offering(compilers)
    found = describe(process, advised_modes(backend), "cpu", named=False, first=True)
    assert [each.name for each, _ in found.modes] == [mode]
    assert [row.mode for row in found.rows] == (["eager-folded"] if backend == "pytorch" else [])


@pytest.mark.parametrize(
    ("asked", "option"),
    [
        ({"modes": ["eager"]}, "--modes"),
        ({"rounds": 11}, "--rounds"),
        ({"training_batch": 4}, "--training-batch"),
        ({"goal": "training"}, "--for training"),
        ({"scaling": ["depth"]}, "--scaling"),
        ({"rounds": 5, "scaling": ["depth"]}, "--rounds and --scaling"),
    ],
    ids=["modes", "rounds", "training", "a goal that takes training", "scaling", "several"],
)
def test_what_contradicts_it_is_refused(asked: dict[str, Any], option: str) -> None:
    with pytest.raises(BadInput) as caught:
        bench("cifar/resnet20", quick=True, **(SMALL | asked))
    assert str(caught.value) == (
        f"--quick chooses modes and rounds itself, without training or scaling; leave out {option}, or --quick."
    )


@pytest.mark.thorough  # its parts are tested apart, and `isomorph bench` in test_bench_command
@pytest.mark.usefixtures("empty_folder")
def test_it_is_a_command_with_a_report_as_json_and_a_plot() -> None:
    """Its exit status is 3 where other tests keep the cores busy."""
    asked = ("--backends", "oracle", "--input", "8x10", "--quick", "--json", "x.json", "--plots", "plots")
    done = isomorph("bench", "cifar/resnet20", *asked)
    document = json.loads(Path("x.json").read_text())
    assert (document["quick"], document["exit_status"]) == (True, done.returncode)
    assert done.returncode in (0, 3)
    assert done.stdout.endswith("\ndrawn: plots/ranking.png, plots/ranking.svg\n")
    assert ", quick; whiskers" in Path("plots/ranking.svg").read_text()
    assert left() == ["plots", "x.json"]
