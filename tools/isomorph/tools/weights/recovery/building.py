"""Build the architecture of the steps that were recognised, in all ways that a file's biases and batch norms allow."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from isomorph.spec import Architecture, Block, Stem, StemConvolution, StemPool
from isomorph.spec.units import kind_of
from isomorph.tools.weights.recovery.nearest import WITHOUT_TENSORS
from isomorph.tools.weights.recovery.steps import Grammar, Step
from isomorph.tools.weights.structure.heads import with_head
from isomorph.tools.weights.structure.layers import Kernel, Layers
from isomorph.tools.weights.structure.preactivation import is_preactivated

PREACTIVATED = {"bottleneck": "bottleneck_v2", "basic": "basic_v2"}
"""Unit kind -> the kind of the same kernels whose batch norms come first."""

RESIDUAL_KINDS = ("basic", "bottleneck", "grouped_bottleneck")

LARGE = 5
"""The side from which on a stem's window is taken to stride, and a pool to follow it."""


@dataclass(frozen=True)
class Normalisation:
    """Where batch norms and biases may be, so that they are as many as the file's.

    fields: of the convention. preactivated: whether units begin with their batch norms; postnorm: whether one more ends
    the network then.
    """

    fields: Mapping[str, Any]
    preactivated: bool = False
    postnorm: bool = False


def normalisations(layers: Layers, grammar: Grammar) -> Iterator[Normalisation]:
    """Yield what a file's batch norms and biases may mean, the likeliest first.

    In a pre-activation network those behind convolutions may have been folded into these; the first of a unit stays.
    """
    if not layers.norms:
        for bias in (True, False):
            yield Normalisation({"batch_norm": False, "convolution_bias": bias})
        return
    gamma: dict[str, Any] = {"batch_norm": True, "batch_norm_gamma": any("gamma" in n.tensors for n in layers.norms)}
    behind = [
        Normalisation(gamma | {"convolution_bias": bias, "shortcut_batch_norm": normalised})
        for normalised in (True, False)
        for bias in (False, True)
    ]
    before = [
        Normalisation(gamma | {"convolution_bias": bias, "linear_bias": linear}, True, postnorm)
        for bias in (False, True)
        for linear in (False, True)
        for postnorm in (True, False)
    ]
    folded = [
        Normalisation(gamma | {"batch_norm": False, "convolution_bias": True, "linear_bias": linear}, True, postnorm)
        for linear in (False, True)
        for postnorm in (True, False)
    ]
    before = [*before, *folded] if grammar.name in PREACTIVATED else []
    yield from before + behind if is_preactivated(layers) else behind + before


def ends_of_stem(steps: Sequence[Step]) -> tuple[Sequence[Step], Sequence[Step]]:
    """Return the convolutions before the first unit, and what follows; a plain network has no stem."""
    size = next((number for number, step in enumerate(steps) if step.kind != "convolution"), 0)
    return steps[:size], steps[size:]


def kind_of_unit(step: Step, normalisation: Normalisation) -> str:
    """Return the unit kind of a step, given where batch norms stand."""
    return PREACTIVATED.get(step.kind, step.kind) if normalisation.preactivated else step.kind


def build(
    name: str,
    steps: Sequence[Step],
    normalisation: Normalisation,
    head: Sequence[Kernel],
    nearest: Architecture,
) -> Architecture:
    """Return the architecture, with what no file tells as `nearest` has it.

    Raises BadInput for a head that no specification can say.
    """
    before, units = ends_of_stem(steps)
    stem = _stem(before, normalisation.preactivated, nearest, units)
    convention = replace(nearest.convention, **normalisation.fields, **_shortcut(units, nearest))
    trunk = Architecture(
        name,
        stem,
        _blocks(units, normalisation, nearest),
        replace(nearest.head, num_classes=None),
        convention,
        in_channels=steps[0].depth_in,
    )
    return with_head(trunk, head)


