"""Cut a file's convolutions into a stem, units and trailing ones, so that channels flow from each to the next."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from isomorph.tools.weights.recovery.steps import Grammar, Step, single
from isomorph.tools.weights.structure.layers import Kernel

Phase = Literal["stem", "units", "tail"]

MOST_OF_STEM = 3
"""The convolutions of the deepest stem, ResNet-D's."""

ALONE, IDLE_PROJECTION = 1.5, 2.2
"""What a convolution outside of units costs, where a unit costs 1; a projection between equal depths costs more, so
that it is seen as one where nothing else explains it."""


class _State(NamedTuple):
    """So many convolutions are explained, so many channels flow, and in this phase."""

    place: int
    depth: int
    phase: Phase


class Stuck(NamedTuple):
    """The first convolution that no way of cutting explains, and how many channels may flow there."""

    place: int
    depths: tuple[int, ...]


def cut(kernels: Sequence[Kernel], grammar: Grammar, shortcut_first: bool) -> list[Step] | Stuck:
    """Return the steps of the cheapest way to cut convolutions, in the file's order; where all ways end if none is one.

    It is a shortest path over how many convolutions are explained and how many channels flow.
    """
    start = _State(0, kernels[0].shape.depth_seen, "stem")
    cost: dict[_State, float] = {start: 0.0}
    reached: dict[_State, tuple[_State, Step]] = {}
    states: dict[int, list[_State]] = defaultdict(list, {0: [start]})
    for place in range(len(kernels)):
        for state in states[place]:
            for step, phase in _following(kernels, state, grammar, shortcut_first):
                after = _State(place + len(step.kernels), step.depth, phase)
                if after not in cost:
                    states[after.place].append(after)
                if after not in cost or cost[state] + _cost(step) < cost[after]:
                    cost[after] = cost[state] + _cost(step)
                    reached[after] = state, step
    if not states[len(kernels)]:
        furthest = max(place for place, there in states.items() if there)
        return Stuck(furthest, tuple(sorted({state.depth for state in states[furthest]})))
    state = min(states[len(kernels)], key=cost.__getitem__)
    steps: list[Step] = []
    while state in reached:
        state, step = reached[state]
        steps.append(step)
    return steps[::-1]


def _cost(step: Step) -> float:
    if step.kind == "convolution":
        return ALONE
    return IDLE_PROJECTION if step.projects and step.depth_in == step.depth else 1.0


def _following(
    kernels: Sequence[Kernel], state: _State, grammar: Grammar, shortcut_first: bool
) -> Iterator[tuple[Step, Phase]]:
    """Yield what may stand next, and the phase behind it."""
    kernel = kernels[state.place]
    if kernel.shape.depth_seen == state.depth:
        if state.phase == "stem" and state.place < MOST_OF_STEM:
            yield single(kernel), "stem"
        if grammar.match is None:
            yield single(kernel), "units"
        elif state.phase != "stem" and kernel.shape.side == 1 and kernel.shape.depth >= state.depth:
            yield single(kernel), "tail"
    if state.phase != "tail" and state.place > 0:
        for step in grammar.units(kernels[state.place : state.place + 4], state.depth, shortcut_first):
            yield step, "units"
