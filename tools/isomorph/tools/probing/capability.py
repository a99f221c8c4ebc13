"""The report of `capabilities`: typed, printable, and as JSON."""

import json
from dataclasses import asdict, dataclass
from textwrap import shorten

from rich.console import Group, RenderableType
from rich.text import Text

from isomorph.tools.tables import Report, plain_table, printable

LONGEST = 200
"""The most characters of a reason below the table; the JSON has all that frameworks say."""


@dataclass(frozen=True)
class Capability:
    """One thing that was tried in one backend.

    group, name: what was tried: "computes in" "bfloat16", "exports to" "SavedModel".
    has: whether it works here. detail: how well, or why not.
    """

    group: str
    name: str
    has: bool
    detail: str


@dataclass(frozen=True)
class Capabilities:
    """All that was tried in one backend.

    device: where everything but exports was tried. reason: why some or all trials were not made.
    """

    backend: str
    version: str | None
    device: str | None
    cells: tuple[Capability, ...]
    reason: str = ""

    def cell(self, group: str, name: str) -> Capability | None:
        """Return the cell of a trial; None where it was not made."""
        return next((cell for cell in self.cells if (cell.group, cell.name) == (group, name)), None)


@dataclass(frozen=True)
class CapabilitiesReport(Report):
    """What frameworks can do here, tried on a tiny network."""

    backends: tuple[Capabilities, ...]

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        return json.dumps(asdict(self), indent=2) + "\n"

    def table(self) -> RenderableType:
        """Return the report for people: trials down, backends across, the reasons below."""
        trials = list(dict.fromkeys((cell.group, cell.name) for each in self.backends for cell in each.cells))
        tried = [each for each in self.backends if each.cells]
        notes: dict[str, int] = {}
        table = plain_table("", "", *(each.backend for each in tried))
        before = ""
        for group, name in trials:
            cells = [_mark(each.cell(group, name), notes) for each in tried]
            table.add_row("" if group == before else group, name, *cells)
            before = group
        facts = [f"{each.backend} {each.version} on the {each.device}" for each in tried]
        why = [f"{number}: {shorten(reason, LONGEST)}" for reason, number in notes.items()]
        others = [f"{each.backend}: {each.reason}" for each in self.backends if each.reason]
        legend = (
            "yes was tried here and gives the oracle's answers; refused is what isomorph does not offer there; - is"
            " another framework's format"
        )
        return Group(table, Text(legend), "", *(Text(printable(line)) for line in (*facts, *why, *others)))


def _mark(cell: Capability | None, notes: dict[str, int]) -> Text:
    if cell is None:
        return Text("-", "dim")
    if cell.has:
        return Text("yes", "green")
    number = notes.setdefault(" ".join(cell.detail.split()), len(notes) + 1)
    return Text(f"no {number}", "red")
