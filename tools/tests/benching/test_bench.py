"""`bench` on the oracle: what it measures, what a mode costs that goes wrong, and ctrl-C. No speed is asserted."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from isomorph.backends import registry
from isomorph.backends.process import CORES
from isomorph.spec import BadInput
from isomorph.tools import BenchReport, bench
from isomorph.tools.benching.workload import Workload

from ..benched import QUICK, quick

Install = Callable[[str], str]


@pytest.fixture(scope="module")
def steps() -> list[tuple[int, int, str]]:
    """What progress said."""
    return []


@pytest.fixture(scope="module")
def report(steps: list[tuple[int, int, str]]) -> BenchReport:
    """Of a network in two modes that the oracle has, and one that it has not."""
    asked: dict[str, Any] = {"goal": "latency", "num_classes": 7, "progress": lambda *state: steps.append(state)}
    return quick("eager", "eager-folded", "xla", **asked)


def test_every_mode_is_measured_in_every_round(report: BenchReport) -> None:
    assert [(row.backend, row.mode, row.status) for row in report.rows] == [
        ("oracle", "eager", "measured"),
        ("oracle", "eager-folded", "measured"),
        ("oracle", "xla", "unavailable"),
    ]
    for row in report.rows[:2]:
        assert [(timing.work, timing.batch, len(timing.rounds)) for timing in row.timings] == [
            ("inference", 1, 2),
            ("inference", 2, 2),
        ]
        assert all(0 < timing.p50 <= timing.p95 and timing.calls >= 2 for timing in row.timings)
        assert row.noise_ratio is not None
        assert 0 < row.noise_ratio <= 8
        assert row.memory and row.first_call and row.import_seconds and row.macs
        assert row.lines.startswith('network = load_backend("oracle").build(architecture')
    assert [(limit.precision, limit.form, limit.size, len(limit.rounds)) for limit in report.limits] == [
        ("float32", "@", 64, 2)
    ]
    assert (report.exit_status, report.interrupted, report.device) == (0, False, "cpu")


def test_progress_goes_through_all_steps_to_the_end(report: BenchReport, steps: list[tuple[int, int, str]]) -> None:
    assert report.rows
    counted = [(done, planned) for done, planned, _ in steps if planned > 1]
    assert counted == sorted(counted)
    assert counted[-1][0] == counted[-1][1] == 15  # three to prepare, two turns each; two to prepare and two to train
    assert "measuring oracle eager, round 2 of 2" in [what for *_, what in steps]


def test_the_report_is_printed_at_80_columns_and_written_as_json(report: BenchReport) -> None:
    said = str(report)
    assert max(map(len, said.splitlines())) <= 80
    assert "oracle xla: unavailable: The oracle is plain NumPy and has no compiler." in said
    assert "For latency choose oracle with eager" in said
    document = json.loads(report.to_json())
    assert [row["status"] for row in document["rows"]] == ["measured", "measured", "unavailable"]
    ranked = document["rankings"]["latency"]
    assert {row["mode"] for row in ranked} == {"eager", "eager-folded"}
    figures = [row["figure"]["median"] for row in ranked]
    assert figures == sorted(figures)


def test_what_explains_the_modes_runs_when_it_is_pasted(report: BenchReport) -> None:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(report.explanation(), soft_wrap=True)
    said = captured.get()
    assert "# oracle eager-folded\n" in said
    found: dict[str, Any] = {}
    exec(said, found)
    assert found["network"].options.fold_batch_norm
    assert found["network"].answer(found["images"]).shape == (1, 7)


def test_the_lines_of_its_setting_make_an_image_of_the_size_that_was_measured() -> None:
    assert quick("eager").setting.splitlines()[-1] == 'images = numpy.ones((1, 8, 10, 3), "float32")'


@pytest.mark.parametrize("threads", sorted({1, CORES}))
def test_there_may_be_as_many_threads_as_cores(threads: int) -> None:
    (row,) = quick("eager", threads=threads, rounds=1).rows
    assert (row.status, row.threads) == ("measured", threads)


def test_a_mode_that_answers_wrongly_is_not_ranked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Workload, "noise_ratio", lambda *_: 9.0)
    report = quick("eager")
    (row,) = report.rows
    assert (row.status, row.timings, report.ranking.ranked, report.exit_status) == ("wrong answers", (), [], 1)
    assert row.message == "the answer is 9 noise floors of float32 off; up to 8 pass"


def test_a_mode_that_goes_wrong_costs_its_row_and_no_others(install: Install) -> None:
    expected = {
        "leave@import": ("", "error", "cannot go on"),
        "abort@end_points": ("eager", "error", "was ended by SIGABRT: the last words of a C++"),
        "raise Unavailable@build": ("eager", "unavailable", "It has no float8."),
        "raise MemoryError@end_points": ("eager", "error", "ran out of memory"),
        "allocate@end_points": ("eager", "error", "ran out of memory"),
    }
    names = {install(f"misbehaving:{way}"): found for way, found in expected.items()}
    asked: dict[str, Any] = {"memory": 2**31, "training_batch": None, "rounds": 1}
    report = bench("cifar/resnet20", backends=["oracle", *names], modes=["eager"], **(QUICK | asked))
    rows = {row.backend: row for row in report.rows}
    assert rows.pop("oracle").status == "measured"
    assert {name: (row.mode, row.status) for name, row in rows.items()} == {
        name: (mode, status) for name, (mode, status, _) in names.items()
    }
    for name, (_, _, message) in names.items():
        assert message in rows[name].message
    assert report.exit_status == 0


def test_where_no_backend_can_be_imported_nothing_is_measured(install: Install) -> None:
    report = quick("eager", backend=install("misbehaving:leave@import"))
    assert ([row.status for row in report.rows], report.exit_status) == (["error"], 3)


def test_modes_and_backends_that_there_are_not_are_rows_beside_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda module: None if module == "paddle" else module)
    asked = {"modes": ["eager", "eagre"], "backends": ["oracle", "orakle", "paddle"], "training_batch": None}
    report = bench("cifar/resnet20", **(QUICK | asked))
    found = {row.name: (row.status, row.message.partition(";")[0]) for row in report.rows}
    assert found == {
        "oracle eager": ("measured", ""),
        "oracle eagre": ("unavailable", "There is no mode 'eagre'"),
        "orakle": ("unavailable", "There is no backend 'orakle'"),
        "paddle": ("unavailable", "The backend paddle is not available: paddle is not installed"),
    }
    assert report.exit_status == 0
    assert "orakle: unavailable: There is no backend 'orakle'; did you mean oracle" in " ".join(str(report).split())


@pytest.mark.parametrize(
    ("moment", "rounds"),
    [
        pytest.param("preparing oracle", [], id="before anything was measured"),
        pytest.param("measuring oracle eager, round 2 of 2", [1, 1], id="in the second round"),
    ],
)
def test_ctrl_c_keeps_what_was_measured(moment: str, rounds: list[int]) -> None:
    def interrupt(_done: int, _planned: int, what: str) -> None:
        if what.startswith(moment):
            raise KeyboardInterrupt

    report = quick("eager", progress=interrupt)
    (row,) = report.rows
    assert [len(timing.rounds) for timing in row.timings] == rounds
    assert row.status == ("measured" if rounds else "interrupted")
    assert (report.interrupted, report.exit_status) == (True, 130)
    assert "s in all, until it was interrupted" in str(report)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        pytest.param(
            {"modes": ["xla-fold", "b"]},
            "There is no mode 'xla-fold'; did you mean xla-folded",
            id="modes none of which",
        ),
        pytest.param({"modes": []}, "No mode was named; expected some of eager", id="no mode"),
        pytest.param({"goal": "fun"}, "There is no goal 'fun'; there are latency, throughput", id="a goal"),
        pytest.param({"batches": [0]}, "Batches of 0 were asked for; expected one or more.", id="an empty batch"),
        pytest.param({"training_batch": -1}, "The training batch is -1; expected one or more.", id="a training batch"),
        pytest.param({"rounds": 0}, "The number of rounds is 0; expected one or more.", id="no rounds"),
        pytest.param({"threads": 4096}, "4096 threads were asked for; expected 1 to ", id="too many threads"),
        pytest.param({"device": "tpu"}, "There is no device 'tpu'; there are auto, cpu, gpu.", id="a device"),
        pytest.param({"backends": ["orakle", "b"]}, "There is no backend 'orakle'; did", id="backends none of which"),
        pytest.param(
            {"backends": ["orakle"]}, "There is no backend 'orakle'; did you mean oracle or paddle?", id="a backend"
        ),
    ],
)
def test_a_bad_request_is_refused_before_anything_is_measured(asked: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput) as caught:
        bench("cifar/resnet20", **(QUICK | {"backends": ["oracle"]} | asked))
    assert str(caught.value).startswith(message)


def test_where_memory_does_not_hold_all_each_backend_has_turns_of_its_own(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = install("misbehaving")
    module = sys.modules["isomorph.tools.benching.bench"]
    monkeypatch.setattr(module, "fit_together", lambda _case, processes, _batch: processes <= 2)
    steps: list[str] = []
    asked = {"backends": ["oracle", name], "modes": ["eager"], "progress": lambda *state: steps.append(state[2])}
    report = bench("cifar/resnet20", **(QUICK | asked))
    assert [row.status for row in report.rows] == ["measured", "measured"]
    assert steps.index("measuring oracle eager, round 2 of 2") < steps.index(f"preparing {name} eager")
    assert "in turns within each backend" in " ".join(str(report).split())
