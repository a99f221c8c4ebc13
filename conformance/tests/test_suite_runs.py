"""Runs of the suite over backends that go wrong: what each costs, and what is said of it in the stream."""

import json
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from .packages import install, run_pytest

MISBEHAVING = Path(__file__).parents[2] / "backends/tests/misbehaving.py"
SUITE = "isomorph.conformance.suite"
PLUGIN = ("-p", f"{SUITE}.plugin")
POOLS = "test_slim.py::test_a_max_pool_of"


def run(
    backend: str, folder: Path, *arguments: str, tests: str = "test_a_max_pool_of"
) -> tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]:
    """Run some tests of the suite in a backend; returns how that went, and the lines of the stream."""
    site = install(folder / "site", "misbehaving", f"[isomorph.backends]\n{backend} = misbehaving\n")
    shutil.copy(MISBEHAVING, site)
    stream = folder / "stream"
    descriptor = os.open(stream, os.O_CREAT | os.O_WRONLY)
    try:
        choice = (
            "--pyargs",
            "isomorph.conformance.suite.test_slim",
            "--backend",
            backend,
            "--asking-only",
            "-k",
            tests,
        )
        done = run_pytest(folder, *PLUGIN, *choice, "--stream", str(descriptor), *arguments, site=site, keep=descriptor)
    finally:
        os.close(descriptor)
    return done, [json.loads(line) for line in stream.read_text().splitlines()]


def ended(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tests that have ended."""
    return [line for line in lines if "outcome" in line]


def test_a_crash_costs_the_test_in_which_it_happens(tmp_path: Path) -> None:
    """Every other test is given a process that works."""
    _, lines = run("misbehaving:abort@float32", tmp_path)
    kinds = Counter((line["test"].rpartition("-")[2], line["outcome"], line["crashed"]) for line in ended(lines))
    assert kinds == {("float64]", "passed", False): 6, ("float32]", "failed", True): 6}
    message = next(line["message"] for line in ended(lines) if line["crashed"])
    assert "build, the process was ended by SIGABRT: the last words of a C++ library" in message


def test_a_hang_is_stopped_and_costs_no_more(tmp_path: Path) -> None:
    name = "test_a_max_pool_of and zeros and even"  # the limit is of the other's start, too, on a busy machine
    _, lines = run("misbehaving:hang@float32", tmp_path, "--call-timeout", "15", tests=name)
    assert Counter((line["outcome"], line["crashed"]) for line in ended(lines)) == {
        ("passed", False): 1,
        ("failed", True): 1,
    }


def test_a_backend_that_cannot_start_is_not_started_again_and_again(tmp_path: Path) -> None:
    _, lines = run("misbehaving:hang@import", tmp_path, "--call-timeout", "2")
    assert [line["outcome"] for line in ended(lines)] == ["failed"] * 12
    assert sum(line["seconds"] for line in ended(lines)) < 2 * 2.0


def test_an_error_is_no_crash(tmp_path: Path) -> None:
    _, lines = run("misbehaving:raise Unpicklable@float32", tmp_path)
    assert Counter((line["outcome"], line["crashed"]) for line in ended(lines)) == {
        ("passed", False): 6,
        ("failed", False): 6,
    }


def test_the_stream_says_what_there_is_and_what_runs(tmp_path: Path) -> None:
    done, lines = run("misbehaving", tmp_path, tests="test_a_max_pool_of and zeros and even")
    tests = [f"{POOLS}[an even image, padded with zeros-{dtype}]" for dtype in ("float64", "float32")]
    assert done.returncode == 0, done.stdout
    assert lines[0] == {"collected": [["misbehaving", test] for test in tests]}
    assert [line["started"] for line in lines if "started" in line] == [
        test.replace("[", "[misbehaving-") for test in tests
    ]
    assert [(line["test"], line["backend"], line["message"]) for line in ended(lines)] == [
        (test, "misbehaving", "") for test in tests
    ]


@pytest.fixture
def expected(tmp_path: Path) -> Path:
    """What is expected of the misbehaving backend in float32 is a crash."""
    file = tmp_path / "expected.toml"
    file.write_text(f'["misbehaving:abort@float32"]\n"{POOLS}*float32]" = "it crashes"\n')
    return file


def test_a_failure_that_is_expected_is_none(expected: Path, tmp_path: Path) -> None:
    done, lines = run("misbehaving:abort@float32", tmp_path, "--expected-failures", str(expected))
    assert done.returncode == 0, done.stdout
    kinds = Counter((line["outcome"], line["crashed"], line["message"]) for line in ended(lines))
    assert kinds == {("passed", False, ""): 6, ("expected", False, "it crashes"): 6}


def test_an_expected_failure_that_passes_is_a_failure(expected: Path, tmp_path: Path) -> None:
    expected.write_text(f'[misbehaving]\n"{POOLS}*float32]" = "it crashed once"\n')
    _, lines = run("misbehaving", tmp_path, "--expected-failures", str(expected), tests="test_a_max_pool_of and zeros")
    messages = Counter((line["outcome"], line["message"]) for line in ended(lines))
    assert messages == {("passed", ""): 2, ("failed", "[XPASS(strict)] it crashed once"): 2}


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["in one process", "in a worker of pytest-xdist"])
def test_an_id_that_matches_nothing_stops_all(expected: Path, tmp_path: Path, workers: tuple[str, ...]) -> None:
    """Whatever `-k` leaves of the tests."""
    expected.write_text(f'[misbehaving]\n"{POOLS}[an oven image]" = "x"\n"test_slim.py::test_a_3x3*" = "y"\n')
    done, lines = run("misbehaving", tmp_path, "--expected-failures", str(expected), *workers)
    assert done.returncode == 4
    assert f"misbehaving to fail '{POOLS}[an oven image]', which matches no test; did you mean" in done.stderr
    assert not ended(lines)
