"""Whether what was measured can be: figures that no processor gives are other processes' work, and make no advice."""

from isomorph.tools.benching.ranking import Ranking
from isomorph.tools.benching.results import ZOO, ModeResult

ROUNDS = 3
"""Fewer have no spread from which anything could be told."""

CROWDED = 0.5
"""Of the cores: other processes that kept more of them busy had as much of the machine as what was measured."""

POSSIBLE = 1.25
"""Of the fastest round of the matrix product, as large as it is some four fifths of a processor's peak or more.

On a GPU nothing is held to it: there convolutions may multiply less than they count (Lavin and Gray, 2016).
"""

STEADY = 4.0
"""Times by which a ratio to the zoo's network may vary from round to round, in which both stand side by side."""


def why_implausible(ranking: Ranking, device: str, others: float | None, cores: int) -> str | None:
    """Why nothing can be chosen by these figures, in one sentence; None where they can be.

    others: cores that other processes kept busy meanwhile, of `cores`; None where the system does not say.
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
