"""Shapes, parameters, multiply-accumulates and receptive fields, from the specification alone."""

from bisect import bisect_left
from dataclasses import dataclass
from math import prod

from isomorph.spec.architecture import Architecture
from isomorph.spec.errors import BadInput
from isomorph.spec.layers import (
    INPUT,
    AdaptivePool,
    Affine,
    AveragePool,
    BatchNorm,
    Convolution,
    Layer,
    MaxPool,
    Subsample,
    ZeroChannels,
    name_of,
)
from isomorph.spec.padding import Rule, out_size
from isomorph.spec.plan import Plan, plan
from isomorph.spec.tensors import WEIGHTS, is_trainable, tensors_of
from isomorph.spec.units import Unit
from isomorph.spec.validation import LARGEST

Size = int | None


@dataclass(frozen=True)
class Grid:
    """A feature map's geometry.

    height, width: in cells; None while the images' are unknown.
    stride: pixels of the image from one cell to the next.
    receptive_field: pixels of the image, in one direction, that one cell can see.
    """

    height: Size
    width: Size
    stride: int = 1
    receptive_field: int = 1

    def window(self, rule: Rule, kernel: int, stride: int, rate: int = 1) -> "Grid":
        """The map behind a `kernel` x `kernel` window that moves by `stride` over cells `rate` apart."""
        return Grid(
            None if self.height is None else out_size(rule, self.height, kernel, stride, rate),
            None if self.width is None else out_size(rule, self.width, kernel, stride, rate),
            self.stride * stride,
            self.receptive_field + (kernel - 1) * rate * self.stride,
        )


@dataclass(frozen=True)
class EndPoint:
    """What the specification says of one end point.

    rate: the rate of the convolution that made it, a unit's being that of its first convolution.
    trainable, statistics: values in its own tensors (a unit's and a block's: all inside).
    macs: multiply-accumulates for one image, likewise; None while the images' size is unknown.
    """

    name: str
    grid: Grid
    depth: int
    rate: int
    trainable: int
    statistics: int
    macs: int | None

    def shape(self, batch: int) -> tuple[int, Size, Size, int]:
        """[batch, height, width, depth]."""
        return batch, self.grid.height, self.grid.width, self.depth


@dataclass(frozen=True)
class Inference:
    """Every end point of an architecture at one input size, in network order, and the totals.

    macs: at inference, without those of auxiliary heads.
    """

    architecture: Architecture
    end_points: tuple[EndPoint, ...]
    trainable: int
    statistics: int
    macs: int | None

    @property
    def parameters(self) -> int:
        """All values: trainable ones and running statistics."""
        return self.trainable + self.statistics

    def shapes(self, batch: int) -> dict[str, tuple[int, Size, Size, int]]:
        """End point -> [batch, height, width, depth]."""
        return {end_point.name: end_point.shape(batch) for end_point in self.end_points}


def infer(architecture: Architecture, height: Size = None, width: Size = None) -> Inference:
    """All that follows from `architecture` for images of `height` x `width` pixels; None where unknown.

    Raises BadInput where a window finds no room in its map.
    """
    planned = plan(architecture)
    try:
        rows = _rows(planned, Grid(height, width))
    except BadInput as error:
        why, least = str(error).removesuffix("."), _least_side(planned)
        needed = f"; both sides need at least {least} pixels" if least else ""
        raise BadInput(f"Images of {height}x{width} are too small for {architecture.name}: {why}{needed}.") from None
    single = [row for name, row in rows.items() if name in {conv.scope for conv in planned.parametrised}]
    trainable, statistics = sum(row.trainable for row in single), sum(row.statistics for row in single)
    named = tuple(rows[name] for name in planned.end_points)
    auxiliary = {layer.scope for _, head in planned.auxiliary for layer in head.layers}
    macs = _sum([row.macs for row in single if row.name not in auxiliary])
    return Inference(architecture, named, trainable, statistics, macs)


def _least_side(planned: Plan) -> int | None:
    """The pixels that both sides of an image need for every window to find room; None if no size is enough."""

    def is_enough(side: int) -> bool:
        try:
            _rows(planned, Grid(side, side))
        except BadInput:
            return False
        return True

    sides = range(1, LARGEST + 1)
    least = bisect_left(sides, True, key=is_enough)
    return sides[least] if least < len(sides) else None


