"""`isomorph conformance run`, over backends that are sound, wrong, and crash: tables, files, statuses, and ctrl-C."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from isomorph.spec import BadInput
from isomorph.tools import CaseResult, CertificateReport, CertifiedBackend, certify
from isomorph.tools.certifying.report import NOT_ITSELF, Outcome

from ..command import isomorph, refused_here, started, wait_for

Install = Callable[[str], str]

ONE = "test_a_max_pool_of and zeros and even"  # in float64 and in float32
POOLS = "test_slim.py::test_a_max_pool_of"
pytestmark = pytest.mark.usefixtures("empty_folder")


def test_what_certifies_a_backend_is_counted_and_shown() -> None:
    seen: list[tuple[int, int, int, str]] = []
    report = certify(["oracle"], only=ONE, jobs=1, progress=lambda *state: seen.append(state))
    assert (report.certified, report.exit_status, report.planned) == (True, 0, 2)
    assert [(result.backend, result.outcome, result.group) for result in report.results] == [
        ("oracle", "passed", "slim's own tests")
    ] * 2
    assert seen[-1][:3] == (2, 2, 0)
    lines = str(report).splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split() for line in lines if line.startswith(("slim", "all"))] == [
        ["slim's", "own", "tests", "2"],
        ["all", "2"],
    ]


def reported(*results: tuple[str, Outcome]) -> CertificateReport:
    """The certificate of the oracle and another backend: results are backends and outcomes."""
    backends = tuple(CertifiedBackend(name, "1", "cpu") for name in ("oracle", "mine"))
    cases = tuple(CaseResult(name, f"{POOLS}[x]", outcome, False, 0.0) for name, outcome in results)
    return CertificateReport(backends, {}, len(cases), cases, (), 1.0)


CERTIFICATES: dict[str, tuple[list[tuple[str, Outcome]], bool | None]] = {
    "the oracle, where all is held against it": ([("mine", "passed")], True),
    "no other backend": ([("oracle", "passed")], None),
    "not the oracle, where it has tests": ([("oracle", "skipped"), ("mine", "passed")], None),
}


@pytest.mark.parametrize(("results", "certified"), CERTIFICATES.values(), ids=CERTIFICATES)
def test_without_a_test_that_passed_is_certified(results: list[tuple[str, Outcome]], certified: bool | None) -> None:
    report = reported(*results)
    assert report.certified is certified
    assert NOT_ITSELF in str(report).splitlines()


def test_the_oracle_is_not_held_against_itself() -> None:
    """It stands on both sides of what asks for its own gradients."""
    with pytest.raises(BadInput, match=r"^No test for oracle fits 'test_gradients_are_the_oracles'; expected words of"):
        certify(["oracle"], only="test_gradients_are_the_oracles")


def test_a_crash_alone_leaves_it_undecided(install: Install) -> None:
    report = certify([install("misbehaving:abort@float32")], only=ONE, jobs=1)
    assert (report.certified, report.exit_status) == (None, 3)
    assert [(result.kind, result.test.rpartition("-")[2]) for result in report.results] == [
        ("passed", "float64]"),
        ("crashed", "float32]"),
    ]
    assert "CRASHED misbehaving:abort@float32" in str(report)


def test_an_error_is_a_failure_in_every_report(install: Install) -> None:
    name = install("misbehaving:raise Unpicklable@float32")
    done = isomorph("conformance", "run", "--backends", name, "--only", ONE, "--json", "a.json", "--junit", "a.xml")
    assert done.returncode == 1, done.stderr
    assert "NOT CERTIFIED: 2 tests in " in done.stdout
    report = json.loads(Path("a.json").read_text())
    assert (report["certified"], report["backends"][0]["passed"], report["backends"][0]["failed"]) == (False, 1, 1)
    (failed,) = (test for test in report["tests"] if test["outcome"] == "failed")
    assert "Unpicklable" in failed["message"]
    (case,) = ElementTree.parse("a.xml").getroot().findall(".//testcase[failure]")
    assert case.get("classname") == f"{name}.test_slim"
    assert "Unpicklable" in (case.findtext("failure") or "")


def test_expected_failures_are_no_failures_but_are_named(install: Install) -> None:
    name = install("misbehaving:abort@float32")
    Path("expected.toml").write_text(f'["{name}"]\n"{POOLS}*float32]" = "it aborts"\n')
    report = certify([name], only=ONE, jobs=1, expected_failures="expected.toml")
    assert (report.certified, report.exit_status) == (True, 0)
    assert f"1 expected to fail ({name}): it aborts" in str(report)


def test_a_backend_that_passes_nothing_is_not_certified(install: Install) -> None:
    name = install("misbehaving:abort@build")
    Path("expected.toml").write_text(f'["{name}"]\n"*" = "it aborts"\n')
    assert certify([name], only=ONE, jobs=1, expected_failures="expected.toml").exit_status == 3


def test_an_id_that_matches_nothing_is_refused_before_anything_runs() -> None:
    Path("expected.toml").write_text(f'[oracle]\n"{POOLS}[an oven image]" = "x"\n')
    with pytest.raises(BadInput, match=r"^expected\.toml expects oracle to fail .*, which matches no test; "):
        certify(["oracle"], only=ONE, expected_failures="expected.toml")


REFUSALS = {
    "an unknown backend": (("--backends", "pytroch"), "There is no backend 'pytroch'; did you mean pytorch"),
    "an unknown device": (("--device", "tpu"), "There is no device 'tpu'; there are auto, cpu, gpu."),
    "no jobs": (("--jobs", "0"), "0 jobs were asked for; expected one or more."),
    "no time": (("--timeout", "0"), "A call may take 0 s; expected more than none."),
    "an absent list": (("--expected-failures", "no.toml"), "There is no file no.toml."),
    "an absent folder": (
        ("--junit", "no/a.xml"),
        "no/a.xml cannot be written: there is no folder no; make it, or name another.",
    ),
    "one file for two": (("--junit", "a", "--json", "a"), "--junit a cannot be written; give it a file of its own."),
    "what is expected in the results' place": (
        ("--junit", "a.toml", "--expected-failures", "a.toml"),
        "--junit a.toml is a file of this command's already; give the report another name.",
    ),
    "no GPU": (("--backends", "oracle", "--device", "gpu"), "oracle sees no GPU here."),
    "nothing that fits": (("--backends", "oracle", "--only", "xyzzy"), "No test for oracle fits 'xyzzy'; expected"),
    "no expression": (
        ("--backends", "oracle", "--only", "a b"),
        "--only 'a b' is no expression of words of tests' names: at",
    ),
}


@pytest.mark.parametrize(("options", "sentence"), REFUSALS.values(), ids=REFUSALS)
def test_it_refuses(options: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused_here(capsys, "conformance", "run", *options).startswith(sentence)
    assert list(Path().iterdir()) == []


def test_a_backend_that_cannot_be_imported_is_refused(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    name = install("misbehaving:raise Unpicklable@import")
    said = refused_here(capsys, "conformance", "run", "--backends", name, "--only", ONE)
    assert said.startswith(f"The backend {name} cannot be imported: starting failed: Unpicklable: ")


def test_without_pytest_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isomorph.tools.certifying.suite_process.find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"pytest and pytest-xdist are not installed; `pip install 'isomorph\[conf"):
        certify(["oracle"], only=ONE)


def test_ctrl_c_ends_all_and_reports_what_was_done(install: Install, tmp_path: Path) -> None:
    """The backend hangs in its second test."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    name = install("interrupted:hang@float32")
    arguments = ["conformance", "run", "--backends", name, "--only", ONE, "--json", "a.json", "--jobs", "1"]
    hangs = tmp_path / "hangs"
    with started(*arguments, TMPDIR=str(temporary), MISBEHAVING_HANGS=str(hangs)) as run:
        wait_for(hangs.exists, run)
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=60)
    assert run.returncode == 130
    assert out.endswith(", interrupted\n")
    assert " of 2 tests in " in out
    assert json.loads(Path("a.json").read_text())["interrupted"] is True
    assert list(temporary.iterdir()) == []
    assert name not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
