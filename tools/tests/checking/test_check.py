"""`check` on small cases: what it reports, what a backend that fails costs, and what it refuses. The oracle is fast."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from isomorph.conformance.memory import backend_process, fit_at_once
from isomorph.conformance.small_networks import KIN, slim_small
from isomorph.spec import Architecture, Stem, StemConvolution, StemPool, architecture, count_parameters, infer
from isomorph.tools import CheckReport, check
from isomorph.tools.subjects.subject import find_subject, make_case

Install = Callable[[str], str]

R20 = architecture("cifar/resnet20")
SMALL: dict[str, Any] = {"size": (8, 10), "batch": 1}


def check_small(*backends: str, subject: str | Architecture = R20, **more: Any) -> CheckReport:
    report: CheckReport = check(subject, backends=backends, **(SMALL | more))
    return report


@pytest.fixture(scope="module")
def report() -> CheckReport:
    return check_small("oracle", seed=3)


# The report.


def test_it_says_what_was_compared(report: CheckReport) -> None:
    assert (report.architecture, report.input) == ("cifar/resnet20", (1, 8, 10, 3))
    assert (report.weights.source, report.images.source) == ("drawn, seed 3", "drawn, seed 3")
    assert report.parameters == count_parameters(R20)
    assert (report.agree, report.exit_status, report.planted) == (True, 0, {})
    assert report.seconds > 0


def test_its_end_points_are_the_specifications(report: CheckReport) -> None:
    (row,) = report.backends
    shapes = infer(R20, 8, 10).shapes(1)
    for run in row.runs:
        assert {end_point.name: end_point.shape for end_point in run.end_points} == shapes


@pytest.mark.parametrize(
    ("plant", "parts", "alone"),
    [
        pytest.param({}, False, set(), id="in no dtype where all agree"),
        pytest.param({}, True, {"float64", "float32"}, id="in every dtype where they are asked for"),
        pytest.param({"batch_norm_epsilon": 1.0001e-5}, False, {"float64"}, id="in the dtype in which some differ"),
    ],
)
def test_parts_run_alone(plant: dict[str, float], parts: bool, alone: set[str]) -> None:
    (row,) = check_small("oracle", plant=plant, parts=parts).backends
    for run in row.runs:
        without = [end_point.name for end_point in run.end_points if end_point.local_noise_ratio is None]
        assert without == ([] if run.dtype in alone else [end_point.name for end_point in run.end_points])


END_POINT = {"name", "shape", "rel_l2", "max_abs", "noise_ratio", "local_noise_ratio", "verdict"}
RUN = {"dtype", "precision", "verdict", "message", "first_divergence", "end_points"}
ROW = {"name", "version", "device", "status", "message", "parameters", "logits_shape", "runs"} | {
    "device_name",  # of a GPU
    "recorded",  # by `run`, where and by what
}
REPORT = {"architecture", "title", "weights", "images", "input", "agree", "backends"}


def test_its_json_has_the_documented_keys(report: CheckReport) -> None:
    document = json.loads(report.to_json())
    (row,) = document["backends"]
    assert document.keys() - {"other", "planted", "seconds"} == REPORT
    assert document["weights"].keys() == document["images"].keys() == {"source", "sha256"}
    assert row.keys() == ROW
    assert {frozenset(run) for run in row["runs"]} == {frozenset(RUN)}
    assert {frozenset(point) for run in row["runs"] for point in run["end_points"]} == {frozenset(END_POINT)}


def test_its_json_has_the_documented_values(report: CheckReport) -> None:
    document = json.loads(report.to_json())
    (row,) = document["backends"]
    assert (document["agree"], document["input"]) == (True, [1, 8, 10, 3])
    assert (row["name"], row["device"], row["status"], row["message"]) == ("oracle", "cpu", "pass", "")
    assert (row["parameters"], row["logits_shape"]) == (271_098, [1, 1, 1, 10])
    assert [run["dtype"] for run in row["runs"]] == ["float64", "float32"]
    assert row["runs"][0]["end_points"][0]["name"] == "conv1"
    assert row["runs"][0]["end_points"][0]["shape"] == [1, 8, 10, 16]


def test_json_has_no_infinities_and_no_nan() -> None:
    """A map of another shape is infinitely far, and a planted number may be what JSON has no word for."""
    text = check_small("oracle", subject=slim_small(), size=(32, 32), plant={"bottleneck_stride": "conv1"}).to_json()

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    (row,) = json.loads(text, parse_constant=refuse)["backends"]
    assert "inf" in {point["rel_l2"] for point in row["runs"][0]["end_points"]}


def test_zeros_around_a_pool_are_planted_alone() -> None:
    """In TensorFlow's SAME, before which a pre-activated network has no ReLU."""
    subject = KIN["pre-activated bottlenecks"].with_options(pool_padding="same")
    stem = Stem((StemConvolution("conv1", 64, 7, stride=2, linear=True), StemPool("pool1", 3, stride=2)))
    planted = {"pool_fill": "zero"}
    report = check_small("oracle", subject=replace(subject, stem=stem), size=(32, 32), plant=planted)
    (row,) = report.backends
    assert (report.agree, report.planted) == (False, planted)
    assert {run.first_divergence for run in row.runs if run.verdict == "fail"} == {"pool1"}


