"""Check whether figures are plausible: impossible ones come from other processes' work, and give no advice."""

from isomorph.tools.benching.ranking import Ranking
from isomorph.tools.benching.results import ZOO, ModeResult

ROUNDS = 3
"""The fewest rounds whose spread tells anything."""

CROWDED = 0.5
"""The share of the cores that other processes may keep busy; with more they have as much as what is measured."""

POSSIBLE = 1.25
"""The largest possible multiple of the matrix product's fastest rate, itself four fifths of a processor's peak or more.

It does not hold on a GPU, where convolutions may multiply less often than they count (Lavin and Gray, 2016).
"""

STEADY = 4.0
"""The factor by which a ratio to the zoo's network, measured in the same round, may vary from round to round."""


def why_implausible(ranking: Ranking, device: str, others: float | None, cores: int) -> str | None:
    """Return why these figures are no basis for a choice, in one sentence; None if they are.

    others: how many of the `cores` other processes kept busy meanwhile; None where the system does not say.
    """
    ours = [row for row, _ in ranking.ranked if row.mode != ZOO and _has_spread(ranking, row)]
    if not ours:
        return None
    if others is not None and others > CROWDED * cores:
        return _sentence(f"other processes kept {others:.1f} of {cores} busy")
    reasons = (_impossible(ranking, row) if device == "cpu" else None for row in ours)
    if reason := next(filter(None, reasons), None) or _unsteady(ranking, ours[0]):
        return _sentence(reason)
    return None


def _has_spread(ranking: Ranking, row: ModeResult) -> bool:
    timing = ranking.timing(row)
    return timing is not None and len(timing.rounds) >= ROUNDS


def _impossible(ranking: Ranking, row: ModeResult) -> str | None:
    share = ranking.share_of_fastest(row)
    if share is None or share <= POSSIBLE:
        return None
    return f"{row.name} would compute at {100 * share:.0f} % of the fastest round of its matrix product"


def _unsteady(ranking: Ranking, row: ModeResult) -> str | None:
    ratio = ranking.ratio(row)
    if ratio is None or ratio.most <= STEADY * ratio.least:
        return None
    return f"{row.name} was {ratio.least:.2f} to {ratio.most:.2f} times its framework's own zoo from round to round"


def _sentence(reason: str) -> str:
    return f"The cores were busy, so that nothing can be chosen: {reason}; measure again when they are free."
