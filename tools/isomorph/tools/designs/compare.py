"""`compare`: compare two designs field by field and unit by unit, from the specification alone."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from isomorph.spec import Architecture, function, plan, tensor_shapes
from isomorph.tools.designs.field_by_field import FieldDifference, compact, compare_fields
from isomorph.tools.designs.show import ShowReport, show
from isomorph.tools.designs.unit_by_unit import Difference, Pair, Value, pair_up
from isomorph.tools.tables import Report, by, count, plain_table, short_scope

WIDTH = 80

FIELD_COLUMNS = (27, 19, 19, 9)
"""The columns' widths, which with the gaps make WIDTH: every field has a table of its own, with words below it."""


@dataclass(frozen=True)
class CompareReport(Report):
    """Two architectures, compared on images of one size.

    fields: the fields that differ. fields_alike: how many do not.
    parts: all parts of both networks, side by side.
    """

    first: ShowReport
    second: ShowReport
    fields: tuple[FieldDifference, ...]
    fields_alike: int
    parts: tuple[Pair, ...]

    @property
    def same_function(self) -> bool:
        """Whether both compute the same at inference, given the same weights."""
        return function(self.first.architecture) == function(self.second.architecture)

    @property
    def same_tensors(self) -> bool:
        """Whether the weights of one fit the other: the same names and shapes."""
        return tensor_shapes(self.first.architecture) == tensor_shapes(self.second.architecture)

    @property
    def exit_status(self) -> int:
        """0 the same function, 1 different functions."""
        return 0 if self.same_function else 1

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        if self.same_function:
            differ = any(field.affects != "nothing" for field in self.fields)
            elsewhere = ", and differ in training or preprocessing alone" if differ else ""
            return f"The same function: weights of one give the same answers in the other{elsewhere}."
        if self.same_tensors:
            return (
                "The same tensors, but another function: weights of one fit the other, and mean something else there."
            )
        ones, others = tensor_shapes(self.first.architecture), tensor_shapes(self.second.architecture)
        return (
            "Different tensors, so another function: weights of one do not fit the other (tensors that agree in name"
            f" and shape: {len(ones.items() & others.items())} of {len(ones)} and of {len(others)})."
        )

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        document = {
            "first": _totals(self.first),
            "second": _totals(self.second),
            "input": self.first.input,
            "same_function": self.same_function,
            "same_tensors": self.same_tensors,
            "verdict": self.verdict,
            "fields": [asdict(field) for field in self.fields],
            "fields_alike": self.fields_alike,
            "parts": [asdict(pair) for pair in self.parts],
        }
        return json.dumps(document, indent=2) + "\n"

    def table(self) -> RenderableType:
        """Return the report for people, 80 columns wide: totals, fields, units, and the result."""
        verdict = Text(self.verdict, "green" if self.same_function else "bold red")
        fields, parts = Group(*self._field_tables()), self._part_table()
        return Constrain(Group(self._totals_table(), Text(), fields, Text(), parts, Text(), verdict), WIDTH)

    @property
    def _names(self) -> tuple[str, str]:
        """The two networks' names, on two lines so that both fit."""
        first, second = (report.architecture.name.replace("/", "/\n") for report in (self.first, self.second))
        return first, second

    def _totals_table(self) -> Table:
        table = plain_table("", *self._names, right=self._names)
        ones, others = _totals(self.first), _totals(self.second)
        table.add_row("parameters", count(ones["trainable"]), count(others["trainable"]))
        table.add_row("running statistics", count(ones["statistics"]), count(others["statistics"]))
        table.add_row(f"MACs at {by(*self.first.input)}", count(ones["macs"]), count(others["macs"]))
        table.add_row("last map", *(by(*totals["last_map"]) for totals in (ones, others)))
        table.add_row("output stride", *(str(totals["output_stride"]) for totals in (ones, others)))
        table.add_row("receptive field", *(str(totals["receptive_field"]) for totals in (ones, others)))
        return table

    def _field_tables(self) -> Iterator[RenderableType]:
        """Yield a row for each field that differs, and below fields of the same meaning that meaning once."""
        same = f"{self.fields_alike} fields of stem, head and convention are the same"
        if not self.fields:
            yield Text(f"All {same}.")
            return
        yield _fixed("field", *self._names, "affects")
        for meaning, fields in groupby(self.fields, key=lambda field: field.meaning):
            for field in fields:
                yield _fixed(field.name, compact(field.first), compact(field.second), field.affects)
            if meaning:
                yield Padding(Text(meaning, "dim"), (0, 0, 0, 2))
        yield Text(f"The other {same}.")

    def _part_table(self) -> Table:
        """List what differs in every unit, then part by part; neighbours that differ alike share a row."""
        table = plain_table("unit", "what", *self._names, right=self._names)
        everywhere = _in_every_unit(self.parts)
        _add_rows(table, "every unit", everywhere)
        for (where, only, differences), run in groupby(self.parts, key=lambda pair: _kind_of(pair, everywhere)):
            pairs = list(run)
            noun = {"unit": "unit", "auxiliary": "head"}.get(where, "layer")
            number = f"{len(pairs)} {noun}{'s' if len(pairs) > 1 else ''}"
            if only:
                table.add_row(_span(pairs), "in one only", *((number, "-") if only == "first" else ("-", number)))
            elif differences:
                _add_rows(table, _span(pairs), differences)
            else:
                verb = "are" if len(pairs) > 1 else "is"
                otherwise = " otherwise" if where == "unit" and everywhere else ""
                table.add_row(_span(pairs), f"{number} {verb} alike{otherwise}", "", "")
        return table


