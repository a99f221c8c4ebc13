"""`show`: describe a network unit by unit, from the specification alone."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from isomorph.spec import Architecture, EndPoint, Inference, Plan, infer, plan, zoos
from isomorph.tools.designs.lookup import find_architecture, to_edit
from isomorph.tools.designs.titles import title
from isomorph.tools.designs.without_effect import warn_of_options
from isomorph.tools.tables import Report, by, count, plain_table, short_scope


@dataclass(frozen=True)
class ShowReport(Report):
    """An architecture at one input size: every end point, and the totals.

    input: (height, width) of the images; None where unknown.
    """

    inference: Inference
    input: tuple[int | None, int | None]

    @property
    def architecture(self) -> Architecture:
        """The network."""
        return self.inference.architecture

    def rows(self, inside: bool) -> list[EndPoint]:
        """Return the end points of stem, units and head; with `inside` those within units, too."""
        planned = plan(self.architecture)
        hidden = set(planned.block_ends) if inside else planned.block_ends.keys() | _inside_units(planned)
        return [row for row in self.inference.end_points if row.name not in hidden]

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        inference = self.inference
        document = {
            "architecture": self.architecture.name,
            "input": self.input,
            "trainable": inference.trainable,
            "statistics": inference.statistics,
            "parameters": inference.parameters,
            "macs": inference.macs,
            "end_points": [_document(end_point) for end_point in inference.end_points],
            "specification": asdict(self.architecture),
        }
        return json.dumps(document, indent=2) + "\n"

    def to_toml(self) -> str:
        """Return the network as the text of a `.toml` file to edit, under a name of its own."""
        return to_edit(self.architecture)

    def table(self, inside: bool = False) -> RenderableType:
        """Return the report for people, 80 columns wide; exact multiply-accumulates are in the JSON."""
        headings = ("output stride", "rate", "sees", "parameters", "MACs")
        table = plain_table("unit", "output", *headings, right=("output", *headings))
        within = _inside_units(plan(self.architecture))
        for row in self.rows(inside):
            grid = row.grid
            whole = self._pooled and row.name in ("global_pool", "logits", "predictions")
            sees = "all" if whole else grid.receptive_field
            numbers = (grid.stride, row.rate, sees, count(row.trainable), _millions(row.macs))
            name = f"  {row.name.rpartition('/')[2]}" if row.name in within else short_scope(row.name)
            table.add_row(name, by(grid.height, grid.width, row.depth), *map(str, numbers))
        heading = Text.assemble(
            (title(self.architecture), "bold"), f"  {by(*self.input)}, {_origin(self.architecture)}"
        )
        totals = Text(
            f"{self.inference.trainable:,} parameters, {self.inference.statistics:,} running statistics,\n"
            f"{count(self.inference.macs)} multiply-accumulates (MACs) for one image"
        )
        return Group(heading, Text(), table, Text(), totals)

    @property
    def _pooled(self) -> bool:
        return self.architecture.head.global_pool


def show(
    subject: str | Path | Architecture, *, size: tuple[int | None, int | None] | None = None, **options: Any
) -> ShowReport:
    """Describe a network unit by unit: output shape, stride, rate, receptive field, parameters, multiply-accumulates.

    >>> from isomorph.tools import show
    >>> report = show("mlperf_tiny/resnet8")
    >>> report.inference.trainable, report.inference.macs
    (78186, 12501632)
    >>> for end_point in report.rows(inside=False)[:3]:
    ...     print(end_point.name, end_point.shape(1))
    conv1 (1, 32, 32, 16)
    block1/unit_1/basic_v1 (1, 32, 32, 16)
    block2/unit_1/basic_v1 (1, 16, 16, 32)
    >>> show("mlperf_tiny/resnet8", size=(96, 96), num_classes=2).rows(inside=False)[-1].shape(1)
    (1, 1, 1, 2)

    subject: an architecture, its name, or a `.toml` file with one. size: (height, width); None takes the zoo's own.
    options: of the architecture. Raises BadInput for an unknown name, option or impossible size, and warns of options
        that do nothing.
    """
    if isinstance(subject, Architecture):
        network = subject.with_options(**options)
    else:
        network = find_architecture(subject, **options)
    warn_of_options(network, options)
    input_size = size or network.convention.preprocessing.size
    return ShowReport(infer(network, *input_size), input_size)


def _inside_units(planned: Plan) -> set[str]:
    """Return the end points within units; that of a whole unit, which may be a single layer, is none."""
    units = {unit.scope for unit in planned.all_units}
    return {name for scope in units for name in planned.parts[scope]} - units


def _document(end_point: EndPoint) -> dict[str, Any]:
    grid = end_point.grid
    return {
        "name": end_point.name,
        "shape": [None, grid.height, grid.width, end_point.depth],
        "stride": grid.stride,
        "rate": end_point.rate,
        "receptive_field": grid.receptive_field,
        "trainable": end_point.trainable,
        "statistics": end_point.statistics,
        "macs": end_point.macs,
    }


def _millions(macs: int | None) -> str:
    return "?" if macs is None else f"{macs / 1e6:,.1f} M" if macs else "-"


def _origin(network: Architecture) -> str:
    zoo = zoos().get(network.name.partition("/")[0])
    return zoo.origin if zoo else "an architecture of your own"
