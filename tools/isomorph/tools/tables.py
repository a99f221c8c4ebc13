"""How reports print: as tables of 80 columns, or as wide as the terminal, and every text as it is.

Names of files and tensors, labels and what servers or frameworks say are text that others chose. Whatever is in it, it
is no markup and no emoji of Rich's, it moves no cursor, and it can be written in every encoding.
"""

import io
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.containers import Lines
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from isomorph.tools.wrapping import line_breaks

# Rich fills the text in; a notebook has fonts of several widths, and this one keeps columns.
_HTML = '<pre style="white-space: pre; overflow-x: auto; line-height: normal; font-family: monospace">{code}</pre>'

MOST_NAMES = 4
"""Names that `some_names` says in full."""


class PlainConsole(Console):
    """A console that prints all text as it is, but for characters that cannot be seen, which are escaped."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As Rich's own, without blanks at the ends of lines; this is what all that is printed goes through."""
        blanks: list[Segment] = []
        for segment in _shown(super().render(renderable, options)):
            if segment.text == "\n":
                blanks.clear()
            elif not segment.control and not segment.text.strip(" "):
                blanks.append(segment)
                continue
            yield from blanks
            blanks.clear()
            yield segment
        yield from blanks


def _shown(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Yield what is printed: lines apart from their ends and from the blanks before these, and no other control."""
    for segment in segments:
        if segment.control:
            yield segment
            continue
        for line, end in re.findall(r"([^\n]*)(\n?)", segment.text):
            text = printable(line)
            blanks = len(text) - len(text.rstrip(" "))
            parts = (text[: len(text) - blanks], " " * blanks, end)
            yield from (Segment(part, segment.style) for part in parts if part)


class Report(ABC):
    """What a function of `isomorph.tools` returns: its fields are the findings, and it can be read in two ways."""

    @abstractmethod
    def table(self) -> RenderableType:
        """As people read it, for Rich to print."""

    @abstractmethod
    def to_json(self) -> str:
        """As the command line's `--json` writes it."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        # Not by the console that it is printed on, which may be anybody's and know markup and emoji.
        yield from PlainConsole(highlight=False).render(self.table(), options)

    def _repr_html_(self) -> str:
        """As a notebook shows it: the table, with all text escaped."""
        console = PlainConsole(width=100, record=True, file=io.StringIO(), highlight=False)
        console.print(self.table(), crop=False)
        return console.export_html(inline_styles=True, code_format=_HTML)

    def __str__(self) -> str:
        console = PlainConsole(width=80, no_color=True, highlight=False)
        with console.capture() as captured:
            console.print(self.table(), crop=False)
        return captured.get()


class _Cell(Text):
    """Text whose long names are broken between their parts where a line or a column is too narrow for them."""

    def wrap(self, console: Console, width: int, **options: Any) -> Lines:
        """As Rich's own."""
        broken = Text("\n").join(self.divide(line_breaks(self.plain, width)))
        return broken.wrap(console, width, **options)


def paragraph(text: str) -> Text:
    """A sentence, or several, in lines as wide as the terminal; long names in it are broken between their parts."""
    return _Cell(printable(text))


def code(line: str) -> Text:
    """A line of a script, which is never broken, so that it can be copied."""
    return Text(printable(line), no_wrap=True, overflow="ignore")


class PlainTable(Table):
    """A table whose cells each are one line of text as it is, until a column is too narrow for it."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """As Rich's own."""
        plain = (_Cell(printable(cell)) if isinstance(cell, str) else cell for cell in cells)
        super().add_row(*plain, **options)


def plain_table(*headings: str, right: tuple[str, ...] = ()) -> PlainTable:
    """A table without lines, for terminals of any width; `right` are aligned so."""
    table = PlainTable(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    return table


def facts_table(facts: Iterable[tuple[str, str | Text | None]]) -> Table:
    """A fact in each row, behind its name; those without a value are left out."""
    table = PlainTable.grid(padding=(0, 2))
    for name, value in facts:
        if value:
            table.add_row(name, value)
    return table


def remark(subject: str, style: str, text: str) -> Text:
    """`pytorch: ran out of memory`, its subject in a style of its own; `text` starts with what stands between them."""
    return Text.assemble((subject, style), printable(text))


def printable(text: str) -> str:
    r"""`text`, with every character escaped that cannot be seen, or that moves or turns what can: `a\nb`, `\x1b[2J`.

    Bytes of a name that are no text in this system's encoding, which Python has as lone surrogates, are `\xe6`.
    """
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


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


def some_names(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - MOST_NAMES
    return ", ".join(map(printable, names[:MOST_NAMES])) + (f" and {count(more)} more" if more > 0 else "")


def finite(value: Any) -> Any:
    """`value` for JSON, which has no infinity: the string "inf" stands for it."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {key: finite(item) for key, item in value.items()}
        case list() | tuple():
            return [finite(item) for item in value]
        case _:
            return value