def test_float64_alone_is_one_tier() -> None:
    (row,) = check_small("oracle", dtype="float64").backends
    assert [run.dtype for run in row.runs] == ["float64"]


# Where an error came from.


@pytest.mark.parametrize(
    ("epsilon", "first", "where"),
    [
        pytest.param(1.2e-5, "conv1", ": the error is born there", id="born"),
        pytest.param(1.05e-5, "global_pool", ": the error is inherited", id="inherited"),
    ],
)
def test_an_error_is(epsilon: float, first: str, where: str) -> None:
    """A slightly wrong epsilon is noise in every unit alone, and adds up until the mean, whose noise is smallest."""
    plant = {"batch_norm_epsilon": epsilon}
    (row,) = check("cifar/resnet20", backends=["oracle"], size=(16, 16), batch=1, plant=plant).backends
    float32 = row.runs[1]
    assert (float32.dtype, float32.verdict, float32.first_divergence) == ("float32", "fail", first)
    assert float32.message.startswith(f"{first} is the first to differ, by ")
    assert float32.message.endswith(where)


def test_a_structure_that_differs_is_a_failure_of_the_whole_row() -> None:
    report = check_small("oracle", plant={"convolution_bias": True})
    (row,) = report.backends
    assert (row.status, row.runs, report.exit_status) == ("fail", (), 1)
    assert row.message.startswith("The tensors are not those of cifar/resnet20; 19 tensors missing: - block1/unit_1/")


# Backends that fail cost their own rows.


ABORTED = "the process was ended by SIGABRT: the last words of a C++ library"
FAILURES = {
    "aborts": ("abort@end_points", {}, f"end_points, {ABORTED}"),
    "aborts at once": ("abort@import", {}, f"starting, {ABORTED}"),
    "hangs": ("hang@end_points", {"timeout": 8}, "end_points took longer than 8 s and was stopped"),
    "exhausts the memory": ("allocate@build", {"memory": 4 * 2**30}, "build failed: ran out of memory ("),
    "raises": ("raise Unpicklable@build", {}, "build failed: Unpicklable: a kernel of 3 lines in café"),
}


@pytest.mark.parametrize(("way", "options", "message"), FAILURES.values(), ids=FAILURES)
def test_only_one_row_is_lost_to_a_backend_that(
    install: Install, way: str, options: dict[str, Any], message: str
) -> None:
    name = install(f"misbehaving:{way}")
    report = check_small(name, "oracle", **options)
    lost, kept = report.backends
    assert (lost.name, lost.status, kept.name, kept.status) == (name, "error", "oracle", "pass")
    assert lost.message.startswith(message)
    assert (report.agree, report.exit_status) == (None, 3)
    assert json.loads(report.to_json())["agree"] is None


def test_one_that_parts_outweighs_one_that_crashes(install: Install) -> None:
    name = install("misbehaving:abort@end_points")
    report = check_small(name, "oracle", plant={"batch_norm_epsilon": 1e-3})
    assert [row.status for row in report.backends] == ["error", "fail"]
    assert (report.agree, report.exit_status) == (False, 1)


