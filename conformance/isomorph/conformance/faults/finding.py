"""Findings on a fault in a backend: which tiers caught it, and at which end point or tensor."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

INFERENCE = ("structure", "lattice", "float64", "float32")
TRAINING = ("gradients", "statistics", "steps")
TIERS = (*INFERENCE, *TRAINING)

Outcome = Literal[
    "caught",
    "elsewhere",
    "missed",
    "undecided",
    "harmless",
    "false alarm",
    "no surgery",
    "no training",
    "unfit",
    "error",
]
"""The outcome of planting a fault.

caught: one tier or more see a fault of inference, and each of them names its place; all tiers of training that a fault
of training changes see it, and name its place there, while no other tier sees anything.
elsewhere: a tier sees it, but not so. missed: no tier sees it.
undecided: no tier sees it, and one was not run: some backends have no float64.
harmless: the fault changes nothing, and no tier sees one. false alarm: it changes nothing, and a tier sees one.
no surgery: it cannot be planted in this backend. no training: this backend cannot be trained; no other tier sees it.
unfit: the network does not pass without the fault, either.
error: the backend crashed, hung or ran out of memory.
"""

NOT_PLANTED: tuple[Outcome, ...] = ("no surgery", "no training")
GOOD: tuple[Outcome, ...] = ("caught", "harmless", *NOT_PLANTED)
OPEN: tuple[Outcome, ...] = ("undecided", "error")


@dataclass(frozen=True)
class TierFinding:
    """One tier's finding.

    caught: whether it sees the fault; None where it was not run, and the message says why.
    first: the first end point, in network order, that differs; of training the first tensor, in the tier's own order.
    born: whether the error arises there, on the oracle's own input, too; None where that was not tested.
    """

    tier: str
    caught: bool | None
    first: str | None = None
    born: bool | None = None
    message: str = ""

    def names(self, place: str | None) -> bool:
        """Return whether the tier finds that the error arises at `place`."""
        return self.first == place and self.born is not False


@dataclass(frozen=True)
class Finding:
    """All tiers' findings on a fault in a backend; the message says why there are none."""

    fault: str
    place: str | None
    outcome: Outcome
    tiers: tuple[TierFinding, ...] = field(default=())
    message: str = ""


def decide(
    fault: str, place: str | None, tiers: tuple[TierFinding, ...], learned: Mapping[str, str] | None = None
) -> Finding:
    """Combine the tiers' findings.

    place, learned: as of a `Fault`.
    """
    outcome = _of_training(tiers, learned) if learned else _of_inference(tiers, place)
    return Finding(fault, place, outcome, tiers)


def _of_inference(tiers: tuple[TierFinding, ...], place: str | None) -> Outcome:
    caught = [tier for tier in tiers if tier.caught]
    if place is None:
        return "false alarm" if caught else "harmless"
    if not caught:
        return _unseen(tiers)
    return "caught" if all(tier.names(place) for tier in caught) else "elsewhere"


def _of_training(tiers: tuple[TierFinding, ...], learned: Mapping[str, str]) -> Outcome:
    """Decide on a fault of training. A tier that should see it and was not run does not count against it."""
    if not any(tier.caught for tier in tiers):
        of_training = [tier.caught for tier in tiers if tier.tier in TRAINING]
        return "no training" if all(caught is None for caught in of_training) else _unseen(tiers)
    first_places = {tier.tier: tier.first if tier.caught else None for tier in tiers if tier.caught is not None}
    return "caught" if all(first == learned.get(tier) for tier, first in first_places.items()) else "elsewhere"


def _unseen(tiers: tuple[TierFinding, ...]) -> Outcome:
    return "missed" if all(tier.caught is False for tier in tiers) else "undecided"
