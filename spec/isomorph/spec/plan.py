"""An architecture, resolved: every layer in network order with its depth, stride, rate and padding decided.

Inference, tensor names, the oracle and all backends read the plan, so that none of them decides anything again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from operator import mul

from isomorph.spec.architecture import Architecture, Block, StemConvolution
from isomorph.spec.atrous import Sampling, sample
from isomorph.spec.convention import Convention, as_float32
from isomorph.spec.errors import BadInput
from isomorph.spec.layers import INPUT, Convolution, MaxPool, Parametrised, Subsample, name_of
from isomorph.spec.units import LINEAR, Site, Unit, convolution, kind_of, max_pool


@dataclass(frozen=True)
class PlannedBlock:
    """A block's scope and its units."""

    scope: str
    units: tuple[Unit, ...]


@dataclass(frozen=True)
class Plan:
    """A network in the order in which it is computed.

    epsilon, decay: batch norm's, already rounded to float32.
    logits: the classifier; None without one.
    depth: channels behind the last block.
    """

    architecture: Architecture
    stem: tuple[Convolution | MaxPool, ...]
    blocks: tuple[PlannedBlock, ...]
    depth: int
    logits: Convolution | None
    epsilon: float
    decay: float

    @property
    def convention(self) -> Convention:
        """The architecture's convention."""
        return self.architecture.convention

    @property
    def global_pool(self) -> bool:
        """Whether the mean over space is taken behind the last block."""
        return self.architecture.head.global_pool

    @property
    def dropout(self) -> float:
        """The share of the classifier's input that is dropped in training."""
        return self.architecture.head.dropout if self.logits else 0.0

    @property
    def units(self) -> Iterator[Unit]:
        """All units, in order."""
        return (unit for block in self.blocks for unit in block.units)

    @property
    def parametrised(self) -> Iterator[Parametrised]:
        """All layers that have tensors, in their order: stem, units (the shortcut first), logits."""
        yield from (layer for layer in self.stem if isinstance(layer, Convolution))
        for unit in self.units:
            yield from unit.parametrised
        if self.logits:
            yield self.logits

    @property
    def convolutions(self) -> Iterator[Convolution]:
        """Those of them that are convolutions."""
        return (layer for layer in self.parametrised if isinstance(layer, Convolution))

    @property
    def parts(self) -> dict[str, tuple[str, ...]]:
        """The network cut where one tensor flows: `stem`, each unit's scope, `head`, with their end points in order."""
        parts = {"stem": tuple(layer.scope for layer in self.stem)}
        for unit in self.units:
            inner = [layer.scope for layer in unit.layers if not isinstance(layer, Subsample)]
            parts[unit.scope] = tuple(dict.fromkeys((*inner, unit.scope)))  # a unit may be its only layer
        head = ("global_pool",) if self.global_pool else ()
        parts["head"] = head + (("logits", "predictions") if self.logits else ())
        return {part: names for part, names in parts.items() if names}

    def depth_into(self, part: str) -> int:
        """Channels of a part's input."""
        if part == "stem":
            return self.architecture.in_channels
        return next((unit.depth_in for unit in self.units if unit.scope == part), self.depth)

    @property
    def end_points(self) -> tuple[str, ...]:
        """The names of all end points, in network order: those of the parts, a block's behind its last unit's."""
        behind = {unit: block for block, unit in self.block_ends.items()}
        return tuple(
            end_point
            for names in self.parts.values()
            for name in names
            for end_point in ((name, behind[name]) if name in behind else (name,))
        )

    @property
    def block_ends(self) -> dict[str, str]:
        """A block's scope -> that of its last unit, whose result is the block's; not where they are the same."""
        ends = {block.scope: block.units[-1].scope for block in self.blocks}
        return {block: unit for block, unit in ends.items() if block != unit}

    @property
    def modules(self) -> dict[str, tuple[str, ...]]:
        """Scope -> where a framework that nests its modules has it: `blocks`, `block1`, `unit_1`, `conv1`."""
        paths: dict[str, tuple[str, ...]] = {layer.scope: ("stem", layer.scope) for layer in self.stem}
        for block in self.blocks:
            for number, unit in enumerate(block.units, start=1):
                place = ("blocks", block.scope, f"unit_{number}")
                paths |= {layer.scope: (*place, name_of(layer)) for layer in unit.layers} | {unit.scope: place}
        return paths | {name: ("head", name) for name in ("global_pool", "logits")}


