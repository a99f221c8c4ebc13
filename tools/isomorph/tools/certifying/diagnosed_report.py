"""The report of `diagnose_faults`: a matrix of faults and backends, and how many are named."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from isomorph.conformance.faults.diagnosed import NAMED, NOT_PLANTED, NOTHING_TO_NAME, DiagnosedFault, Outcome
from isomorph.conformance.faults.fault import Fault
from isomorph.tools.certifying.faults_report import FaultyBackend, described, short_place
from isomorph.tools.tables import Report, facts_table, plain_table, remark

GOOD: tuple[Outcome, ...] = (*NAMED, "harmless", "not run", *NOT_PLANTED)

LEGEND = (
    "named: by the causes that say what is wrong, at its place, and by no others;\n"
    "named +: and others are said; WRONG: other causes, or elsewhere; MISSED: none;\n"
    "harmless: it changes nothing, and nothing is said; ALARM: something is;\n"
    "not run: it is in a head that does not run at inference; UNFIT: the network is\n"
    "diagnosed without it, too; n/a: it cannot be planted, or the object not traced."
)

CELLS: dict[Outcome, tuple[str, str]] = {
    "named": ("named", "green"),
    "named +": ("named +", "bold yellow"),
    "elsewhere": ("WRONG", "bold red"),
    "missed": ("MISSED", "bold red"),
    "harmless": ("harmless", "dim"),
    "false alarm": ("ALARM", "bold red"),
    "not run": ("not run", "dim"),
    "no surgery": ("n/a", "dim"),
    "no tracing": ("n/a", "dim"),
    "unfit": ("UNFIT", "bold red"),
    "error": ("ERROR", "bold yellow"),
}
"""Outcome -> its word in the matrix, and the style of that."""


@dataclass(frozen=True)
class Totals:
    """How many faults a diagnosis names in a backend.

    reachable: those that change what its native object answers. named: of these, at their place.
    alone: of these, with nothing else said. proved: of the named ones, those of which the causes make the two agree.
    """

    reachable: int
    named: int
    alone: int
    proved: int


@dataclass(frozen=True)
class DiagnosedFaultsReport(Report):
    """Every fault of inference in every backend, diagnosed.

    seconds: how long it took.
    """

    faults: tuple[Fault, ...]
    backends: tuple[FaultyBackend[DiagnosedFault], ...]
    seconds: float = 0.0

    @property
    def reachable(self) -> list[str]:
        """The faults that change what the native object of some backend answers."""
        return [fault.name for fault in self.faults if self._outcomes(fault.name) - {*NOTHING_TO_NAME}]

    @property
    def named(self) -> list[str]:
        """The faults that are named in every backend in which they change an answer."""
        return [name for name in self.reachable if self._outcomes(name) <= {*NAMED, *NOTHING_TO_NAME}]

    @property
    def alone(self) -> list[str]:
        """Those of which nothing else is said anywhere."""
        return [name for name in self.named if "named +" not in self._outcomes(name)]

    @property
    def totals(self) -> dict[str, Totals]:
        """Backend -> how many faults are named there."""
        return {backend.name: _totals(backend.findings) for backend in self.backends}

    @property
    def exit_status(self) -> int:
        """0 all are named or harmless, 1 one is not, 3 none could be diagnosed, or one could not be."""
        outcomes = {finding.outcome for backend in self.backends for finding in backend.findings}
        if outcomes - {*GOOD, "error"}:
            return 1
        return 3 if "error" in outcomes or outcomes <= {*NOT_PLANTED} else 0

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        document = {
            "exit_status": self.exit_status,
            "reachable": self.reachable,
            "named": self.named,
            "alone": self.alone,
            "totals": {name: asdict(totals) for name, totals in self.totals.items()},
            "seconds": self.seconds,
            "faults": [described(fault) for fault in self.faults],
            "backends": [asdict(backend) for backend in self.backends],
        }
        return json.dumps(document, indent=2, allow_nan=False) + "\n"

    def table(self) -> RenderableType:
        """Return the report for people: a row for each fault, a line for everything unexpected, and the totals."""
        table = plain_table("fault", "planted at", *(backend.name for backend in self.backends))
        for fault, *findings in zip(self.faults, *(backend.findings for backend in self.backends), strict=True):
            table.add_row(fault.name, short_place(fault), *(Text(*CELLS[finding.outcome]) for finding in findings))
        versions = facts_table((backend.name, backend.version or "-") for backend in self.backends)
        closing = Text(self._closing(), "bold" if self.exit_status == 0 else "bold red")
        legend = Text(LEGEND, "dim")
        return Group(
            versions, Text(), table, Text(), legend, *self._remarks(), Text(), self._totals_table(), Text(), closing
        )

    def _outcomes(self, name: str) -> set[Outcome]:
        return {finding.outcome for backend in self.backends for finding in backend.findings if finding.fault == name}

    def _totals_table(self) -> Table:
        columns = ("faults there", "named", "with nothing else", "proved")
        table = plain_table("", *columns, right=columns)
        for name, totals in self.totals.items():
            table.add_row(name, *map(str, (totals.reachable, totals.named, totals.alone, totals.proved)))
        return table

    def _remarks(self) -> Iterator[Text]:
        for backend in self.backends:
            unexpected: dict[str, list[DiagnosedFault]] = {}  # message -> findings
            for finding in backend.findings:
                if finding.outcome not in GOOD or finding.outcome == "named +":
                    unexpected.setdefault(finding.message or "nothing is said", []).append(finding)
            for message, (first, *others) in unexpected.items():
                more = f" and {len(others)} more" if others else ""
                yield remark(backend.name, CELLS[first.outcome][1], f" {first.fault}{more}: {message}")

    def _closing(self) -> str:
        count = len(self.backends)
        where = f"{count} backend" if count == 1 else f"{count} backends"
        noun = "fault" if len(self.reachable) == 1 else "faults"
        return (
            f"{len(self.named)} of {len(self.reachable)} {noun} named in {where}, each at its own place,"
            f" {len(self.alone)} with nothing else said."
        )


def _totals(findings: tuple[DiagnosedFault, ...]) -> Totals:
    there = [finding for finding in findings if finding.outcome not in NOTHING_TO_NAME]
    named = [finding for finding in there if finding.outcome in NAMED]
    alone = sum(finding.outcome == "named" for finding in named)
    return Totals(len(there), len(named), alone, sum(finding.proved is True for finding in named))
