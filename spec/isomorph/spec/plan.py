"""A plan: an architecture resolved to layers in network order, each with its depth, stride, rate and padding.

Inference, tensor names, the oracle and all backends read the plan, so that none of them decides anything again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from operator import mul

from isomorph.spec.architecture import Architecture, Block
from isomorph.spec.atrous import Sampling, sample
from isomorph.spec.auxiliary import auxiliary_heads
from isomorph.spec.convention import Convention, as_float32
from isomorph.spec.ends import StemLayer, classifier, stem_layers
from isomorph.spec.errors import BadInput
from isomorph.spec.layers import INPUT, Convolution, Parametrised, Subsample, name_of
from isomorph.spec.site import Site
from isomorph.spec.units import Unit, kind_of


@dataclass(frozen=True)
class PlannedBlock:
    """A block's scope and its units."""

    scope: str
    units: tuple[Unit, ...]


@dataclass(frozen=True)
class Plan:
    """An architecture resolved to layers, in the order in which they are computed.

    epsilon, decay: batch norm's, already rounded to float32.
    logits: the classifier; None without one.
    depth: channels behind the last block.
    auxiliary: for every auxiliary head, the scope of the unit that it reads, and the head, as a unit.

    >>> from isomorph.spec import architecture
    >>> resnet20 = plan(architecture("cifar/resnet20"))
    >>> conv1 = resnet20.stem[0]
    >>> conv1.kernel, conv1.depth_in, conv1.depth
    (3, 3, 16)
    >>> [name for name in resnet20.parts if name.startswith("block2")]
    ['block2/unit_1/basic_v1', 'block2/unit_2/basic_v1', 'block2/unit_3/basic_v1']
    >>> resnet20.parts["head"]
    ('global_pool', 'logits', 'predictions')
    """

    architecture: Architecture
    stem: tuple[StemLayer, ...]
    blocks: tuple[PlannedBlock, ...]
    auxiliary: tuple[tuple[str, Unit], ...]
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
    def units(self) -> Iterator[Unit]:
        """The units of all blocks, in order."""
        return (unit for block in self.blocks for unit in block.units)

    @property
    def all_units(self) -> Iterator[Unit]:
        """The units of all blocks and the auxiliary heads, each head after the unit that it reads."""
        heads = dict(self.auxiliary)
        for unit in self.units:
            yield unit
            if unit.scope in heads:
                yield heads[unit.scope]

    @property
    def heads(self) -> dict[str, str]:
        """Scope of a unit -> scope of the auxiliary head that reads it."""
        return {read: head.scope for read, head in self.auxiliary}

    @property
    def parametrised(self) -> Iterator[Parametrised]:
        """All layers that have tensors, in order: stem, units (the shortcut first), logits."""
        yield from (layer for layer in self.stem if isinstance(layer, Convolution))
        for unit in self.all_units:
            yield from unit.parametrised
        if self.logits:
            yield self.logits

    @property
    def convolutions(self) -> Iterator[Convolution]:
        """All convolutions, dense layers included, in order."""
        return (layer for layer in self.parametrised if isinstance(layer, Convolution))

    @property
    def parts(self) -> dict[str, tuple[str, ...]]:
        """Part -> its end points in order; the parts are `stem`, each unit's scope and `head`.

        The network is cut where a single tensor flows from one part to the next.
        """
        parts = {"stem": tuple(layer.scope for layer in self.stem)}
        for unit in self.all_units:
            inner = [layer.scope for layer in unit.layers if not isinstance(layer, Subsample)]
            parts[unit.scope] = tuple(dict.fromkeys((*inner, unit.scope)))  # a unit may be its only layer
        head = ("global_pool",) if self.global_pool else ()
        parts["head"] = head + (("logits", "predictions") if self.logits else ())
        return {part: names for part, names in parts.items() if names}

    @property
    def reads(self) -> dict[str, str]:
        """Part -> the end point that it reads; INPUT, for the images, of the first."""
        read = {head: unit for unit, head in self.heads.items()}
        reads, flowing = {}, INPUT
        for part, names in self.parts.items():
            reads[part] = read.get(part, flowing)
            if part not in read:
                flowing = names[-1]
        return reads

    def depth_into(self, part: str) -> int:
        """Return the number of channels of a part's input.

        >>> from isomorph.spec import architecture
        >>> plan(architecture("cifar/resnet20")).depth_into("block2/unit_1/basic_v1")
        16
        """
        if self.reads[part] == INPUT:
            return self.architecture.in_channels
        return next((unit.depth_in for unit in self.all_units if unit.scope == part), self.depth)

    @property
    def end_points(self) -> tuple[str, ...]:
        """The names of all end points in network order, each block's after its last unit's."""
        ended_block = {unit: block for block, unit in self.block_ends.items()}
        return tuple(
            end_point
            for names in self.parts.values()
            for name in names
            for end_point in ((name, ended_block[name]) if name in ended_block else (name,))
        )

    @property
    def block_ends(self) -> dict[str, str]:
        """Scope of a block -> scope of its last unit, whose result is the block's; left out where they are the same."""
        ends = {block.scope: block.units[-1].scope for block in self.blocks}
        return {block: unit for block, unit in ends.items() if block != unit}

    @property
    def modules(self) -> dict[str, tuple[str, ...]]:
        """Scope -> its path in a framework that nests its modules: `blocks`, `block1`, `unit_1`, `conv1`."""
        paths: dict[str, tuple[str, ...]] = {layer.scope: ("stem", layer.scope) for layer in self.stem}
        for block in self.blocks:
            for number, unit in enumerate(block.units, start=1):
                paths |= _module_paths(unit, ("blocks", block.scope, f"unit_{number}"))
        for _, head in self.auxiliary:
            paths |= _module_paths(head, ("auxiliary", head.scope))
        return paths | {name: ("head", name) for name in ("global_pool", "logits")}


