"""`show`: a network unit by unit, from the specification alone."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from isomorph.spec import Architecture, EndPoint, Inference, architecture, infer, zoos
from isomorph.tools.tables import Report, plain_table, short_scope


@dataclass(frozen=True)
class ShowReport(Report):
    """One architecture at one input size: every end point, and the totals.

    input: (height, width) of the images; None where unknown.
    """

    inference: Inference
    input: tuple[int | None, int | None]

    def rows(self, inside: bool) -> list[EndPoint]:
        """The stem, the units and the head; with `inside` also what is in the units. Blocks repeat their last unit."""
        planned = self.inference.end_points
        blocks = {block.scope for block in self.inference.architecture.blocks}
        units = [row.name for row in planned if row.name.count("/") == 2]
        return [
            row
            for row in planned
            if row.name not in blocks and (inside or not any(row.name.startswith(f"{unit}/") for unit in units))
        ]

    def to_json(self) -> str:
        """The report, as the command line's `--json` writes it."""
        inference = self.inference
        document = {
            "architecture": inference.architecture.name,
            "input": self.input,
            "trainable": inference.trainable,
            "statistics": inference.statistics,
            "parameters": inference.parameters,
            "macs": inference.macs,
            "end_points": [_row(row) for row in inference.end_points],
            "specification": asdict(inference.architecture),
        }
        return json.dumps(document, indent=2) + "\n"

    def table(self, inside: bool = False) -> RenderableType:
        """As people read it, at 80 columns; exact multiply-accumulates are in the JSON."""
        headings = ("stride", "rate", "sees", "parameters", "MACs")
        table = plain_table("unit", "output", *headings, right=("output", *headings))
        for row in self.rows(inside):
            grid = row.grid
            whole = self._pooled and row.name in ("global_pool", "logits", "predictions")
            sees = "all" if whole else grid.receptive_field
            numbers = (grid.stride, row.rate, sees, _number(row.trainable), _millions(row.macs))
            table.add_row(_short(row.name), _by(grid.height, grid.width, row.depth), *map(str, numbers))
        network = self.inference.architecture
        heading = Text.assemble((network.name, "bold"), f"  {_by(*self.input)}, {_origin(network)}")
        totals = Text(
            f"{self.inference.trainable:,} parameters, {self.inference.statistics:,} running statistics,\n"
            f"{_number(self.inference.macs)} multiply-accumulates (MACs) for one image"
        )
        return Group(heading, Text(), table, Text(), totals)

    @property
    def _pooled(self) -> bool:
        return self.inference.architecture.head.global_pool


def show(
    subject: str | Architecture, *, size: tuple[int | None, int | None] | None = None, **options: Any
) -> ShowReport:
    """Every unit's output shape, stride, rate, receptive field, parameters and multiply-accumulates.

    subject: an architecture or its name. size: (height, width); None takes the zoo's own.
    options: of the architecture. Raises BadInput for a name, an option or a size that cannot be.
    """
    found = subject.with_options(**options) if isinstance(subject, Architecture) else architecture(subject, **options)
    given = size or found.convention.preprocessing.size
    return ShowReport(infer(found, *given), given)


def _row(row: EndPoint) -> dict[str, Any]:
    grid = row.grid
    return {
        "name": row.name,
        "shape": [None, grid.height, grid.width, row.depth],
        "stride": grid.stride,
        "rate": row.rate,
        "receptive_field": grid.receptive_field,
        "trainable": row.trainable,
        "statistics": row.statistics,
        "macs": row.macs,
    }


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}" if value else "-"


def _millions(macs: int | None) -> str:
    return "?" if macs is None else f"{macs / 1e6:,.1f} M" if macs else "-"


def _by(*extents: int | None) -> str:
    return "x".join("?" if extent is None else str(extent) for extent in extents)


def _short(name: str) -> str:
    """A unit's scope without its kind; of what is inside one, the last part."""
    return f"  {name.rpartition('/')[2]}" if name.count("/") > 2 else short_scope(name)


def _origin(network: Architecture) -> str:
    zoo = zoos().get(network.name.partition("/")[0])
    return zoo.origin if zoo else "an architecture of your own"
