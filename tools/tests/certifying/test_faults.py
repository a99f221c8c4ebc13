"""The report on planted faults: what it counts, prints and writes, and what a backend that crashes costs."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from isomorph.conformance.faults.catalogue import CATALOGUE, find_faults
from isomorph.conformance.faults.fault import Fault
from isomorph.conformance.faults.finding import INFERENCE, TIERS, Finding, Outcome, TierFinding
from isomorph.conformance.faults.planting import Planting
from isomorph.spec import BadInput
from isomorph.tools import FaultsReport, faults, list_faults
from isomorph.tools.certifying.faults_report import FaultyBackend

Install = Callable[[str], str]

CHOSEN = find_faults(["pool-padded-1-1", "pool-zero-behind-relu", "tf32-left-on"])
POOL, NONE, TF32 = CHOSEN[0], CHOSEN[1], CHOSEN[2]


def tiers(*seen: bool | None, first: str | None = "pool1") -> tuple[TierFinding, ...]:
    """What structure, lattice, float64 and float32 say."""
    names = ("structure", "lattice", "float64", "float32")
    told = zip(names, seen, strict=True)
    return tuple(TierFinding(tier, caught, first if caught else None, None, f"says {tier}") for tier, caught in told)


def report(pool: Outcome = "caught", none: Outcome = "harmless", tf32: Outcome = "caught") -> FaultsReport:
    """Three faults in two backends, the second of which is always right."""
    right = FaultyBackend(
        "pytorch",
        "2.13.0",
        (
            Finding(POOL.name, "pool1", "caught", tiers(False, True, True, True)),
            Finding(NONE.name, None, "harmless", tiers(False, False, False, False)),
            Finding(TF32.name, "conv1", "caught", tiers(False, False, True, True, first="conv1")),
        ),
    )
    other = FaultyBackend(
        "keras",
        "3.15.1 on tensorflow 2.21.0",
        (
            Finding(POOL.name, "pool1", pool, tiers(False, True, None, True)),
            Finding(NONE.name, None, none, tiers(False, False, False, none == "false alarm")),
            Finding(TF32.name, "conv1", tf32, message="crashed" if tf32 == "error" else ""),
        ),
    )
    return FaultsReport(CHOSEN, (other, right), {NONE.name: True}, 1.5)


def lines(found: FaultsReport) -> list[str]:
    return [line.rstrip() for line in str(found).splitlines()]


def test_all_caught_reads_so() -> None:
    found = report()
    assert (found.exit_status, found.planted, found.caught) == (0, [POOL.name, TF32.name], [POOL.name, TF32.name])
    assert found.harmless == [NONE.name]
    assert found.by_tier == dict.fromkeys(TIERS, 0) | {"lattice": 1, "float64": 2, "float32": 2}
    said = lines(found)
    assert max(map(len, said)) <= 80
    assert "fault                  planted at       keras  pytorch" in said
    assert "pool-padded-1-1        pool1            .L-F   .LDF" in said
    assert "pool-zero-behind-relu  nothing changes  ....   ...." in said
    assert " ".join(said[-2:]) == (
        "2 of 2 faults caught in 2 backends, each at its own place; 1 is none here, as the oracle shows."
    )


@pytest.mark.parametrize(
    ("outcomes", "status", "caught", "cell"),
    [
        ({"pool": "missed"}, 1, 1, "MISSED"),
        ({"pool": "elsewhere"}, 1, 1, ".L-F!"),
        ({"pool": "unfit"}, 1, 1, "UNFIT"),
        ({"pool": "undecided"}, 3, 1, ".L-F"),
        ({"none": "false alarm"}, 1, 2, "...F?"),
        ({"tf32": "error"}, 3, 1, "ERROR"),
        ({"tf32": "error", "pool": "missed"}, 1, 0, "ERROR"),
        ({"tf32": "no surgery"}, 0, 2, "n/a"),
    ],
)
def test_what_is_not_caught_shows(outcomes: dict[str, Outcome], status: int, caught: int, cell: str) -> None:
    found = report(**outcomes)
    assert (found.exit_status, len(found.caught)) == (status, caught)
    assert cell in str(found)


@pytest.mark.parametrize("outcome", ["no surgery", "no training"])
def test_where_nothing_can_be_planted_nothing_is_decided(outcome: Outcome) -> None:
    backend = FaultyBackend("mine", "1.0", (Finding(TF32.name, TF32.place, outcome),))
    found = FaultsReport((TF32,), (backend,))
    assert (found.exit_status, found.planted) == (3, [])


def test_a_fault_of_training_shows_its_tiers_and_its_first_tensor() -> None:
    (fault,) = find_faults(["decay-for-momentum"])
    told = {"statistics": "conv1/BatchNorm/moving_mean", "steps": "conv1/BatchNorm/moving_mean"}
    seen = tuple(TierFinding(tier, tier in told, told.get(tier)) for tier in TIERS)
    found = FaultsReport((fault,), (FaultyBackend("pytorch", "2.13.0", (Finding(fault.name, None, "caught", seen),)),))
    assert (found.exit_status, found.caught) == (0, [fault.name])
    assert "decay-for-momentum  conv1/moving_mean  .....RT" in lines(found)
    assert {tier for tier, number in found.by_tier.items() if number} == told.keys()


def test_the_whole_catalogue_fits_the_terminal_in_three_backends() -> None:
    whole = tuple(CATALOGUE.values())
    every = tuple(Finding(fault.name, fault.place, "caught", all_see(fault)) for fault in whole)
    found = FaultsReport(whole, tuple(FaultyBackend(name, "1.0", every) for name in ("pytorch", "keras", "paddle")))
    said = lines(found)
    assert max(map(len, said)) <= 80
    start = next(number for number, line in enumerate(said) if line.startswith("fault ")) + 1
    assert [line.split()[0] for line in said[start : start + len(whole)]] == list(CATALOGUE), "no row is wrapped"


def all_see(fault: Fault) -> tuple[TierFinding, ...]:
    return tuple(TierFinding(tier, True) for tier in (TIERS if fault.learned else INFERENCE))


def test_a_line_says_what_is_not_as_it_should_be() -> None:
    said = " ".join(str(report(pool="elsewhere", tf32="error")).split())
    assert "keras pool-padded-1-1: lattice: says lattice; float32: says float32" in said
    assert "keras tf32-left-on: crashed" in said


def test_a_fault_that_the_oracle_sees_is_none_no_more() -> None:
    found = FaultsReport(CHOSEN, report().backends, {NONE.name: False})
    assert (found.exit_status, found.harmless) == (1, [])
    assert "pool-zero-behind-relu: the oracle answers otherwise with it" in str(found)


def test_it_writes_json() -> None:
    document = json.loads(report(pool="elsewhere").to_json())
    assert (document["exit_status"], document["caught"], document["seconds"]) == (1, ["tf32-left-on"], 1.5)
    assert document["faults"][0] == {
        "name": "pool-padded-1-1",
        "says": POOL.says,
        "source": POOL.source,
        "network": "bottlenecks",
        "place": "pool1",
        "learned": {},
        "planted_by": "architecture",
    }
    finding = document["backends"][0]["findings"][0]
    assert (finding["fault"], finding["outcome"]) == ("pool-padded-1-1", "elsewhere")
    assert finding["tiers"][1] == {
        "tier": "lattice",
        "caught": True,
        "first": "pool1",
        "born": None,
        "message": "says lattice",
    }


def test_the_catalogue_prints_every_fault_and_its_source() -> None:
    said = str(list_faults())
    assert max(map(len, said.splitlines())) <= 80
    joined = "".join(said.split())
    assert all(fault.name in said and "".join(fault.source.split()) in joined for fault in CATALOGUE.values())
    document = json.loads(list_faults(["tf32-left-on"]).to_json())
    assert [(each["name"], each["planted_by"]) for each in document] == [("tf32-left-on", "surgery")]


def test_a_backend_that_crashes_costs_itself_alone(install: Install) -> None:
    names = ["pool-padded-1-1", "pool-padded-0-1", "pool-not-padded", "epsilon-1e-3", "bgr-for-rgb"]
    said: dict[str, list[str]] = {}
    found = faults(
        names,
        backends=[install("misbehaving:abort@build"), "oracle"],
        progress=lambda who, what: said.setdefault(who, []).append(what),
    )
    crashing, oracle = found.backends
    assert {finding.outcome for finding in oracle.findings} == {"caught"}
    assert [finding.outcome for finding in crashing.findings] == ["error"] * 5
    assert all("ended by SIGABRT" in finding.message for finding in crashing.findings[:3])
    assert [finding.message for finding in crashing.findings[3:]] == ["given up after 3 crashes in a row"] * 2
    assert (found.exit_status, found.caught) == (3, [])
    assert said["oracle"][0] == "1 of 5: pool-padded-1-1"


class Dying(Planting):
    """Its backend's process is killed at one fault."""

    def find(self, fault: Fault) -> Finding:
        if fault.name == "epsilon-1e-3":
            self.process._process.kill()
        return super().find(fault)


