"""What happens in a run of the suite, as it happens: one line of JSON for whoever started it, see `--stream`.

{"collected": [["pytorch", "test_slim.py::test_a_max_pool_of[...]"], ...]}
{"started": "..."}                  what pytest calls the test that runs
{"backend": "pytorch", "test": "test_slim.py::...", "outcome": "passed", "crashed": false, "seconds": 0.1,
 "message": "", "details": ""}      a test that has ended
{"error": "..."}                    what went wrong outside of any test
"""

import json
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from isomorph.conformance.suite.selection import backend_of, id_of

PHASES = ("setup", "call", "teardown")
"""Of a test. Pytest-xdist reports a worker that has ended as a failure in another."""

Outcome = Literal["passed", "failed", "expected", "skipped"]
"""What became of a test; "expected" is a failure that the list of expected ones has."""


class Stream:
    """A pytest plugin that writes to a file descriptor. A reader that has gone ends the run."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.reports: dict[str, list[pytest.TestReport]] = defaultdict(list)

    def write(self, line: dict[str, Any]) -> None:
        """One line."""
        rest = json.dumps(line).encode() + b"\n"
        while rest:
            rest = rest[os.write(self.descriptor, rest) :]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Those that will run; the workers of pytest-xdist keep theirs to themselves."""
        self.write({"collected": [(backend_of(item), id_of(item)) for item in session.items]})

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be read."""
        if report.failed:
            self.write({"error": f"{report.nodeid}: {_message(report)}"})

    def pytest_internalerror(self, excrepr: object) -> None:
        """Pytest's own mistake, or a plugin's."""
        self.write({"error": str(excrepr).strip().rpartition("\n")[2]})

    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        """A test begins. Its id says nothing of its file where that is pytest's only argument, and out of its root."""
        self.write({"started": f"{Path(location[0]).name}::{nodeid.partition('::')[2]}"})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of a test has ended: its setup, itself, or what it cleans up."""
        self.reports[report.nodeid].append(report)
        if report.when not in PHASES:
            self.pytest_runtest_logfinish(report.nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """All its phases have ended."""
        if reports := self.reports.pop(nodeid, None):
            self.write(summary(nodeid, reports))


def summary(nodeid: str, reports: Sequence[pytest.TestReport]) -> dict[str, Any]:
    """A test's phases as one line: the first of them that did not pass decides."""
    properties = {str(name): value for report in reports for name, value in report.user_properties}
    decides = next((report for report in reports if not report.passed), reports[-1])
    outcome: Outcome = "expected" if decides.skipped and hasattr(decides, "wasxfail") else decides.outcome
    return {
        "backend": properties.get("backend"),
        "test": properties.get("test", nodeid),
        "outcome": outcome,
        "crashed": outcome == "failed" and ("crashed" in properties or decides.when not in PHASES),
        "seconds": sum(report.duration for report in reports),
        "message": "" if outcome == "passed" else _message(decides),
        "details": decides.longreprtext if outcome == "failed" else "",
    }


def _message(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why it did not pass, on one line."""
    if reason := getattr(report, "wasxfail", ""):
        return str(reason)
    if isinstance(report.longrepr, tuple):  # where, and why it was skipped
        return report.longrepr[2].removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else str(report.longrepr)
    return next((line.strip() for line in text.splitlines() if line.strip()), "no reason was given")
