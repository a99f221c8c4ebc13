"""What came of one fault in one backend: which tiers caught it, and at which end point."""

from dataclasses import dataclass, field
from typing import Literal

TIERS = ("structure", "lattice", "float64", "float32")

Outcome = Literal[
    "caught", "elsewhere", "missed", "undecided", "harmless", "false alarm", "no surgery", "unfit", "error"
]
"""What came of a fault.

caught: by one tier or more, each of which names its place. elsewhere: a tier names another place. missed: by all tiers.
undecided: by all that were run, and one was not: some backends have no float64.
harmless: there is none here, and no tier saw one. false alarm: there is none here, and a tier saw one.
no surgery: it cannot be planted in this backend. unfit: the network does not pass without it, either.
error: the backend crashed, hung or ran out of memory.
"""

GOOD: tuple[Outcome, ...] = ("caught", "harmless", "no surgery")
OPEN: tuple[Outcome, ...] = ("undecided", "error")


@dataclass(frozen=True)
class TierFinding:
    """What one tier said.

    caught: None where it was not run, and the message says why.
    first: the first end point, in network order, that differs.
    born: whether the error is born there, on the oracle's own input, too; None where that was not asked.
    """

    tier: str
    caught: bool | None
    first: str | None = None
    born: bool | None = None
    message: str = ""

    def names(self, place: str | None) -> bool:
        """Whether it says that the error is born at `place`."""
        return self.first == place and self.born is not False


@dataclass(frozen=True)
class Finding:
    """What came of a fault in a backend; message says why there is nothing to tell."""

    fault: str
    place: str | None
    outcome: Outcome
    tiers: tuple[TierFinding, ...] = field(default=())
    message: str = ""


def decide(fault: str, place: str | None, tiers: tuple[TierFinding, ...]) -> Finding:
    """What the tiers' findings come to, of a fault that was planted at `place`, or of one that is none there."""
    caught = [tier for tier in tiers if tier.caught]
    outcome: Outcome
    if place is None:
        outcome = "false alarm" if caught else "harmless"
    elif not caught:
        outcome = "missed" if all(tier.caught is False for tier in tiers) else "undecided"
    else:
        outcome = "caught" if all(tier.names(place) for tier in caught) else "elsewhere"
    return Finding(fault, place, outcome, tiers)