def compare(
    first: str | Path | Architecture,
    second: str | Path | Architecture,
    *,
    size: tuple[int | None, int | None] | None = None,
    **options: Any,
) -> CompareReport:
    """Compare two designs: totals, fields, units, and whether they are the same function.

    >>> from isomorph.tools import compare
    >>> report = compare("torchvision/resnet50", "slim/resnet_v1_50")
    >>> report.same_function, report.same_tensors
    (False, True)
    >>> for field in report.fields:
    ...     if field.affects == "inference":
    ...         print(f"{field.name}: {field.first} / {field.second}")
    strided_unit: first unit / last unit
    pool_padding: explicit / same

    first, second: as in `show`. size: (height, width) for both; None takes the first zoo's own.
    options: of both architectures. Raises BadInput for an unknown name, option or impossible size.
    """
    first_report = show(first, size=size, **options)
    second_report = show(second, size=first_report.input, **options)
    fields, alike = compare_fields(first_report.architecture, second_report.architecture)
    parts = pair_up(first_report.inference, second_report.inference)
    return CompareReport(first_report, second_report, fields, alike, parts)


def _totals(report: ShowReport) -> dict[str, Any]:
    """Return the totals of a whole network; its last map is the input of its head."""
    inference = report.inference
    planned = plan(report.architecture)
    heads = {"head", *planned.heads.values()}
    before_head = [names[-1] for part, names in planned.parts.items() if part not in heads]
    last = next(row for row in inference.end_points if row.name == before_head[-1])
    return {
        "architecture": report.architecture.name,
        "trainable": inference.trainable,
        "statistics": inference.statistics,
        "macs": inference.macs,
        "last_map": last.shape(1)[1:],
        "output_stride": last.grid.stride,
        "receptive_field": last.grid.receptive_field,
    }


def _fixed(*cells: str) -> Table:
    """Return one row with the widths of FIELD_COLUMNS."""
    row = Table.grid(padding=(0, 2))
    for width in FIELD_COLUMNS:
        row.add_column(width=width, overflow="fold")
    row.add_row(*cells)
    return row


def _in_every_unit(parts: Sequence[Pair]) -> tuple[Difference, ...]:
    """Return the differences that all pairs of units share; none where there is only one pair."""
    units = [pair.differences for pair in parts if pair.where == "unit" and not pair.only]
    return tuple(each for each in units[0] if all(each in unit for unit in units)) if len(units) > 1 else ()


def _kind_of(pair: Pair, everywhere: Sequence[Difference]) -> tuple[str, str | None, tuple[Difference, ...]]:
    """Return what neighbours in one row have in common; for units without what differs in every one of them."""
    known = everywhere if pair.where == "unit" else ()
    return pair.where, pair.only, tuple(each for each in pair.differences if each not in known)


def _span(pairs: Sequence[Pair]) -> str:
    """Name a run of parts: `block1/unit_2 to unit_4`; with both names where the networks' differ."""
    first, last = (
        " or ".join(dict.fromkeys(short_scope(name) for name in (pair.first, pair.second) if name))
        for pair in (pairs[0], pairs[-1])
    )
    block, slash, _ = first.rpartition("/")
    return first if len(pairs) == 1 else f"{first} to {last.removeprefix(block + slash)}"


def _add_rows(table: Table, label: str, differences: Sequence[Difference]) -> None:
    """Add a row for each difference, the first of them under the label."""
    for number, difference in enumerate(differences):
        what = difference.what.replace("macs", "MACs").replace("_", " ")
        table.add_row("" if number else label, what, _words(difference.first), _words(difference.second))


def _words(value: Value) -> str:
    return count(value) if isinstance(value, int) else value or "-"
