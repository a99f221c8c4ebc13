"""The report of `certify`: typed, printable, and as JSON."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from rich.console import Group, RenderableType
from rich.text import Text

from isomorph.conformance.suite.titles import title_of
from isomorph.tools.tables import Report, plain_table, printable, remark

Outcome = Literal["passed", "failed", "expected", "skipped"]

SHOWN = 10
"""The most failures that the table lists."""

LETTERS = {"failed": "f", "crashed": "c", "expected": "x", "skipped": "s"}
ORACLE = "oracle"
LEGEND = "Passed; with f failed, c crashed or hung, x expected to fail, s skipped."
NOT_ITSELF = "What is held against the oracle's own answers is not asked of the oracle."
STYLES = {"failed": "bold red", "crashed": "bold yellow", "expected": "yellow", "skipped": "dim"}


@dataclass(frozen=True)
class CaseResult:
    """One test of one backend.

    test: `test_slim.py::test_a_max_pool_of[an odd image-float32]`.
    crashed: whether it failed because the backend's process crashed or hung.
    seconds: how long it took, including its share of fixtures that tests have in common.
    message: why it did not pass, on one line. details: everything that pytest says of a failure.
    """

    backend: str
    test: str
    outcome: Outcome
    crashed: bool
    seconds: float
    message: str = ""
    details: str = field(default="", repr=False)

    @property
    def group(self) -> str:
        """The title of the test's module."""
        return title_of(self.test)

    @property
    def kind(self) -> str:
        """The outcome, with crashes apart from other failures."""
        return "crashed" if self.crashed else self.outcome


@dataclass(frozen=True)
class CertifiedBackend:
    """A backend under test, and the device on which it computed, "cpu" or "gpu"."""

    name: str
    version: str
    device: str


@dataclass(frozen=True)
class CertificateReport(Report):
    """The results of the conformance suite in some backends.

    unavailable: backend that was not named -> why it did not run.
    planned: how many tests there were to run.
    results: the tests that ended, in that order.
    errors: failures outside of any test.
    seconds: how long it took.
    interrupted: whether ctrl-C ended it early.
    """

    backends: tuple[CertifiedBackend, ...]
    unavailable: Mapping[str, str]
    planned: int
    results: tuple[CaseResult, ...]
    errors: tuple[str, ...]
    seconds: float
    interrupted: bool = False

    @property
    def certified(self) -> bool | None:
        """True if every test ran and none failed, False if one failed, None if that is undecided.

        It is undecided where a backend crashed or passed no test, and where tests were not run. The oracle may have no
        test, as it is not compared with itself.
        """
        kinds = Counter(result.kind for result in self.results)
        if kinds["failed"]:
            return False
        passed = {result.backend for result in self.results if result.outcome == "passed"}
        tested = {result.backend for result in self.results}
        have_to = {backend.name for backend in self.backends} - ({ORACLE} - tested)
        complete = len(self.results) == self.planned and passed == have_to
        return True if complete and not (kinds["crashed"] or self.errors or self.interrupted) else None

    @property
    def exit_status(self) -> int:
        """0 certified, 1 something failed, 3 undecided, 130 interrupted."""
        return 130 if self.interrupted else {True: 0, False: 1, None: 3}[self.certified]

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        document = {
            "certified": self.certified,
            "interrupted": self.interrupted,
            "seconds": round(self.seconds, 3),
            "planned": self.planned,
            "errors": self.errors,
            "unavailable": dict(self.unavailable),
            "backends": [asdict(backend) | self._counted(backend.name) for backend in self.backends],
            "tests": [asdict(result) | {"group": result.group} for result in self.results],
        }
        return json.dumps(document, indent=2) + "\n"

    def table(self) -> RenderableType:
        """The report for people: groups of tests down, backends across, then everything that is not a plain pass."""
        names = [backend.name for backend in self.backends]
        table = plain_table("", *names, right=tuple(names))
        for group in dict.fromkeys(result.group for result in self.results):
            table.add_row(group, *(_cell(self._counted(name, group)) for name in names))
        table.add_row(Text("all", "bold"), *(_cell(self._counted(name)) for name in names))
        runs = plain_table("runs in", "version", "on")
        for backend in self.backends:
            runs.add_row(backend.name, backend.version, backend.device)
        for name, reason in self.unavailable.items():
            runs.add_row(name, Text(printable(reason), "dim"), "-")
        return Group(runs, Text(), table, Text(), Text(LEGEND, "dim"), *self._remarks(), self._verdict())

    def _counted(self, backend: str, group: str | None = None) -> dict[str, int]:
        """Return kind -> how many results a backend has, in all groups or in one."""
        kinds = Counter(r.kind for r in self.results if r.backend == backend and group in (None, r.group))
        return {kind: kinds[kind] for kind in ("passed", *LETTERS)}

    def _remarks(self) -> Iterator[Text]:
        failures = [result for result in self.results if result.outcome == "failed"]
        for result in failures[:SHOWN]:
            message = f" {result.test}: {result.message}"
            yield remark(f"{result.kind.upper()} {result.backend}", STYLES[result.kind], message)
        if len(failures) > SHOWN:
            yield Text(f"and {len(failures) - SHOWN} more, which --json and --junit list")
        for kind in ("expected", "skipped"):
            of_kind = [result for result in self.results if result.kind == kind]
            for message, number in Counter(result.message for result in of_kind).items():
                whose = dict.fromkeys(result.backend for result in of_kind if result.message == message)
                what = "expected to fail" if kind == "expected" else "skipped"
                yield Text(f"{number} {what} ({', '.join(whose)}): {printable(message)}")
        if ORACLE in {backend.name for backend in self.backends}:
            yield Text(NOT_ITSELF, "dim")
        for error in self.errors:
            yield remark("ERROR", STYLES["failed"], f" {error}")

    def _verdict(self) -> Text:
        word = {True: "CERTIFIED", False: "NOT CERTIFIED", None: "UNDECIDED"}[self.certified]
        style = {True: "green", False: "bold red", None: "bold yellow"}[self.certified]
        minutes, seconds = divmod(round(self.seconds), 60)
        took = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
        number = f"{len(self.results):,}"
        if len(self.results) < self.planned:
            number += f" of {self.planned:,}"
        how = ", interrupted" if self.interrupted else ""
        return Text.assemble((word, style), f": {number} tests in {took}{how}")


def _cell(counted: Mapping[str, int]) -> Text:
    cell = Text(str(counted["passed"]) if any(counted.values()) else "-")
    for kind, letter in LETTERS.items():
        if counted[kind]:
            cell.append(f" {counted[kind]}{letter}", STYLES[kind])
    return cell
