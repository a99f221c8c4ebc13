"""What came of one fault in one backend: which tiers caught it, and at which end point or tensor."""

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
"""What came of a fault.

caught: a fault of inference by one tier or more, each of which names its place; one of training by every tier of
training that it changes something in, each of which names its place there, while no other tier sees anything.
elsewhere: it was seen otherwise. missed: by all tiers.
undecided: by all that were run, and one was not: some backends have no float64.
harmless: there is none here, and no tier saw one. false alarm: there is none here, and a tier saw one.
no surgery: it cannot be planted in this backend. no training: this backend cannot be trained, and nothing else sees it.
unfit: the network does not pass without it, either.
error: the backend crashed, hung or ran out of memory.
"""

NOT_PLANTED: tuple[Outcome, ...] = ("no surgery", "no training")
GOOD: tuple[Outcome, ...] = ("caught", "harmless", *NOT_PLANTED)
OPEN: tuple[Outcome, ...] = ("undecided", "error")


@dataclass(frozen=True)
class TierFinding:
    """What one tier said.

    caught: None where it was not run, and the message says why.
    first: the first end point, in network order, that differs; of training the first tensor, in the tier's own order.
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


def decide(
    fault: str, place: str | None, tiers: tuple[TierFinding, ...], learned: Mapping[str, str] | None = None
) -> Finding:
    """What the tiers' findings come to.

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
    """A tier that should see it and was not run says nothing against it."""
    if not any(tier.caught for tier in tiers):
        asked = [tier.caught for tier in tiers if tier.tier in TRAINING]
        return "no training" if all(caught is None for caught in asked) else _unseen(tiers)
    told = {tier.tier: tier.first if tier.caught else None for tier in tiers if tier.caught is not None}
    return "caught" if all(first == learned.get(tier) for tier, first in told.items()) else "elsewhere"


def _unseen(tiers: tuple[TierFinding, ...]) -> Outcome:
    return "missed" if all(tier.caught is False for tier in tiers) else "undecided"
