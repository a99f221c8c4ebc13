"""Check whether figures are plausible: impossible ones come from other processes' work, and give no advice."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from isomorph.tools.benching.machine import Others, count_busy
from isomorph.tools.benching.ranking import Ranking
from isomorph.tools.benching.results import ZOO, ModeResult

MARK = "?"
"""What stands behind a doubted figure, in tables and plots."""

ROUNDS = 3
"""The fewest rounds whose spread tells anything."""

CROWDED = 0.5
"""The share of the cores that other processes may keep busy; with more they have as much as what is measured."""

LEAST = 0.25
"""Seconds in which the system's clock, of hundredths of one, tells what other processes took."""

POSSIBLE = 1.05
"""The largest plausible share of the matrix product's rate, which is itself the limit.

Undisturbed, ResNet-50's best mode has 101 % of it (`tools/results`). It does not hold on a GPU, where convolutions may
multiply less often than they count (Lavin and Gray, 2016).
"""

FASTEST = 20.0
"""The largest plausible multiple of the framework's own zoo, on a CPU.

Undisturbed, ResNet-50's best mode is 7 times as fast (`tools/results`). On a GPU, launches alone cost a small zoo more.
"""

STEADY = 4.0
"""The factor by which a ratio to the zoo's network, measured in the same round, may vary from round to round."""


@dataclass(frozen=True)
class Doubt:
    """Why the figure of one mode is no basis for a choice.

    reason: what was measured. legend: what the mark behind a figure means, the same for all that have such a reason.
    """

    reason: str
    legend: str


def doubts(ranking: Ranking, device: str, cores: int) -> Mapping[str, Doubt]:
    """Return the doubted modes of a ranking: name of the mode's result -> why; best first.

    >>> from isomorph.tools.benching.plausibility import doubts
    >>> from isomorph.tools.benching.ranking import Ranking
    >>> from isomorph.tools.benching.results import ModeResult, make_timing
    >>> timing = make_timing("inference", 1, [[0.1], [0.1], [0.1]])
    >>> row = ModeResult("keras", "graph", "measured", timings=(timing,), others=1.6)
    >>> doubts(Ranking([row], [], "latency"), "cpu", cores=2)["keras graph"].reason
    'other processes kept 1.6 of 2 busy while keras graph was measured'
    """
    rows = [row for row, _ in ranking.ranked if _has_spread(ranking, row)]
    return {row.name: doubt for row in rows if (doubt := _doubt(ranking, row, device, cores))}


def why_implausible(ranking: Ranking, device: str, others: float | None, cores: int) -> str | None:
    """Return why these figures are no basis for a choice, in one sentence; None if they are.

    others: how many of the `cores` other processes kept busy meanwhile; None where the system does not say.
    """
    if not any(row.mode != ZOO and _has_spread(ranking, row) for row, _ in ranking.ranked):
        return None
    if others is not None and others > CROWDED * cores:
        return _sentence(f"other processes kept {others:.1f} of {cores} busy")
    first = next(iter(doubts(ranking, device, cores).values()), None)
    return _sentence(first.reason) if first else None


@contextmanager
def warned_of_others(warn: Callable[[str], None], cores: int, least: float = LEAST) -> Iterator[None]:
    """Call `warn` at the end where other processes kept so many cores busy within it that figures would be doubted.

    warn: takes a sentence. least: the seconds that it has to last, for the system's clock to tell anything.
    """
    others, started, before = Others(), time.monotonic(), count_busy([])
    yield
    seconds, after = time.monotonic() - started, count_busy([])
    if before and after and seconds >= least:
        others.add(before, after, seconds)
    if others.cores is not None and others.cores > CROWDED * cores:
        warn(
            f"Other processes keep {others.cores:.1f} of {cores} cores busy: figures may be marked, and none chosen by."
        )


def _has_spread(ranking: Ranking, row: ModeResult) -> bool:
    timing = ranking.timing(row)
    return timing is not None and len(timing.rounds) >= ROUNDS


def _doubt(ranking: Ranking, row: ModeResult, device: str, cores: int) -> Doubt | None:
    ratio, share = ranking.ratio(row), ranking.share(row)
    if row.others is not None and row.others > CROWDED * cores:
        return Doubt(
            f"other processes kept {row.others:.1f} of {cores} busy while {row.name} was measured",
            f"other processes kept more than {CROWDED * cores:.1f} of {cores} cores busy while it was measured",
        )
    if device == "cpu" and share and share.median > POSSIBLE:
        return Doubt(
            f"{row.name} would compute at {100 * share.median:.0f} % of its matrix product's rate",
            f"more than {100 * POSSIBLE:.0f} % of its matrix product's rate",
        )
    if device == "cpu" and ratio and ratio.median > FASTEST:
        return Doubt(
            f"{row.name} was {ratio.median:.1f} times its framework's own zoo",
            f"more than {FASTEST:.0f} times its framework's own zoo",
        )
    if ratio and ratio.most > STEADY * ratio.least:
        return Doubt(
            f"{row.name} was {ratio.least:.2f} to {ratio.most:.2f} times its framework's own zoo from round to round",
            f"its ratio to the zoo varied by more than {STEADY:.0f} times from round to round",
        )
    return None


def _sentence(reason: str) -> str:
    return f"The cores were busy, so that nothing can be chosen: {reason}; measure again when they are free."
