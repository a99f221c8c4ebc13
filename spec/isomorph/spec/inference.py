"""Shapes, parameters, multiply-accumulates and receptive fields, worked out from the specification alone."""

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
        """Return the map that a `kernel` x `kernel` window gives which moves by `stride` over cells `rate` apart.

        >>> Grid(224, 224).window("explicit", kernel=7, stride=2)
        Grid(height=112, width=112, stride=2, receptive_field=7)
        """
        return Grid(
            None if self.height is None else out_size(rule, self.height, kernel, stride, rate),
            None if self.width is None else out_size(rule, self.width, kernel, stride, rate),
            self.stride * stride,
            self.receptive_field + (kernel - 1) * rate * self.stride,
        )


@dataclass(frozen=True)
class EndPoint:
    """One end point: its name, geometry, depth and costs.

    rate: the rate of the convolution that made it; for a unit, of its first convolution.
    trainable, statistics: values in its own tensors (for a unit and a block: all inside).
    macs: multiply-accumulates for one image, likewise; None while the images' size is unknown.

    >>> from isomorph.spec import architecture
    >>> conv1 = infer(architecture("cifar/resnet20"), 32, 32).end_points[0]
    >>> conv1.grid
    Grid(height=32, width=32, stride=1, receptive_field=3)
    >>> conv1.depth, conv1.trainable, conv1.macs
    (16, 464, 442368)
    """

    name: str
    grid: Grid
    depth: int
    rate: int
    trainable: int
    statistics: int
    macs: int | None

    def shape(self, batch: int) -> tuple[int, Size, Size, int]:
        """Return the shape [batch, height, width, depth]; an unknown side is None.

        >>> EndPoint("conv1", Grid(32, 32), 16, 1, 464, 32, 442368).shape(batch=8)
        (8, 32, 32, 16)
        """
        return batch, self.grid.height, self.grid.width, self.depth


@dataclass(frozen=True)
class Inference:
    """Every end point of an architecture at one input size, in network order, and the totals.

    macs: at inference, without those of auxiliary heads.

    >>> from isomorph.spec import architecture
    >>> resnet20 = infer(architecture("cifar/resnet20"), 32, 32)
    >>> resnet20.trainable, resnet20.statistics, resnet20.macs
    (269722, 1376, 40551040)
    """

    architecture: Architecture
    end_points: tuple[EndPoint, ...]
    trainable: int
    statistics: int
    macs: int | None

    @property
    def parameters(self) -> int:
        """The number of all values: trainable ones and running statistics."""
        return self.trainable + self.statistics

    def shapes(self, batch: int) -> dict[str, tuple[int, Size, Size, int]]:
        """Return the shape [batch, height, width, depth] of every end point, by name.

        >>> from isomorph.spec import architecture
        >>> shapes = infer(architecture("cifar/resnet20"), 32, 32).shapes(batch=8)
        >>> shapes["conv1"], shapes["block3"], shapes["logits"]
        ((8, 32, 32, 16), (8, 8, 8, 64), (8, 1, 1, 10))
        """
        return {end_point.name: end_point.shape(batch) for end_point in self.end_points}


def infer(architecture: Architecture, height: Size = None, width: Size = None) -> Inference:
    """Work out shapes, parameters and costs of `architecture` for images of `height` x `width` pixels.

    None stands for an unknown side. Raises BadInput where a map is too small for a window.

    >>> from isomorph.spec import architecture
    >>> infer(architecture("slim/resnet_v1_50"), 224, 224).macs
    3482255360
    >>> infer(architecture("slim/resnet_v1_50")).parameters
    25610152
    """
    planned = plan(architecture)
    try:
        end_points = _end_points(planned, Grid(height, width))
    except BadInput as error:
        why, least = str(error).removesuffix("."), _least_side(planned)
        needed = f"; both sides need at least {least} pixels" if least else ""
        raise BadInput(f"Images of {height}x{width} are too small for {architecture.name}: {why}{needed}.") from None
    scopes = {layer.scope for layer in planned.parametrised}
    layers = [end_point for name, end_point in end_points.items() if name in scopes]
    trainable, statistics = sum(layer.trainable for layer in layers), sum(layer.statistics for layer in layers)
    in_order = tuple(end_points[name] for name in planned.end_points)
    auxiliary = {layer.scope for _, head in planned.auxiliary for layer in head.layers}
    macs = _sum([layer.macs for layer in layers if layer.name not in auxiliary])
    return Inference(architecture, in_order, trainable, statistics, macs)


def _least_side(planned: Plan) -> int | None:
    """Return the pixels that both sides of an image need so that every window fits; None if no size is enough."""

    def is_enough(side: int) -> bool:
        try:
            _end_points(planned, Grid(side, side))
        except BadInput:
            return False
        return True

    sides = range(1, LARGEST + 1)
    least = bisect_left(sides, True, key=is_enough)
    return sides[least] if least < len(sides) else None


def _end_points(planned: Plan, grid: Grid) -> dict[str, EndPoint]:
    end_points: dict[str, EndPoint] = {}
    for layer in planned.stem:
        end_points[layer.scope] = _layer(layer, grid)
        grid = end_points[layer.scope].grid
    for block in planned.blocks:
        inside = []
        for unit in block.units:
            end_points |= _unit(unit, grid)
            inside.append(end_points[unit.scope])
            grid = inside[-1].grid
        end_points[block.scope] = _group(block.scope, inside, inside[-1])
    for read, head in planned.auxiliary:
        try:
            end_points |= _unit(head, end_points[read].grid)
        except BadInput as error:
            why = str(error).removesuffix(".")
            raise BadInput(
                f"{head.scope} reads {read}, and {why[0].lower()}{why[1:]}; it can be left out: aux_logits=false."
            ) from None
    if planned.global_pool:
        # Every cell of the map is seen at once; what that is in pixels only a known size can say.
        grid = Grid(1, 1, grid.stride, grid.receptive_field)
        end_points["global_pool"] = EndPoint("global_pool", grid, planned.depth, 1, 0, 0, 0)
    if planned.logits:
        end_points["logits"] = _layer(planned.logits, grid)
        end_points["predictions"] = EndPoint("predictions", grid, planned.logits.depth, 1, 0, 0, 0)
    return end_points


def _unit(unit: Unit, grid: Grid) -> dict[str, EndPoint]:
    grids, end_points = {INPUT: grid}, {}
    for layer in unit.layers:
        try:
            end_point = _layer(layer, grids[layer.source])
        except BadInput as error:
            kind = "dense layer" if unit.kind in ("dense", "linear") else "layer"
            raise BadInput(f"{str(error).removesuffix('.')} of the {kind} {layer.scope}.") from None
        grids[name_of(layer)], end_points[layer.scope] = end_point.grid, end_point
    widest = max((grids[name] for name in unit.wiring.joined), key=lambda joined: joined.receptive_field)
    last = EndPoint(unit.scope, widest, unit.depth, unit.sampling.rate, 0, 0, 0)
    if unit.scope in end_points:  # a unit that is one layer
        return end_points
    return end_points | {unit.scope: _group(unit.scope, list(end_points.values()), last)}


def _group(scope: str, inside: list[EndPoint], last: EndPoint) -> EndPoint:
    """Return the end point of a unit or a block: the geometry of its `last` layer, the sums over all `inside`."""
    return EndPoint(
        scope,
        last.grid,
        last.depth,
        last.rate,
        sum(each.trainable for each in inside),
        sum(each.statistics for each in inside),
        _sum([each.macs for each in inside]),
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
