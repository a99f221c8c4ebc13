"""The reports of `faults` and `list_faults`: typed, printable, and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, TypeVar

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from isomorph.conformance.faults.fault import Fault, LearningSurgery, Redesign, Retensor, Retrain, Surgery
from isomorph.conformance.faults.finding import GOOD, NOT_PLANTED, OPEN, TIERS, Finding, Outcome, TierFinding
from isomorph.tools.tables import Report, facts_table, plain_table, remark, short_scope

PLANTS = {
    Redesign: "architecture",
    Retensor: "tensors",
    Surgery: "surgery",
    LearningSurgery: "surgery",
    Retrain: "training",
}

LETTERS = {
    "structure": "S",
    "lattice": "L",
    "float64": "D",
    "float32": "F",
    "gradients": "G",
    "statistics": "R",
    "steps": "T",
}

LEGEND = (
    "S structure, L lattice, D float64, F float32; of training G gradients,\n"
    "R running statistics, T steps; . saw nothing, - was not run;\n"
    "! a tier named another place, or saw nothing of training where it should;\n"
    "? a tier saw a fault where there is none;\n"
    "n/a the fault cannot be planted: this backend has no surgery, or no training."
)

STYLES: dict[Outcome, str] = {
    "caught": "green",
    "elsewhere": "bold red",
    "missed": "bold red",
    "harmless": "dim",
    "false alarm": "bold red",
    "no surgery": "dim",
    "no training": "dim",
    "undecided": "bold yellow",
    "unfit": "bold red",
    "error": "bold yellow",
}

WORDS: dict[Outcome, str] = {
    "missed": "MISSED",
    "no surgery": "n/a",
    "no training": "n/a",
    "unfit": "UNFIT",
    "error": "ERROR",
}
"""Outcome -> the word in place of the tiers' letters."""

MARKS: dict[Outcome, str] = {"elsewhere": "!", "false alarm": "?"}
"""Outcome -> the mark behind the tiers' letters."""


FindingT = TypeVar("FindingT")


@dataclass(frozen=True)
class FaultyBackend(Generic[FindingT]):
    """One backend's column: its findings, in the order of the report's faults."""

    name: str
    version: str | None
    findings: tuple[FindingT, ...]


@dataclass(frozen=True)
class FaultsReport(Report):
    """Every fault in every backend.

    shown: name of each harmless fault -> whether the oracle's answers stay the same with it, bit for bit.
    seconds: how long it took.
    """

    faults: tuple[Fault, ...]
    backends: tuple[FaultyBackend[Finding], ...]
    shown: dict[str, bool] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def caught(self) -> list[str]:
        """The faults that were caught at their own place in every backend where they could be planted."""
        return [name for name in self.planted if self._outcomes(name) <= {"caught", *NOT_PLANTED}]

    @property
    def planted(self) -> list[str]:
        """The faults, without harmless ones, that could be planted in some backend."""
        harmful = (fault.name for fault in self.faults if not fault.is_harmless)
        return [name for name in harmful if self._outcomes(name) - {*NOT_PLANTED}]

    @property
    def by_tier(self) -> dict[str, int]:
        """Tier -> how many faults it caught, in one backend or more."""
        harmful = {fault.name for fault in self.faults if not fault.is_harmless}
        findings = [finding for backend in self.backends for finding in backend.findings if finding.fault in harmful]
        pairs = {(finding.fault, tier.tier) for finding in findings for tier in finding.tiers if tier.caught}
        return {tier: sum(other == tier for _, other in pairs) for tier in TIERS}

    @property
    def harmless(self) -> list[str]:
        """The faults that change nothing where they are planted, as the oracle shows and every backend confirms."""
        return [name for name, shown in self.shown.items() if shown and self._outcomes(name) == {"harmless"}]

    @property
    def exit_status(self) -> int:
        """0 all are caught at their place, 1 one is not, 3 none could be planted, or one not tried in every tier."""
        outcomes = {finding.outcome for backend in self.backends for finding in backend.findings}
        if not all(self.shown.values()) or outcomes - {*GOOD, *OPEN}:
            return 1
        return 3 if outcomes & {*OPEN} or outcomes <= {*NOT_PLANTED} else 0

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        document = {
            "exit_status": self.exit_status,
            "planted": self.planted,
            "caught": self.caught,
            "harmless": self.harmless,
            "by_tier": self.by_tier,
            "seconds": self.seconds,
            "faults": [described(fault) for fault in self.faults],
            "backends": [asdict(backend) for backend in self.backends],
        }
        return json.dumps(document, indent=2, allow_nan=False) + "\n"

    def table(self) -> RenderableType:
        """Return the report for people: a row for each fault, then a line for everything unexpected."""
        table = plain_table("fault", "planted at", *(backend.name for backend in self.backends))
        for fault, *findings in zip(self.faults, *(backend.findings for backend in self.backends), strict=True):
            table.add_row(fault.name, short_place(fault), *map(_cell, findings))
        versions = facts_table((backend.name, backend.version or "-") for backend in self.backends)
        tiers = Text(f"Faults that a tier caught: {', '.join(f'{tier} {n}' for tier, n in self.by_tier.items())}.")
        closing = Text(self._closing(), "bold" if self.exit_status == 0 else "bold red")
        return Group(versions, Text(), table, Text(), Text(LEGEND, "dim"), *self._remarks(), Text(), tiers, closing)

    def _outcomes(self, name: str) -> set[Outcome]:
        return {finding.outcome for backend in self.backends for finding in backend.findings if finding.fault == name}

    def _remarks(self) -> Iterator[Text]:
        for name, shown in self.shown.items():
            if not shown:
                yield Text(f"{name}: the oracle answers otherwise with it, so that it is a fault here.")
        for backend in self.backends:
            unexpected: dict[str, list[Finding]] = {}  # message -> findings
            for finding in backend.findings:
                if finding.outcome not in GOOD:
                    unexpected.setdefault(_message(finding), []).append(finding)
            for message, (first, *others) in unexpected.items():
                more = f" and {len(others)} more" if others else ""
                yield remark(backend.name, STYLES[first.outcome], f" {first.fault}{more}: {message}")

    def _closing(self) -> str:
        count = len(self.backends)
        where = f"{count} backend" if count == 1 else f"{count} backends"
        noun = "fault" if len(self.planted) == 1 else "faults"
        sentence = f"{len(self.caught)} of {len(self.planted)} {noun} caught in {where}, each at its own place"
        if self.harmless:
            verb = "is" if len(self.harmless) == 1 else "are"
            sentence += f"; {len(self.harmless)} {verb} none here, as the oracle shows"
        return f"{sentence}."