def test_one_whose_tensors_come_back_changed_fails(install: Install) -> None:
    report = check_small(install("misbehaving:other biases"))
    (row,) = report.backends
    assert (row.status, report.agree) == ("fail", False)
    assert row.message == "logits/biases came back from float64 with other values than it was given."


def test_one_that_has_not_the_precision_is_unavailable(install: Install) -> None:
    report = check_small(install("misbehaving:raise Unavailable@build"))
    (row,) = report.backends
    assert (row.status, report.agree, report.exit_status) == ("unavailable", None, 3)
    assert [(run.dtype, run.verdict, run.message) for run in row.runs] == [
        (dtype, "unavailable", "It has no float8.") for dtype in ("float64", "float32")
    ]


def test_an_interpreter_that_is_none_costs_its_row() -> None:
    report = check_small("oracle", python={"oracle": "/bin/true"})
    (row,) = report.backends
    assert (row.status, row.message) == ("error", "starting, the process exited with status 0")


def test_an_interpreter_without_isomorph_costs_its_row(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')  # -S: no site-packages
    bare.chmod(0o755)
    (row,) = check_small("oracle", python={"oracle": str(bare)}).backends
    assert row.status == "error"
    assert row.message.startswith("starting, the process exited with status 1: ")
    assert "No module named" in row.message


@pytest.mark.parametrize("name", ["torch", "pytorch"], ids=["an alias", "its name"])
def test_an_interpreter_is_given_by(name: str) -> None:
    """One whose framework is not looked for here."""
    (row,) = check_small("torch", python={name: "/bin/true"}).backends
    assert (row.name, row.status) == ("pytorch", "error")


# Progress, and turns.


def events(*backends: str, **options: Any) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    check_small(*backends, progress=lambda who, what: found.append((who, what)), **options)
    return found


def test_progress_says_who_is_at_work_and_at_what() -> None:
    steps = ("building in {}", "proving {}", "running in {}")
    assert [what for _, what in events("oracle")] == [
        "drawing images and weights",
        "evaluating float64 and its noise",
        "evaluating float32 and its noise",
        "done",
        "importing",
        *(step.format(dtype) for dtype in ("float64", "float32") for step in steps),
        "pass",
    ]


def test_backends_take_turns_where_memory_is_short(install: Install) -> None:
    name = install("misbehaving")
    said = events("oracle", name, memory=1.1e9)
    mine = [who for who, _ in said]
    start = mine.index(name)
    assert set(mine[start:]) == {name}, "one began before the other had ended"
    assert said[start - 1] == ("oracle", "pass")


@pytest.mark.parametrize(
    ("memory", "backends", "at_once"),
    [
        pytest.param(None, 3, 3, id="unknown memory"),
        pytest.param(64e9, 3, 3, id="plenty"),
        pytest.param(1.4e9, 3, 2, id="for two"),
        pytest.param(1e9, 3, 1, id="for one"),
        pytest.param(1e6, 3, 1, id="for none, which one of them has to find out"),
        pytest.param(64e9, 1, 1, id="plenty, and one backend"),
    ],
)
def test_at_once(memory: float | None, backends: int, at_once: int) -> None:
    case = make_case(find_subject(R20), size=(8, 10), batch=1)  # whose own arrays weigh some 10 MB
    assert fit_at_once(backend_process(case.sizes), memory, backends) == at_once


def test_larger_networks_take_more_memory() -> None:
    case = make_case(find_subject(architecture("cifar/resnet110")), size=(64, 64), batch=4)
    assert fit_at_once(backend_process(case.sizes), 2.5e9, 3) < 3


def test_no_process_and_no_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, install: Install) -> None:
    name = install("misbehaving:abort@end_points")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    before = _children()
    check_small(name, "oracle")
    assert list((tmp_path / "tmp").iterdir()) == []
    assert _children() == before


def _children() -> set[str]:
    """The processes that this one has started; other tests' may be among them."""
    return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())
