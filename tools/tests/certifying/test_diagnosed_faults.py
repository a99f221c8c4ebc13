"""The report on planted faults that are diagnosed: what it counts, prints and writes, and what a crash costs."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from isomorph.conformance.faults.catalogue import CATALOGUE, find_faults
from isomorph.conformance.faults.diagnosed import DiagnosedFault, Outcome, SaidCause
from isomorph.spec import BadInput
from isomorph.tools import DiagnosedFaultsReport, diagnose_faults
from isomorph.tools.certifying.faults_report import FaultyBackend

Install = Callable[[str], str]

CHOSEN = find_faults(["pool-padded-1-1", "pool-zero-behind-relu", "tf32-left-on", "auxiliary-relu-missing"])
POOL, NONE, HEAD, TF32 = CHOSEN

PADDING = SaidCause("pool padding", "pool1", 1, "has pads 1, expected (0, 1)")
INFERENCE = tuple(fault for fault in CATALOGUE.values() if not fault.learned)


def report(
    pool: Outcome = "named", none: Outcome = "harmless", head: Outcome = "not run", tf32: Outcome = "named"
) -> DiagnosedFaultsReport:
    """Four faults in two backends, the second of which is always right."""
    right = column("pytorch", "named", "harmless", "not run", "named")
    return DiagnosedFaultsReport(CHOSEN, (column("keras", pool, none, head, tf32), right), 1.5)


def column(name: str, *outcomes: Outcome) -> FaultyBackend[DiagnosedFault]:
    """One backend; the padding alone is said to be proved."""
    return FaultyBackend(
        name,
        "1.0",
        tuple(
            DiagnosedFault(
                fault.name,
                fault.place,
                outcome,
                (PADDING,) if fault is POOL and outcome != "missed" else (),
                fault is POOL or None,
                "" if outcome in ("named", "missed") else f"words of {fault.name}",
            )
            for fault, outcome in zip(CHOSEN, outcomes, strict=True)
        ),
    )


def lines(found: DiagnosedFaultsReport) -> list[str]:
    return [line.rstrip() for line in str(found).splitlines()]


def test_all_named_reads_so() -> None:
    found = report()
    assert (found.exit_status, found.reachable) == (0, [POOL.name, TF32.name])
    assert found.named == found.alone == found.reachable
    said = lines(found)
    assert max(map(len, said)) <= 80
    assert said[3:8] == [
        "fault                   planted at       keras     pytorch",
        "pool-padded-1-1         pool1            named     named",
        "pool-zero-behind-relu   nothing changes  harmless  harmless",
        "auxiliary-relu-missing  aux1/fc1         not run   not run",
        "tf32-left-on            conv1            named     named",
    ]
    assert said[-6:-2] == [
        "         faults there  named  with nothing else  proved",
        "keras               2      2                  2       1",
        "pytorch             2      2                  2       1",
        "",
    ]
    assert " ".join(said[-2:]) == (
        "2 of 2 faults named in 2 backends, each at its own place, 2 with nothing else said."
    )


@pytest.mark.parametrize(
    ("outcomes", "status", "reachable", "named", "alone", "cell"),
    [
        ({"pool": "named +"}, 0, 2, 2, 1, "named +"),
        ({"pool": "elsewhere"}, 1, 2, 1, 1, "WRONG"),
        ({"pool": "missed"}, 1, 2, 1, 1, "MISSED"),
        ({"pool": "unfit"}, 1, 2, 1, 1, "UNFIT"),
        ({"none": "false alarm"}, 1, 2, 2, 2, "ALARM"),
        ({"head": "named"}, 0, 3, 3, 3, "named"),
        ({"head": "missed"}, 1, 3, 2, 2, "MISSED"),
        ({"tf32": "error"}, 3, 2, 1, 1, "ERROR"),
        ({"tf32": "error", "pool": "missed"}, 1, 2, 0, 0, "ERROR"),
        ({"tf32": "no surgery"}, 0, 2, 2, 2, "n/a"),
        ({"tf32": "no tracing"}, 0, 2, 2, 2, "n/a"),
    ],
)
def test_what_is_not_named_shows(
    outcomes: dict[str, Outcome], status: int, reachable: int, named: int, alone: int, cell: str
) -> None:
    found = report(**outcomes)
    assert (found.exit_status, len(found.reachable)) == (status, reachable)
    assert (len(found.named), len(found.alone)) == (named, alone)
    rows = [line.split("  ") for line in lines(found)[4:8]]
    assert any(cell in map(str.strip, row) for row in rows)


@pytest.mark.parametrize("outcome", ["no surgery", "no tracing"])
def test_where_nothing_can_be_diagnosed_nothing_is_decided(outcome: Outcome) -> None:
    backend = FaultyBackend("mine", "1.0", (DiagnosedFault(TF32.name, TF32.place, outcome),))
    found = DiagnosedFaultsReport((TF32,), (backend,))
    assert (found.exit_status, found.reachable) == (3, [])


@pytest.mark.parametrize("outcome", ["named", "named +", "harmless", "elsewhere"])
def test_the_whole_catalogue_fits_the_terminal_in_three_backends(outcome: Outcome) -> None:
    every = tuple(DiagnosedFault(fault.name, fault.place, outcome) for fault in INFERENCE)
    columns = tuple(FaultyBackend(name, "1.0", every) for name in ("pytorch", "keras", "paddle"))
    said = lines(DiagnosedFaultsReport(INFERENCE, columns))
    assert max(map(len, said)) <= 80
    start = next(number for number, line in enumerate(said) if line.startswith("fault ")) + 1
    rows = said[start : start + len(INFERENCE)]
    assert [line.split()[0] for line in rows] == [fault.name for fault in INFERENCE], "no row is wrapped"


def test_a_line_says_what_is_not_as_it_should_be_or_more_than_that() -> None:
    said = " ".join(str(report(pool="named +", none="false alarm", tf32="error")).split())
    assert "keras pool-padded-1-1: words of pool-padded-1-1" in said
    assert "keras pool-zero-behind-relu: words of pool-zero-behind-relu" in said
    assert "keras tf32-left-on: words of tf32-left-on" in said
    assert "words of auxiliary-relu-missing" not in said
    assert "keras pool-padded-1-1: nothing is said" in " ".join(str(report(pool="missed")).split())


def test_faults_of_the_same_words_share_a_line() -> None:
    backend = FaultyBackend(
        "keras", "1.0", tuple(DiagnosedFault(each.name, "", "unfit", message="x") for each in CHOSEN)
    )
    assert "keras pool-padded-1-1 and 3 more: x" in lines(DiagnosedFaultsReport(CHOSEN, (backend,)))


def test_it_writes_json() -> None:
    document = json.loads(report(pool="named +", tf32="missed").to_json())
    assert (document["exit_status"], document["seconds"]) == (1, 1.5)
    assert (document["reachable"], document["named"], document["alone"]) == ([POOL.name, TF32.name], [POOL.name], [])
    assert document["totals"]["keras"] == {"reachable": 2, "named": 1, "alone": 0, "proved": 1}
    assert document["faults"][0]["says"] == POOL.says
    assert document["backends"][0]["findings"][0] == {
        "fault": "pool-padded-1-1",
        "place": "pool1",
        "outcome": "named +",
        "causes": [
            {"cause": "pool padding", "place": "pool1", "places": 1, "says": "has pads 1, expected (0, 1)"},
        ],
        "proved": True,
        "message": "words of pool-padded-1-1",
    }


def test_a_backend_that_crashes_costs_itself_alone(install: Install) -> None:
    names = ["pool-padded-1-1", "epsilon-1e-3", "bgr-for-rgb", "tf32-left-on"]
    said: dict[str, list[str]] = {}
    found = diagnose_faults(
        names,
        backends=[install("misbehaving:abort@build"), "oracle"],
        progress=lambda who, what: said.setdefault(who, []).append(what),
    )
    crashing, oracle = found.backends
    assert [finding.outcome for finding in crashing.findings] == ["error"] * 4
    assert all("ended by SIGABRT" in finding.message for finding in crashing.findings[:3])
    assert crashing.findings[3].message == "given up after 3 crashes in a row"
    assert [finding.outcome for finding in oracle.findings] == ["no tracing"] * 3 + ["no surgery"]
    assert found.exit_status == 3
    assert said["oracle"][0] == "1 of 4: pool-padded-1-1"


def test_all_faults_of_inference_are_planted_and_none_of_training() -> None:
    found = diagnose_faults(backends=["oracle"])
    assert found.faults == INFERENCE
    assert {finding.outcome for finding in found.backends[0].findings} == {"no tracing", "no surgery"}


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"names": ["epsilon"]}, "There is no fault 'epsilon'; did you mean epsilon-"),
        ({"names": ["bgr-for-rgb", "nesterov"]}, "The fault nesterov is one of training, which changes no answer"),
        ({"backends": ["pytorhc"]}, "There is no backend 'pytorhc'; did you mean pytorch"),
        ({"timeout": 0}, "The time limit is 0 s"),
        ({"device": "tpu"}, "There is no device 'tpu'; there are auto, cpu, gpu."),
    ],
)
def test_a_bad_request_is_refused_before_anything_runs(request_: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        diagnose_faults(**request_)
