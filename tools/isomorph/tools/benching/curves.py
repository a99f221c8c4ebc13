"""Time and memory of a mode along an axis: plain data, and tables for people."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

from rich.console import Group, RenderableType
from rich.text import Text

from isomorph.tools.benching.axes import Axis
from isomorph.tools.benching.ranking import short
from isomorph.tools.tables import plain_table, printable

MEANINGS = {
    "batch": "a call of so many images",
    "depth": "one image, in networks of so many layers",
    "resolution": "one image of so many pixels",
}
"""Axis -> what is timed at its points."""


@dataclass(frozen=True)
class Measured:
    """One point of a curve.

    x: images, layers with kernels, or pixels. label: "8", "resnet50", "224x224".
    rounds: seconds of one call, the median of each round's turn.
    memory: the peak memory of the process by then, in bytes.
    """

    x: int
    label: str
    rounds: tuple[float, ...]
    memory: int | None


@dataclass(frozen=True)
class Curve:
    """One mode of one backend, or its framework's own zoo, along an axis.

    measured: in ascending order of `x`. missing: label of a point -> why it was not measured.
    """

    axis: Axis
    backend: str
    mode: str
    measured: tuple[Measured, ...]
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The backend and the mode: `keras xla-folded`."""
        return f"{self.backend} {self.mode}"


def curve_tables(curves: Sequence[Curve]) -> list[RenderableType]:
    """Return tables of milliseconds along each axis, of memory along the batch, and what is missing and why."""
    tables: list[RenderableType] = []
    for axis, meaning in MEANINGS.items():
        along = [curve for curve in curves if curve.axis == axis and (curve.measured or curve.missing)]
        if not along:
            continue
        tables.append(Group(Text(f"ms along {axis}: {meaning}"), _table(along, "milliseconds")))
        if axis == "batch":
            tables.append(Group(Text("GiB along batch: the most that the process had had by then"), _table(along, "")))
        reasons: dict[str, list[str]] = {}
        for curve in along:
            for label, why in curve.missing.items():
                reasons.setdefault(why, []).append(f"{curve.name} at {label}")
        tables += [Text(printable(f"{', '.join(names)}: {why}")) for why, names in reasons.items()]
    return tables


def _table(curves: Sequence[Curve], unit: str) -> RenderableType:
    places = sorted({(each.x, each.label) for curve in curves for each in curve.measured})
    labels = [label for _, label in places]
    table = plain_table("runs in", "mode", *labels, right=tuple(labels))
    for curve in curves:
        by_label = {each.label: each for each in curve.measured}
        cells = [by_label.get(label) for label in labels]
        table.add_row(curve.backend, curve.mode, *(_milliseconds(cell) if unit else _gib(cell) for cell in cells))
    return table


def _milliseconds(cell: Measured | None) -> str:
    return short(1000 * statistics.median(cell.rounds)) if cell else "-"


def _gib(cell: Measured | None) -> str:
    return f"{cell.memory / 2**30:.2f}" if cell and cell.memory else "-"


def join(curves: Sequence[Curve]) -> list[Curve]:
    """Join curves of the same axis, backend and mode, each measured at other points."""
    by_mode: dict[tuple[Axis, str, str], list[Curve]] = {}
    for curve in curves:
        by_mode.setdefault((curve.axis, curve.backend, curve.mode), []).append(curve)
    return [
        Curve(
            *key,
            tuple(sorted(chain.from_iterable(part.measured for part in parts), key=lambda each: each.x)),
            dict(chain.from_iterable(part.missing.items() for part in parts)),
        )
        for key, parts in by_mode.items()
    ]