def _module_paths(unit: Unit, path: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    return {layer.scope: (*path, name_of(layer)) for layer in unit.layers} | {unit.scope: path}


@lru_cache(maxsize=256)
def plan(architecture: Architecture) -> Plan:
    """Resolve `architecture` to layers in network order.

    Raises BadInput for a Block that is not well formed and, in slim's words, for an output_stride that the network
    cannot have.

    >>> from isomorph.spec import architecture
    >>> dense = plan(architecture("slim/resnet_v1_50", output_stride=8))
    >>> [unit.sampling for unit in dense.units][-1]
    Sampling(stride=1, rate=4, rate_after=4)
    """
    convention = architecture.convention
    stem = stem_layers(architecture)
    depth = stem[-1].depth if stem else architecture.in_channels
    for block in architecture.blocks:
        _check(block)
    strides = [kind_of(block.unit).stride(args) for block in architecture.blocks for args in block.args]
    sampling = iter(zip(strides, _sample(architecture, strides), strict=True))
    blocks, unit_of = [], {}
    for block in architecture.blocks:
        kind, units = kind_of(block.unit), []
        for number, args in enumerate(block.args, start=1):
            stride, sampled = next(sampling)
            scope = kind.scope_of(block.scope, number, len(block.args) == 1)
            site = Site(scope, depth, sampled, convention, architecture.head.dropout)
            units.append(Unit(scope, block.unit, depth, stride, sampled, kind.build(site, *args)))
            unit_of[block.scope, number] = units[-1]
            depth = units[-1].depth
        blocks.append(PlannedBlock(block.scope, tuple(units)))
    epsilon, decay = as_float32(convention.batch_norm_epsilon), as_float32(convention.batch_norm_decay)
    auxiliary = auxiliary_heads(architecture, unit_of)
    return Plan(architecture, stem, tuple(blocks), auxiliary, depth, classifier(architecture, depth), epsilon, decay)


def _check(block: Block) -> None:
    """Raise BadInput unless `block` has units, each with the numbers that its kind takes."""
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
    """Return how the units sample, after the stem's share of the output_stride. Errors keep slim's words."""
    root = architecture.stem.stride if architecture.include_root_block else 1
    target = architecture.output_stride
    try:
        if target is not None and target % root:
            raise BadInput(f"The output_stride needs to be a multiple of {root}.")
        sampling = sample(strides, None if target is None else target // root)
    except BadInput as error:
        reachable = sorted({root * stride for stride in accumulate(strides, mul, initial=1)})
        error.add_note(f"{architecture.name} can have {', '.join(map(str, reachable))}, not {target}.")
        raise
    kinds = (block.unit for block in architecture.blocks for _ in block.args)
    for kind, sampled in zip(kinds, sampling, strict=True):
        if sampled.rate_after > 1 and not kind_of(kind).dilates:
            raise BadInput(
                f"The output_stride of {architecture.name} cannot be {target}: {kind} units have no atrous form."
            )
    return sampling