def _rows(planned: Plan, grid: Grid) -> dict[str, EndPoint]:
    rows: dict[str, EndPoint] = {}
    for layer in planned.stem:
        rows[layer.scope] = _layer(layer, grid)
        grid = rows[layer.scope].grid
    for block in planned.blocks:
        inside = []
        for unit in block.units:
            rows |= _unit(unit, grid)
            inside.append(rows[unit.scope])
            grid = inside[-1].grid
        rows[block.scope] = _group(block.scope, inside, inside[-1])
    for read, head in planned.auxiliary:
        try:
            rows |= _unit(head, rows[read].grid)
        except BadInput as error:
            why = str(error).removesuffix(".")
            raise BadInput(
                f"{head.scope} reads {read}, and {why[0].lower()}{why[1:]}; it can be left out: aux_logits=false."
            ) from None
    if planned.global_pool:
        # Every cell of the map is seen at once; what that is in pixels only a known size can say.
        grid = Grid(1, 1, grid.stride, grid.receptive_field)
        rows["global_pool"] = EndPoint("global_pool", grid, planned.depth, 1, 0, 0, 0)
    if planned.logits:
        rows["logits"] = _layer(planned.logits, grid)
        rows["predictions"] = EndPoint("predictions", grid, planned.logits.depth, 1, 0, 0, 0)
    return rows


def _unit(unit: Unit, grid: Grid) -> dict[str, EndPoint]:
    grids, rows = {INPUT: grid}, {}
    for layer in unit.layers:
        try:
            row = _layer(layer, grids[layer.source])
        except BadInput as error:
            kind = "dense layer" if unit.kind in ("dense", "linear") else "layer"
            raise BadInput(f"{str(error).removesuffix('.')} of the {kind} {layer.scope}.") from None
        grids[name_of(layer)], rows[layer.scope] = row.grid, row
    widest = max((grids[name] for name in unit.wiring.joined), key=lambda joined: joined.receptive_field)
    last = EndPoint(unit.scope, widest, unit.depth, unit.sampling.rate, 0, 0, 0)
    if unit.scope in rows:  # a unit that is one layer
        return rows
    return rows | {unit.scope: _group(unit.scope, list(rows.values()), last)}


def _group(scope: str, inside: list[EndPoint], last: EndPoint) -> EndPoint:
    """The end point of what holds `inside`: the geometry of its `last`, the sums of all."""
    return EndPoint(
        scope,
        last.grid,
        last.depth,
        last.rate,
        sum(row.trainable for row in inside),
        sum(row.statistics for row in inside),
        _sum([row.macs for row in inside]),
    )


def _layer(layer: Layer, grid: Grid) -> EndPoint:
    match layer:
        case Convolution():
            out = grid.window(layer.padding, layer.kernel, layer.stride, layer.rate)
            sizes = {name: prod(shape) for name, shape in tensors_of(layer).items()}
            trainable = sum(size for name, size in sizes.items() if is_trainable(name))
            macs = None if out.height is None or out.width is None else out.height * out.width * sizes[WEIGHTS]
            return EndPoint(layer.scope, out, layer.depth, layer.rate, trainable, sum(sizes.values()) - trainable, macs)
        case BatchNorm():
            learned = sum(map(is_trainable, tensors_of(layer))) * layer.depth
            return EndPoint(layer.scope, grid, layer.depth, 1, learned, 2 * layer.depth, 0)
        case MaxPool():
            out = grid.window(layer.padding, layer.kernel, layer.stride)
        case AveragePool():
            out = grid.window("valid", layer.kernel, layer.stride)
        case AdaptivePool():
            # How many cells each window sees depends on the size: stride and receptive field are those of the map.
            out = Grid(layer.cells, layer.cells, grid.stride, grid.receptive_field)
        case Affine():
            out = grid
        case Subsample() | ZeroChannels():
            out = grid.window("explicit", 1, layer.stride)
    return EndPoint(layer.scope, out, layer.depth, 1, 0, 0, 0)


def _sum(macs: list[int | None]) -> int | None:
    known = [count for count in macs if count is not None]
    return sum(known) if len(known) == len(macs) else None
