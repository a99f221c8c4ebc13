"""What `faults` found: the matrix of faults and backends, typed, printable, and JSON for machines."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

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
"""Instead of the tiers' letters."""

MARKS: dict[Outcome, str] = {"elsewhere": "!", "false alarm": "?"}
"""Behind them."""


@dataclass(frozen=True)
class FaultyBackend:
    """One backend's column: what came of every fault in it, in the order of the report's faults."""

    name: str
    version: str | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class FaultsReport(Report):
    """Every fault in every backend.

    shown: of each fault that is said to be none where it stands, whether the oracle answers the same with it, bit for
        bit.
    seconds: how long it took.
    """

    faults: tuple[Fault, ...]
    backends: tuple[FaultyBackend, ...]
    shown: dict[str, bool] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def caught(self) -> list[str]:
        """The faults that every backend caught, each at its own place, if it could be planted there at all."""
        outcomes = {name: self._outcomes(name) for name in self.planted}
        return [name for name, own in outcomes.items() if own <= {"caught", *NOT_PLANTED}]

    @property
    def planted(self) -> list[str]:
        """The faults that are some, and could be planted in a backend."""
        some = (fault.name for fault in self.faults if not fault.is_harmless)
        return [name for name in some if self._outcomes(name) - {*NOT_PLANTED}]

    @property
    def by_tier(self) -> dict[str, int]:
        """How many faults each tier caught, in one backend or more."""
        some = {fault.name for fault in self.faults if not fault.is_harmless}
        told = [finding for backend in self.backends for finding in backend.findings if finding.fault in some]
        pairs = {(finding.fault, found.tier) for finding in told for found in finding.tiers if found.caught}
        return {tier: sum(other == tier for _, other in pairs) for tier in TIERS}

    @property
    def harmless(self) -> list[str]:
        """The faults that are none where they stand, as the oracle shows and every backend confirms."""
        return [name for name, shown in self.shown.items() if shown and self._outcomes(name) == {"harmless"}]

    @property
    def exit_status(self) -> int:
        """0 all are caught at their place, 1 one is not, 3 none could be planted, or one not tried in every tier."""
        outcomes = {finding.outcome for backend in self.backends for finding in backend.findings}
        if not all(self.shown.values()) or outcomes - {*GOOD, *OPEN}:
            return 1
        return 3 if outcomes & {*OPEN} or outcomes <= {*NOT_PLANTED} else 0

    def to_json(self) -> str:
        """The report, as the command line's `--json` writes it."""
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
        """A row for each fault, then a line for everything that is not as it should be."""
        table = plain_table("fault", "planted at", *(backend.name for backend in self.backends))
        for fault, *findings in zip(self.faults, *(backend.findings for backend in self.backends), strict=True):
            table.add_row(fault.name, _short_place(fault), *map(_cell, findings))
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
            said: dict[str, list[Finding]] = {}
            for finding in backend.findings:
                if finding.outcome not in GOOD:
                    said.setdefault(_said(finding), []).append(finding)
            for message, (first, *others) in said.items():
                more = f" and {len(others)} more" if others else ""
                yield remark(backend.name, STYLES[first.outcome], f" {first.fault}{more}: {message}")

    def _closing(self) -> str:
        count = len(self.backends)
        where = f"{count} backend" if count == 1 else f"{count} backends"
        noun = "fault" if len(self.planted) == 1 else "faults"
        said = f"{len(self.caught)} of {len(self.planted)} {noun} caught in {where}, each at its own place"
        if self.harmless:
            said += (
                f"; {len(self.harmless)} {'is' if len(self.harmless) == 1 else 'are'} none here, as the oracle shows"
            )
        return f"{said}."


@dataclass(frozen=True)
class CatalogueReport(Report):
    """The faults that there are."""

    faults: tuple[Fault, ...]

    def to_json(self) -> str:
        """The report, as the command line's `--json` writes it."""
        return json.dumps([described(fault) for fault in self.faults], indent=2) + "\n"

    def table(self) -> RenderableType:
        """What goes wrong, where it is planted, and where it is known from."""
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
    """A fault, as JSON can carry it."""
    fields = {name: getattr(fault, name) for name in ("name", "says", "source", "network", "place", "learned")}
    return {**fields, "planted_by": planted_by(fault)}


def planted_by(fault: Fault) -> str:
    """The kind of its plant."""
    return PLANTS[type(fault.plant)]


def _where(fault: Fault) -> str:
    if fault.learned:
        return f", seen by {', '.join(f'{tier} at {place}' for tier, place in fault.learned.items())}"
    return f" at {fault.place}" if fault.place else ", where it changes nothing"


def _short_place(fault: Fault) -> str:
    """The first tier's that sees it; of a tensor that a batch norm has, the layer's name and its own do."""
    place = next(iter(fault.learned.values()), fault.place)
    return short_scope(place.replace("/BatchNorm", "")) if place else "nothing changes"


def _cell(finding: Finding) -> Text:
    letters = "".join(map(_letter, finding.tiers)) + MARKS.get(finding.outcome, "")
    return Text(WORDS.get(finding.outcome, letters), STYLES[finding.outcome])


def _letter(tier: TierFinding) -> str:
    if tier.caught is None:
        return "-"
    return LETTERS[tier.tier] if tier.caught else "."


def _said(finding: Finding) -> str:
    """Why it is not as it should be."""
    asked = None if finding.outcome == "undecided" else True
    tiers = (f"{tier.tier}: {tier.message}" for tier in finding.tiers if tier.caught is asked)
    return finding.message or "; ".join(tiers) or "no tier saw anything"