@dataclass(frozen=True)
class CatalogueReport(Report):
    """The known faults."""

    faults: tuple[Fault, ...]

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        return json.dumps([described(fault) for fault in self.faults], indent=2) + "\n"

    def table(self) -> RenderableType:
        """Return the list for people: what goes wrong, where it is planted, and where it is known from."""
        lines: list[RenderableType] = []
        for fault in self.faults:
            lines += [
                Text(fault.name, "bold"),
                Padding(Text(fault.says), (0, 0, 0, 2)),
                Padding(Text(f"{planted_by(fault)}, {fault.network}{_where(fault)}", "dim"), (0, 0, 0, 2)),
                Padding(Text(fault.source, "dim", overflow="fold"), (0, 0, 0, 2)),
            ]
        return Group(*lines)


def described(fault: Fault) -> dict[str, Any]:
    """Return a fault as plain JSON-like data."""
    fields = {name: getattr(fault, name) for name in ("name", "says", "source", "network", "place", "learned")}
    return {**fields, "planted_by": planted_by(fault)}


def planted_by(fault: Fault) -> str:
    """Return the kind of a fault's plant."""
    return PLANTS[type(fault.plant)]


def _where(fault: Fault) -> str:
    if fault.learned:
        return f", seen by {', '.join(f'{tier} at {place}' for tier, place in fault.learned.items())}"
    return f" at {fault.place}" if fault.place else ", where it changes nothing"


def short_place(fault: Fault) -> str:
    """Return the place where the first tier sees it, without the name of the batch norm."""
    place = next(iter(fault.learned.values()), fault.place)
    return short_scope(place.replace("/BatchNorm", "")) if place else "nothing changes"


def _cell(finding: Finding) -> Text:
    letters = "".join(map(_letter, finding.tiers)) + MARKS.get(finding.outcome, "")
    return Text(WORDS.get(finding.outcome, letters), STYLES[finding.outcome])


def _letter(tier: TierFinding) -> str:
    if tier.caught is None:
        return "-"
    return LETTERS[tier.tier] if tier.caught else "."


def _message(finding: Finding) -> str:
    """Return why a finding is unexpected."""
    caught = None if finding.outcome == "undecided" else True
    tiers = (f"{tier.tier}: {tier.message}" for tier in finding.tiers if tier.caught is caught)
    return finding.message or "; ".join(tiers) or "no tier saw anything"
