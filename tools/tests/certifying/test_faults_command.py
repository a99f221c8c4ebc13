"""`isomorph conformance faults` as people run it: what it prints and writes, and its exit status."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ..command import answered, isomorph, left, refused_here

pytestmark = pytest.mark.usefixtures("empty_folder")

Install = Callable[[str], str]

FAULTS = ("conformance", "faults")
SOME = (*FAULTS, "--backends", "oracle", "--fault", "epsilon-1.001e-5", "--fault", "unit-skipped")


def test_it_prints_which_tier_caught_which_fault() -> None:
    more = ("--fault", "decay-for-momentum", "--fault", "pool-zero-behind-relu")
    said = [line.rstrip() for line in answered(*SOME, *more).splitlines()]
    assert said[2:7] == [
        "fault                  planted at           oracle",
        "pool-zero-behind-relu  nothing changes      ....",
        "unit-skipped           block1/unit_2/conv2  S---",
        "epsilon-1.001e-5       conv1                ..D.",
        "decay-for-momentum     conv1/moving_mean    .....RT",
    ]
    assert max(map(len, said)) <= 80
    assert " ".join(said[-2:]) == (
        "3 of 3 faults caught in 1 backend, each at its own place; 1 is none here, as the oracle shows."
    )


def test_it_prints_which_faults_a_diagnosis_names_in_native_objects() -> None:
    names = ("tf32-left-on", "pool-zero-behind-relu", "auxiliary-relu-missing", "epsilon-1.001e-5", "rate-for-stride")
    faults = (part for name in names for part in ("--fault", name))
    said = [line.rstrip() for line in answered(*FAULTS, "--diagnose", "--backends", "pytorch", *faults).splitlines()]
    assert said[2:8] == [
        "fault                   planted at           pytorch",
        "pool-zero-behind-relu   nothing changes      harmless",
        "rate-for-stride         block2/unit_2/conv2  named",
        "epsilon-1.001e-5        conv1                named",
        "auxiliary-relu-missing  aux1/fc1             not run",
        "tf32-left-on            conv1                named",
    ]
    assert max(map(len, said)) <= 80
    assert " ".join(said[-2:]) == ("3 of 3 faults named in 1 backend, each at its own place, 3 with nothing else said.")


def test_it_writes_diagnoses_as_json_alone_on_stdout() -> None:
    done = isomorph(*SOME, "--diagnose", "--json", "-")
    assert (done.returncode, done.stderr) == (3, ""), "the oracle has no native object to trace"
    (backend,) = json.loads(done.stdout)["backends"]
    assert [finding["outcome"] for finding in backend["findings"]] == ["no tracing", "no tracing"]


def test_its_help_fits_the_terminal() -> None:
    said = answered(*FAULTS, "--help")
    assert said.startswith("Usage: isomorph conformance faults ")
    assert max(map(len, said.splitlines())) <= 80


def test_what_only_surgery_plants_is_not_planted_in_the_oracle() -> None:
    said = answered(*SOME, "--fault", "tf32-left-on")
    (row,) = (line.split() for line in said.splitlines() if line.startswith("tf32-left-on"))
    assert row == ["tf32-left-on", "conv1", "n/a"]
    assert "2 of 2 faults caught" in said


def test_it_writes_json_to_a_file_and_to_stdout() -> None:
    answered(*SOME, "--json", "x.json")
    document = json.loads(Path("x.json").read_text())
    assert (document["exit_status"], document["caught"]) == (0, ["unit-skipped", "epsilon-1.001e-5"])
    assert left() == ["x.json"]
    (backend,) = json.loads(answered(*SOME, "--json", "-"))["backends"]
    assert [finding["outcome"] for finding in backend["findings"]] == ["caught", "caught"]


def test_a_backend_that_crashes_exits_with_3_and_the_others_are_reported(install: Install) -> None:
    name = install("misbehaving:abort@end_points")
    done = isomorph(*FAULTS, "--backends", f"oracle,{name}", "--fault", "unit-skipped")
    said = " ".join(done.stdout.split())
    assert (done.returncode, done.stderr) == (3, "")
    assert "unit-skipped block1/unit_2/conv2 S--- ERROR" in said
    assert "end_points, the process was ended by SIGABRT" in said


def test_the_list_says_what_goes_wrong_and_where_it_is_known_from() -> None:
    said = answered(*FAULTS, "--list", "--fault", "bgr-for-rgb")
    assert [line.strip() for line in said.splitlines()] == [
        "bgr-for-rgb",
        "The first convolution reads blue, green and red.",
        "tensors, bottlenecks at conv1",
        "https://github.com/karpathy/neuraltalk2/issues/23",
    ]
    assert [each["name"] for each in json.loads(answered(*FAULTS, "--list", "--json", "-"))][-1] == "l2-halved"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (("--fault", "epsilon-1e3"), "There is no fault 'epsilon-1e3'; did you mean epsilon-1e-3"),
        (("--list", "--fault", "zzz"), "There is no fault 'zzz'; `isomorph conformance faults --list` shows all."),
        (
            ("--diagnose", "--fault", "nesterov"),
            "The fault nesterov is one of training, which changes no answer that could be diagnosed; plant it without",
        ),
        (("--backends", "pytorhc"), "There is no backend 'pytorhc'; did you mean pytorch"),
        (("--device", "tpu"), "There is no device 'tpu'; there are auto, cpu, gpu."),
        (("--timeout", "0"), "The time limit is 0 s; expected more than 0"),
        (
            ("--json", "absent/x.json"),
            "absent/x.json cannot be written: there is no folder absent; make it, or name another.",
        ),
    ],
)
def test_a_bad_request_is_refused(request_: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused_here(capsys, *FAULTS, *request_).startswith(said)
    assert left() == []
