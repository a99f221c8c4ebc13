"""What was found: typed, printable, and JSON for machines."""

import json
from dataclasses import asdict, dataclass
from textwrap import shorten

from rich.console import Group, RenderableType
from rich.text import Text

from isomorph.tools.tables import Report, plain_table, printable

LONGEST = 200
"""Characters of a reason below the table; frameworks say more, which stands in the JSON."""


@dataclass(frozen=True)
class Capability:
    """One cell.

    group, name: what was tried: "computes in" "bfloat16", "exports to" "SavedModel".
    has: whether it works here. detail: how well, or why not.
    """

    group: str
    name: str
    has: bool
    detail: str


@dataclass(frozen=True)
class Capabilities:
    """One backend.

    device: where all but exports was tried. reason: why nothing was, or not all.
    """

    backend: str
    version: str | None
    device: str | None
    cells: tuple[Capability, ...]
    reason: str = ""

    def cell(self, group: str, name: str) -> Capability | None:
        """That of a trial, if it was made."""
        return next((cell for cell in self.cells if (cell.group, cell.name) == (group, name)), None)


@dataclass(frozen=True)
class CapabilitiesReport(Report):
    """What frameworks can do here, each thing tried on a tiny network."""

    backends: tuple[Capabilities, ...]

    def to_json(self) -> str:
        """The report, as the command line's `--json` writes it."""
        return json.dumps(asdict(self), indent=2) + "\n"

    def table(self) -> RenderableType:
        """A row for each trial, a column for each backend; the reasons below."""
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