def _shortcut(units: Sequence[Step], nearest: Architecture) -> dict[str, Any]:
    """Return the shortcut's field: where depths differ and nothing projects, it needs channels of zeros."""
    residual = [step for step in units if step.kind in RESIDUAL_KINDS]
    if any(step.projects for step in residual):
        return {"shortcut": "projection"}
    if any(step.depth_in != step.depth for step in residual):
        return {"shortcut": "zero_channels"}
    return {"shortcut": nearest.convention.shortcut}


def _stem(steps: Sequence[Step], linear: bool, nearest: Architecture, units: Sequence[Step]) -> Stem:
    """Return the stem, with the strides and pools of the nearest network's where its windows are as large."""
    convolutions = [
        StemConvolution(f"conv{number}", step.depth, step.kernels[0].shape.side, linear=linear)
        for number, step in enumerate(steps, start=1)
    ]
    layers = nearest.stem.layers
    sides = [layer.kernel for layer in layers if isinstance(layer, StemConvolution)]
    if sides == [layer.kernel for layer in convolutions]:
        ours = iter(convolutions)
        return Stem(
            tuple(replace(next(ours), stride=x.stride) if isinstance(x, StemConvolution) else x for x in layers)
        )
    if not convolutions:
        return Stem(())
    first, *others = convolutions
    is_large = first.kernel >= LARGE or len(convolutions) > 1
    if is_large:
        first = replace(first, stride=2)
    pool = (StemPool("pool1", 3, 2),) if is_large and units[0].kind in RESIDUAL_KINDS else ()
    return Stem((first, *others, *pool))


def _blocks(steps: Sequence[Step], normalisation: Normalisation, nearest: Architecture) -> tuple[Block, ...]:
    """Return the blocks: units of one kind and depth; of a plain network with pools between them."""
    runs = [list(run) for _, run in groupby(steps, key=lambda step: (step.kind, _widths(step)))]
    strides = _strides(runs, nearest)
    is_plain = all(step.kind == "convolution" for step in steps)
    blocks: list[Block] = []
    for number, (run, its_strides) in enumerate(zip(runs, strides, strict=True), start=1):
        kind = kind_of_unit(run[0], normalisation)
        args = tuple(_with_stride(kind, step.numbers, stride) for step, stride in zip(run, its_strides, strict=True))
        blocks.append(Block(f"block{number}", kind, args))
        if is_plain:
            blocks.append(Block(f"pool{number}", "max_pool", ((2, 2),)))
    if normalisation.postnorm:
        blocks.append(Block("postnorm", "batch_norm", ((),)))
    return tuple(blocks)


def _widths(step: Step) -> tuple[int, ...]:
    """Return what units of one block have in common."""
    if step.kind == "inverted_residual":
        return (step.depth,)
    return step.numbers


def _with_stride(kind: str, numbers: Sequence[int], stride: int) -> tuple[int, ...]:
    place = kind_of(kind).fields.index("stride")
    return (*numbers[:place], stride, *numbers[place:])


def _strides(runs: Sequence[Sequence[Step]], nearest: Architecture) -> list[list[int]]:
    """Return the strides of all units: the nearest network's where its blocks are as long; else 2 for each block.

    Whether a block's first or last unit strides is as in the nearest network, too.
    """
    blocks = [
        block for block in nearest.blocks if block.unit not in (*WITHOUT_TENSORS, "dense", "linear", "batch_norm")
    ]
    theirs = [[kind_of(block.unit).stride(args) for args in block.args] for block in blocks]
    if [len(block) for block in theirs] == [len(run) for run in runs]:
        return theirs
    if all(step.kind == "convolution" for run in runs for step in run):
        return [[1] * len(run) for run in runs]
    ends_in_stride = any(len(block) > 1 and block[-1] > 1 for block in theirs)
    strides: list[list[int]] = []
    for number, run in enumerate(runs):
        strided = 2 if run[0].kind != "convolution" and (number > 0) != ends_in_stride else 1
        ours = [1] * len(run)
        ours[-1 if ends_in_stride else 0] = strided
        strides.append(ours)
    if ends_in_stride:  # the last block keeps its map
        for number, run in enumerate(runs):
            is_last = number == len(runs) - 1 or runs[number + 1][0].kind == "convolution"
            strides[number][-1] = 1 if is_last or run[0].kind == "convolution" else 2
    return strides
