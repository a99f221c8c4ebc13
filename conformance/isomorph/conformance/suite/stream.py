"""Report the progress of a run of the suite, one line of JSON for each event, see `--stream`.

{"collected": [["pytorch", "test_slim.py::test_a_max_pool_of[...]"], ...]}
{"started": "..."}                  pytest's id of the test that runs
{"backend": "pytorch", "test": "test_slim.py::...", "outcome": "passed", "crashed": false, "seconds": 0.1,
 "message": "", "details": ""}      a test that has ended
{"error": "..."}                    an error outside of any test
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
"""The phases of a test. Pytest-xdist reports a worker that has ended as a failure in another phase."""

Outcome = Literal["passed", "failed", "expected", "skipped"]
"""The outcome of a test; "expected" is a failure that is in the list of expected ones."""


class Stream:
    """A pytest plugin that writes events to a file descriptor. If its reader has gone, the run ends."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.reports: dict[str, list[pytest.TestReport]] = defaultdict(list)

    def write(self, line: dict[str, Any]) -> None:
        """Write one line."""
        unwritten = json.dumps(line).encode() + b"\n"
        while unwritten:
            unwritten = unwritten[os.write(self.descriptor, unwritten) :]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Report the tests that will run; the workers of pytest-xdist do not report theirs."""
        self.write({"collected": [(backend_of(item), id_of(item)) for item in session.items]})

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Report a file that cannot be read."""
        if report.failed:
            self.write({"error": f"{report.nodeid}: {_message(report)}"})

    def pytest_internalerror(self, excrepr: object) -> None:
        """Report an error of pytest, or of a plugin."""
        self.write({"error": str(excrepr).strip().rpartition("\n")[2]})

    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        """Report the start of a test. Its id lacks its file where that is pytest's only argument, outside its root."""
        self.write({"started": f"{Path(location[0]).name}::{nodeid.partition('::')[2]}"})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the end of one phase of a test: setup, call or teardown."""
        self.reports[report.nodeid].append(report)
        if report.when not in PHASES:
            self.pytest_runtest_logfinish(report.nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Report a test whose phases have all ended."""
        if reports := self.reports.pop(nodeid, None):
            self.write(summary(nodeid, reports))


def summary(nodeid: str, reports: Sequence[pytest.TestReport]) -> dict[str, Any]:
    """Summarise a test's phases as one line: the first phase that did not pass decides."""
    properties = {str(name): value for report in reports for name, value in report.user_properties}
    decisive = next((report for report in reports if not report.passed), reports[-1])
    outcome: Outcome = "expected" if decisive.skipped and hasattr(decisive, "wasxfail") else decisive.outcome
    return {
        "backend": properties.get("backend"),
        "test": properties.get("test", nodeid),
        "outcome": outcome,
        "crashed": outcome == "failed" and ("crashed" in properties or decisive.when not in PHASES),
        "seconds": sum(report.duration for report in reports),
        "message": "" if outcome == "passed" else _message(decisive),
        "details": decisive.longreprtext if outcome == "failed" else "",
    }


def _message(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return why it did not pass, on one line."""
    if reason := getattr(report, "wasxfail", ""):
        return str(reason)
    if isinstance(report.longrepr, tuple):  # where, and why it was skipped
        return report.longrepr[2].removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else str(report.longrepr)
    return next((line.strip() for line in text.splitlines() if line.strip()), "no reason was given")
