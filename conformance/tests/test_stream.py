"""What the stream says of a test, from pytest's reports of its phases."""

from typing import Any

import pytest

from isomorph.conformance.suite.stream import summary

TEST = "suite/test_slim.py::test_a_max_pool_of[oracle-x]"
PROPERTIES = [("backend", "oracle"), ("test", "test_slim.py::test_a_max_pool_of[x]")]


def report(when: Any, outcome: Any, longrepr: Any = None, properties: Any = (), **more: Any) -> pytest.TestReport:
    """One of a phase that took an eighth of a second."""
    return pytest.TestReport(
        TEST, ("test_slim.py", 1, "x"), {}, outcome, longrepr, when, user_properties=properties, duration=0.125, **more
    )


def test_a_test_that_passed() -> None:
    phases = [report(when, "passed", properties=PROPERTIES) for when in ("setup", "call", "teardown")]
    assert summary(TEST, phases) == {
        "backend": "oracle",
        "test": "test_slim.py::test_a_max_pool_of[x]",
        "outcome": "passed",
        "crashed": False,
        "seconds": 0.375,
        "message": "",
        "details": "",
    }


PHASES: dict[str, tuple[list[pytest.TestReport], tuple[str, bool, str]]] = {
    "failed in its setup": ([report("setup", "failed", "E: no")], ("failed", False, "E: no")),
    "failed in its teardown": (
        [report("setup", "passed"), report("call", "passed"), report("teardown", "failed", "E: not closed")],
        ("failed", False, "E: not closed"),
    ),
    "ended its backend": (
        [report("setup", "passed"), report("call", "failed", "E: gone", [("crashed", True)])],
        ("failed", True, "E: gone"),
    ),
    "was skipped": (
        [report("setup", "skipped", ("conftest.py", 9, "Skipped: needs peers"))],
        ("skipped", False, "needs peers"),
    ),
    "failed as was expected": (
        [report("setup", "passed"), report("call", "skipped", "E: no", wasxfail="known")],
        ("expected", False, "known"),
    ),
    "ended pytest-xdist's worker": (
        [report("setup", "passed"), report("???", "failed", "worker 'gw0' crashed")],
        ("failed", True, "worker 'gw0' crashed"),
    ),
}


@pytest.mark.parametrize(("phases", "expected"), PHASES.values(), ids=PHASES)
def test_a_test_that(phases: list[pytest.TestReport], expected: tuple[str, bool, str]) -> None:
    found = summary(TEST, phases)
    assert (found["outcome"], found["crashed"], found["message"]) == expected


def test_a_test_of_which_nothing_is_known_has_no_backend() -> None:
    found = summary(TEST, [report("???", "failed", "worker 'gw0' crashed")])
    assert (found["backend"], found["test"]) == (None, TEST)
