"""The tables and lines of a bench's report, on figures typed by hand."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from isomorph.spec import architecture
from isomorph.tools.benching.explain import setup_lines
from isomorph.tools.benching.results import Limit

from ..benched import row
from .test_bench_plots import REPORT

CALL = "keras.applications.ResNet50"
ROWS = (
    row("keras", "zoo", 4.0, 4.0, lines=CALL),
    row("keras", "eager", 2.0, 3.0, lines="network = load_backend"),
)


def said(rows: tuple[object, ...] = ROWS) -> str:
    """The report, each run of spaces one."""
    return " ".join(str(replace(REPORT, rows=rows, curves=())).split())  # type: ignore[arg-type]


def test_latency_is_told_in_milliseconds_and_rates_in_images_a_second() -> None:
    """Of calls of 2 s and 3 s: half took 2.5 s at most, all but a twentieth 3 s; 0.5 and 0.333 images a second."""
    assert "keras eager 2500 3000 0.417 - -" in said()


LIMITED = replace(
    REPORT,
    rows=(*ROWS, row("paddle", "eager", 5.0, 5.0)),
    limits=(Limit("keras", "float32", "matmul", 10, (1.0, 1.0)),),
)
"""Keras's matrix product computes 2000 operations a second; Paddle's was not measured."""


def test_the_ranking_has_figures_ratios_to_the_zoo_and_shares_of_the_limit() -> None:
    found = " ".join(str(LIMITED).split())
    assert "for throughput, at each mode's fastest batch: median and spread of rounds" in found
    assert (
        "keras eager 0.417 (0.333-0.500) 1.67 (1.33-2.00) 42 % keras zoo 0.250 (0.250-0.250) 1.00 (1.00-1.00) 25 %"
        " paddle eager 0.200 (0.200-0.200) - - "
    ) in found


MARKED = replace(
    REPORT,
    rows=(
        row("keras", "zoo", 4.0, 4.0, 4.0),
        row("keras", "eager", 2.0, 3.0, 2.0, others=1.5),
        row("paddle", "eager", 5.0, 5.0, 5.0),
    ),
    curves=(),
)
"""Other processes had three quarters of the cores while keras eager was measured, and none else."""


def test_a_doubted_figure_is_marked_in_every_table_and_explained_under_the_ranking() -> None:
    found = " ".join(str(MARKED).split())
    assert "keras eager 0.500 (0.333-0.500) ? 2.00 (1.33-2.00)" in found
    assert "paddle eager 0.200 (0.200-0.200) - ? other processes kept more than 1.0 of 2 cores busy" in found
    assert "keras eager ? 2000 3000" in found
    assert found.count("?") == 3


def test_a_doubted_figure_has_its_reason_in_json() -> None:
    document = json.loads(MARKED.to_json())
    reason = "other processes kept 1.5 of 2 busy while keras eager was measured"
    assert [(each["others"], each["doubt"]) for each in document["rows"]] == [(None, None), (1.5, reason), (None, None)]
    assert [each["doubt"] for each in document["rankings"]["throughput"]] == [reason, None, None]
    assert [each["doubt"] for each in document["rankings"]["memory"]] == []
    assert (document["exit_status"], reason in document["advice"]) == (3, True)


def test_nothing_that_was_ranked_is_no_table() -> None:
    assert "for throughput" not in said(())


def test_the_zoos_row_is_dim() -> None:
    console = Console(width=80, force_terminal=True, color_system="standard", legacy_windows=False)
    with console.capture() as captured:
        console.print(LIMITED.table())
    dim = [line for line in captured.get().splitlines() if line.startswith("\x1b[2m")]
    assert len(dim) == 1
    assert "zoo" in dim[0]


def test_curves_are_tables_under_what_they_are() -> None:
    """Of a report's figures the batch alone has memory, too; what has none says why."""
    assert (
        "ms along batch: a call of so many images runs in mode 1 2 keras eager 100 200 keras zoo 100 -"
        " GiB along batch: the most that the process had had by then runs in mode 1 2 keras eager 1.00 2.00"
        " keras zoo - - keras zoo at 2: error: no room"
        " ms along depth: one image, in networks of so many layers runs in mode resnet20 resnet32 paddle eager 100 200"
    ) in " ".join(str(REPORT).split())


def test_what_the_zoos_network_is_is_said_of_the_zoo_alone() -> None:
    assert f"keras's zoo is {CALL}" in said()
    assert said().count("zoo is") == 1


def test_a_zoo_that_was_not_measured_is_not_said_to_be_anything() -> None:
    assert "zoo is" not in said((replace(ROWS[0], timings=(), status="error", message="no room"), ROWS[1]))


LOADS = "# behind each build: network.load(subject.tensors)"


@pytest.mark.parametrize(
    ("subject", "lines"),
    [
        pytest.param("cifar/resnet20", ['subject = find_subject("cifar/resnet20")'], id="a name"),
        pytest.param(Path("x.pth"), ['subject = find_subject("x.pth")', LOADS], id="a file, whose tensors are loaded"),
        pytest.param(
            architecture("cifar/resnet20"),
            ["# architecture: cifar/resnet20, as bench was given it"],
            id="an architecture",
        ),
    ],
)
def test_the_first_lines_make_the_architecture_of(subject: str, lines: list[str]) -> None:
    found = setup_lines(subject, (8, 10, 3), {}).splitlines()
    assert [line for line in found if line.startswith(("subject", "#"))] == lines
    assert found[-1] == 'images = numpy.ones((1, 8, 10, 3), "float32")'
