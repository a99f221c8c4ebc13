"""The report of `convert`, which accounts for every tensor of the source."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from rich.console import Group, RenderableType

from isomorph.spec import zoos
from isomorph.tools.converting.containers import CONTAINERS
from isomorph.tools.tables import Report, code, count, paragraph, printable, some_names


@dataclass(frozen=True)
class Side:
    """A file on one side of a conversion.

    title: the architecture's name with what is not its own, such as a width.
    names: whose names its tensors have: a zoo's, "canonical" or one of isomorph's own networks'.
    format: of the file.
    """

    path: str
    architecture: str
    title: str
    names: str
    format: str

    def __str__(self) -> str:
        return f"{printable(self.path)}: {self.title}, {self.names} names, {self.format}"


@dataclass(frozen=True)
class ConvertReport(Report):
    """What became of every tensor of a file.

    tensors, values: how many were written, in `dtypes`.
    changes: what was done to some of them, in words; all others have the bits that they had.
    left_out: name in the file -> why it was not written.
    drawn: canonical names of the tensors that were drawn.
    load: Python lines that load what was written.
    """

    source: Side
    target: Side
    tensors: int
    values: int
    dtypes: tuple[str, ...]
    changes: tuple[str, ...]
    left_out: Mapping[str, str]
    drawn: tuple[str, ...]
    load: tuple[str, ...]

    def table(self) -> RenderableType:
        """Return the files, what was changed, drawn or left out, and how to load the result."""
        return Group(*map(paragraph, self._lines()), *(code(f"  {line}") for line in self.load))

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        return json.dumps(asdict(self), indent=2) + "\n"

    def _lines(self) -> list[str]:
        lines = [f"from {self.source}", f"to   {self.target}", *self._whose_names()]
        lines.append(f"{count(self.tensors)} tensors, {count(self.values)} values, {' and '.join(self.dtypes)}")
        lines += [f"changed: {change}" for change in self.changes]
        if self.drawn:
            lines.append(f"fresh: {some_names(self.drawn)}")
        for why in dict.fromkeys(self.left_out.values()):
            names = [name for name, reason in self.left_out.items() if reason == why]
            lines.append(f"left out: {some_names(names)}: {why}")
        return [*lines, "To load it:"]

    def _whose_names(self) -> Iterator[str]:
        """Yield a line where nobody asked for isomorph's own names: a zoo's code loads none of them."""
        if self.target.names not in zoos():
            others = "; --to ZOO gives a zoo's, of the same function"
            yield f"The names are isomorph's own{others if CONTAINERS[self.target.format].frameworks else ''}."
