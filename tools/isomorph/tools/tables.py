"""What all reports have in common: they print as tables of 80 columns, and write themselves as JSON."""

from abc import ABC, abstractmethod

from rich.console import Console, RenderableType
from rich.table import Table


class Report(ABC):
    """What a function of `isomorph.tools` returns: its fields are the findings, and it can be read in two ways."""

    @abstractmethod
    def table(self) -> RenderableType:
        """As people read it, for Rich to print."""

    @abstractmethod
    def to_json(self) -> str:
        """As the command line's `--json` writes it."""

    def __rich__(self) -> RenderableType:
        return self.table()

    def __str__(self) -> str:
        console = Console(width=80, no_color=True, highlight=False)
        with console.capture() as captured:
            console.print(self.table())
        return captured.get()


def plain_table(*headings: str, right: tuple[str, ...] = ()) -> Table:
    """A table without lines, for terminals of any width; `right` are aligned so."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    return table


def printable(text: str) -> str:
    """Text that others chose, such as a tensor's name: what would move the cursor or change colours is escaped.

    In a table, wrap it in `Text`, or Rich takes what stands in brackets for its own markup.
    """
    return text if text.isprintable() else repr(text)[1:-1]


def short_scope(scope: str) -> str:
    """`block1/unit_3/conv1` for `block1/unit_3/bottleneck_v1/conv1`: a block's units are all of one kind."""
    block, *unit = scope.split("/")
    return "/".join((block, *unit[:1], *unit[2:]))


def by(*extents: int | None) -> str:
    """`56x56x256`; `?x?x256` where the images' size is unknown."""
    return "x".join("?" if extent is None else str(extent) for extent in extents)


def count(value: int | None) -> str:
    """`25,557,032`; `?` where it depends on an unknown size, `-` for nothing at all."""
    return "?" if value is None else f"{value:,}" if value else "-"
