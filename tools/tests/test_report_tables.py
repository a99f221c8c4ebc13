"""The tables of `check`: whole at 80 columns, whatever the backends are called and however their runs ended."""

from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from isomorph.conformance.small_networks import slim_small
from isomorph.conformance.verdict import EndPointVerdict, RunVerdict, explain
from isomorph.spec import infer
from isomorph.tools import BackendReport, CheckReport, check

KERAS = "3.15.1 on tensorflow 2.21.0"


@pytest.fixture(scope="module")
def measured() -> CheckReport:
    """Of one oracle, whose runs stand in for other backends'."""
    return check(slim_small(), backends=["oracle"], size=(32, 32), batch=1)


def of_three(report: CheckReport) -> CheckReport:
    (row,) = report.backends
    versions = {"pytorch": "2.13.0+cpu", "keras": KERAS, "paddle": "3.3.1"}
    rows = tuple(replace(row, name=name, version=version) for name, version in versions.items())
    return replace(report, backends=rows)


def lines(table: RenderableType, width: int = 200) -> list[str]:
    """The table, as wide as it would like to be."""
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return [line.rstrip() for line in captured.get().splitlines()]


def test_three_frameworks_stand_in_one_table(measured: CheckReport) -> None:
    said = lines(of_three(measured).table())
    assert [line for line in said if len(line) > 80] == []
    rows = [line for line in said if line.startswith(("pytorch", "keras", "paddle"))]
    assert [row.split()[0] for row in rows] == ["pytorch", "keras", "paddle"]
    assert {row.count("PASS") for row in rows} == {3}


@pytest.mark.parametrize("fault", [{}, {"batch_norm_epsilon": 1e-3}], ids=["all pass", "all fail"])
def test_every_end_point_of_three_frameworks_stands_in_a_table_per_dtype(fault: dict[str, float]) -> None:
    report = of_three(check(slim_small(), backends=["oracle"], size=(32, 32), batch=1, plant=fault))
    said = lines(report.end_point_table())
    assert [line for line in said if len(line) > 80] == []
    names = [_without_kind(name) for name in infer(slim_small(), 32, 32).shapes(1)]
    starts = [line.split()[0] if line else "" for line in said]
    assert starts == ["in", *names, "", "in", *names]
    assert said[0].split() == ["in", "float64", "pytorch", "keras", "paddle"]


def _without_kind(name: str) -> str:
    """`block1/unit_1/conv1`: what is in a unit goes without its kind."""
    parts = name.split("/")
    return "/".join(parts[:2] + parts[3:])


UNAVAILABLE = RunVerdict("float64", None, "unavailable", "It has no float64.")
IN_TF32 = RunVerdict("float32", "tf32", "pass")


def test_what_is_no_plain_pass_is_explained_below(measured: CheckReport) -> None:
    rows = (
        BackendReport("pytorch", None, None, "error", "starting, the process was ended by SIGABRT"),
        BackendReport("keras", KERAS, "gpu", "pass", runs=(UNAVAILABLE, IN_TF32)),
        BackendReport("paddle", None, None, "unavailable", "paddle is not installed; `pip install 'isomorph[paddle]'`"),
    )
    said = lines(replace(measured, backends=rows).table())
    assert said[-4:] == [
        "pytorch: starting, the process was ended by SIGABRT",
        "keras float64: It has no float64.",
        "keras float32: the device proved to compute in tf32",
        "paddle: paddle is not installed; `pip install 'isomorph[paddle]'`",
    ]


def test_dtypes_that_say_the_same_say_it_once(measured: CheckReport) -> None:
    row = BackendReport("oracle", "1", None, "unavailable", runs=(UNAVAILABLE, replace(UNAVAILABLE, dtype="float32")))
    said = lines(replace(measured, backends=(row,)).table())
    assert said[-1] == "oracle float64, float32: It has no float64."


def differing(dtype: str, ratio: float, local: float | None = None, name: str = "conv1") -> RunVerdict:
    """A run whose first error is at `name`, of so many noise floors."""
    first = EndPointVerdict(name, (1, 8, 8, 4), 0.1, 0.1, ratio, local, "fail")
    return RunVerdict(dtype, dtype, "fail", explain([first]), name, (first,))


def test_backends_that_find_the_same_say_it_once(measured: CheckReport) -> None:
    rows = (
        BackendReport(
            "pytorch", "1", "cpu", "fail", runs=(differing("float64", 5e9, 4e9), differing("float32", 40, 30))
        ),
        BackendReport("keras", "1", "cpu", "fail", runs=(differing("float64", 6e9, 5e9), differing("float32", 50, 20))),
        BackendReport("paddle", "1", "cpu", "fail", runs=(differing("float64", 7e9, 5e9), differing("float32", 9, 2))),
    )
    said = lines(replace(measured, backends=rows).table(), width=300)
    assert said[-2:] == [
        "pytorch, keras float64, float32; paddle float64: conv1 is the first to differ, by 40 to 7e+09 noise floors;"
        " on the oracle's own input by 20 to 5e+09: the error is born there",
        "paddle float32: conv1 is the first to differ, by 9 noise floors; on the oracle's own input by 2: the error is"
        " inherited",
    ]


def test_what_is_planted_is_said(measured: CheckReport) -> None:
    said = lines(replace(measured, planted={"shortcut": "projection", "batch_norm_epsilon": 1e-3}).table())
    assert "planted     shortcut=projection, batch_norm_epsilon=0.001" in said
    assert not any(line.startswith("planted") for line in lines(measured.table()))


def test_a_report_prints_its_table(measured: CheckReport) -> None:
    assert [line.rstrip() for line in str(measured).splitlines()] == lines(measured.table(), width=80)