@lru_cache(maxsize=256)
def plan(architecture: Architecture) -> Plan:
    """Resolve `architecture`.

    Raises BadInput for a Block that is not well formed and, in slim's words, for an output_stride that the network
    cannot have.
    """
    convention = architecture.convention
    stem = _stem(architecture)
    depth = stem[-1].depth if stem else architecture.in_channels
    for block in architecture.blocks:
        _check(block)
    strides = [kind_of(block.unit).stride(args) for block in architecture.blocks for args in block.args]
    sampling = iter(zip(strides, _sample(architecture, strides), strict=True))
    blocks = []
    for block in architecture.blocks:
        kind, units = kind_of(block.unit), []
        for number, args in enumerate(block.args, start=1):
            stride, sampled = next(sampling)
            site = Site(kind.scope_of(block.scope, number, len(block.args) == 1), depth, sampled, convention)
            units.append(Unit(site.scope, block.unit, depth, stride, sampled, kind.build(site, *args)))
            depth = units[-1].depth
        blocks.append(PlannedBlock(block.scope, tuple(units)))
    epsilon, decay = as_float32(convention.batch_norm_epsilon), as_float32(convention.batch_norm_decay)
    return Plan(architecture, stem, tuple(blocks), depth, _logits(architecture, depth), epsilon, decay)


def _stem(architecture: Architecture) -> tuple[Convolution | MaxPool, ...]:
    convention = architecture.convention
    layers: list[Convolution | MaxPool] = []
    depth, source = architecture.in_channels, INPUT
    for layer in architecture.stem.layers if architecture.include_root_block else ():
        if isinstance(layer, StemConvolution):
            more = {
                "kernel": layer.kernel,
                "stride": layer.stride,
                "source": source,
                **(LINEAR if layer.linear else {}),
            }
            layers.append(convolution(convention, layer.scope, depth, layer.depth, **more))
            depth = layer.depth
        else:
            layers.append(max_pool(convention, layer.scope, depth, layer.kernel, layer.stride, source))
        source = name_of(layer)
    return tuple(layers)


def _logits(architecture: Architecture, depth: int) -> Convolution | None:
    convention, classes = architecture.convention, architecture.head.num_classes
    if classes is None:
        return None
    return Convolution(
        "logits",
        depth,
        classes,
        bias=True,
        batch_norm=False,
        activation=None,
        initializer=convention.logits_initializer,
        bias_initializer=convention.logits_bias_initializer,
    )


def _check(block: Block) -> None:
    """Raise BadInput unless `block` has units and each of them the numbers that its kind takes."""
    fields = kind_of(block.unit).fields
    if not block.args:
        raise BadInput(f"{block.scope} has no units; a Block has at least one.")
    for number, args in enumerate(block.args, start=1):
        if len(args) != len(fields) or any(not isinstance(x, int) or x < 1 for x in args):
            raise BadInput(
                f"Unit {number} of {block.scope} is {args!r}; a {block.unit} unit is ({', '.join(fields)}),"
                " positive integers."
            )


def _sample(architecture: Architecture, strides: list[int]) -> list[Sampling]:
    """How the units sample, given what the stem has taken of the output_stride. Errors keep slim's words."""
    root = architecture.stem.stride if architecture.include_root_block else 1
    target = architecture.output_stride
    try:
        if target is None:
            return sample(strides, None)
        if target % root:
            raise BadInput(f"The output_stride needs to be a multiple of {root}.")
        return sample(strides, target // root)
    except BadInput as error:
        reachable = sorted({root * stride for stride in accumulate(strides, mul, initial=1)})
        error.add_note(f"{architecture.name} can have {', '.join(map(str, reachable))}, not {target}.")
        raise