def test_a_process_that_ends_is_started_anew_for_the_next_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[faults.__module__], "Planting", Dying)  # whose name the function has, too
    found = faults(["same-for-explicit", "epsilon-1e-3", "bgr-for-rgb", "units-swapped"], backends=["oracle"])
    (backend,) = found.backends
    assert [finding.outcome for finding in backend.findings] == ["caught", "error", "caught", "caught"]
    assert backend.findings[1].message.endswith("the process was ended by SIGKILL")
    assert (found.exit_status, len(found.caught), len(found.planted)) == (3, 3, 4)


def test_a_backend_that_only_raises_is_not_started_again(install: Install) -> None:
    found = faults(
        ["bgr-for-rgb"] + [f"pool-padded-{pads}" for pads in ("0-1", "1-1")] + ["epsilon-1e-3"],
        backends=[install("misbehaving:raise MemoryError@end_points")],
    )
    (backend,) = found.backends
    assert [finding.message for finding in backend.findings] == ["end_points failed: ran out of memory"] * 4
    assert "pool-padded-1-1 and 3 more: end_points failed: ran out of memory" in " ".join(str(found).split())


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"names": ["epsilon"]}, "There is no fault 'epsilon'; did you mean epsilon-"),
        ({"backends": ["pytorhc"]}, "There is no backend 'pytorhc'; did you mean pytorch"),
        ({"timeout": 0}, "The time limit is 0 s"),
        ({"device": "tpu"}, "There is no device 'tpu'; there are auto, cpu, gpu."),
    ],
)
def test_a_bad_request_is_refused_before_anything_runs(request_: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        faults(**request_)
