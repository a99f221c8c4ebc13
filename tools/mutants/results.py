"""What became of each mutant, on the disk after each of them, and as a table."""

import hashlib
import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from mutants.mutant import Mutant
from mutants.tree import FLOORS

Outcome = Literal["noticed", "hung", "survived", "unreached", "equivalent"]
OUTCOMES: dict[Outcome, str] = {
    "noticed": "noticed",
    "hung": "stopped",
    "survived": "survived",
    "unreached": "not run",
    "equivalent": "equivalent",
}
"""By the heads of the table's columns. One that is not run by any test has survived, too."""


@dataclass(frozen=True)
class Result:
    """One mutant.

    by: the first test that failed, and `message` how. seconds: what its tests took.
    """

    key: str
    area: str
    file: str
    line: int
    operator: str
    before: str
    after: str
    outcome: Outcome
    by: str = ""
    message: str = ""
    seconds: float = 0.0

    @property
    def survives(self) -> bool:
        """Whether it shows a lack of a test."""
        return self.outcome in ("survived", "unreached")


def result(
    mutant: Mutant, area: str, outcome: Outcome, by: str = "", message: str = "", seconds: float = 0.0
) -> Result:
    """A mutant's result."""
    return Result(
        mutant.key, area, mutant.file, mutant.line, mutant.operator, mutant.before, mutant.after,
        outcome, by, message, seconds,
    )  # fmt: skip


class Results:
    """All results of one state of the tree, in a file of JSON; those of another state are history."""

    def __init__(self, path: Path, state: str) -> None:
        self.path, self.state = path, state
        document = _read(path)
        of_this_state = document["results"] if document["state"] == state else ()
        self.known = {entry["key"]: Result(**entry) for entry in of_this_state}

    def add(self, new: Result) -> None:
        """Keep one, on the disk too."""
        self.known[new.key] = new
        self.path.parent.mkdir(parents=True, exist_ok=True)
        document = {"state": self.state, "results": [asdict(entry) for entry in self.known.values()]}
        temporary = self.path.with_suffix(".partial")
        temporary.write_text(json.dumps(document, indent=1))
        temporary.replace(self.path)


def survivors_of(path: Path) -> set[str]:
    """The keys of those that survived, in whatever state of the tree."""
    return {entry["key"] for entry in _read(path)["results"] if Result(**entry).survives}


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {"state": None, "results": []}
    return document


def state_of(root: Path) -> str:
    """What tells one state of the sources and the tests from another."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *FLOORS]
    names = subprocess.run(listed, cwd=root, capture_output=True, check=True).stdout.decode().split("\0")
    digest = hashlib.sha256()
    for name in sorted(filter(None, names)):
        if name.endswith((".py", ".toml")) and (root / name).is_file():
            digest.update(name.encode() + b"\0" + (root / name).read_bytes())
    return digest.hexdigest()[:16]


def table(results: Iterable[Result], offered: Mapping[str, int]) -> str:
    """Counts by area; `offered` is how many mutants its sources offer."""
    results = list(results)
    heads = ["area", "offered", "planted", *OUTCOMES.values()]
    rows = []
    for area in offered:
        counts = Counter(entry.outcome for entry in results if entry.area == area)
        rows.append([area, f"{offered[area]:,}", str(sum(counts.values())), *(str(counts[name]) for name in OUTCOMES)])
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [heads, *rows]
    )


def described(entry: Result) -> str:
    """A survivor, as its change."""
    why = " (no test runs it)" if entry.outcome == "unreached" else ""
    return f"{entry.file}:{entry.line} {entry.operator}{why}\n  - {entry.before}\n  + {entry.after}"
