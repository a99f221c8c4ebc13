"""Findings on a fault that was diagnosed: whether the diagnosis names it, at its place, and what else it says."""

from dataclasses import dataclass
from typing import Literal, Self

from isomorph.conformance.faults.causes import CAUSES, place_in
from isomorph.conformance.faults.fault import Fault
from isomorph.conformance.likeness.diagnosis import Diagnosis
from isomorph.conformance.likeness.finding import Cause

Outcome = Literal[
    "named",
    "named +",
    "elsewhere",
    "missed",
    "harmless",
    "false alarm",
    "not run",
    "no surgery",
    "no tracing",
    "unfit",
    "error",
]
"""The outcome of diagnosing a native object in which a fault is planted.

named: all causes that name it are said, the first of them at its place, and no others. named +: and others, too.
elsewhere: causes are said, but not so, or the whole is taken for another network. missed: no cause is said.
harmless: the fault changes nothing, and nothing is said. false alarm: it changes nothing, and something is said.
not run: it is in an auxiliary head that the native object does not run at inference, and nothing is said.
no surgery: it cannot be planted in this backend. no tracing: this backend cannot trace its native objects.
unfit: something is said of the network without the fault, too.
error: the backend crashed, hung or ran out of memory, or the diagnosis ended in an error of its own.
"""

NAMED: tuple[Outcome, ...] = ("named", "named +")
NOT_PLANTED: tuple[Outcome, ...] = ("no surgery", "no tracing")
NOTHING_TO_NAME: tuple[Outcome, ...] = ("harmless", "false alarm", "not run", *NOT_PLANTED)


@dataclass(frozen=True)
class SaidCause:
    """A cause that a diagnosis names.

    cause: in a word or two. place: the first, in the order of the network. places: how many there are.
    says: what is different at the first.
    """

    cause: str
    place: str
    places: int
    says: str

    @classmethod
    def of(cls, cause: Cause) -> Self:
        """Return what is said of a cause."""
        return cls(cause.first.cause, cause.first.place, len(cause.findings), cause.first.says)


@dataclass(frozen=True)
class DiagnosedFault:
    """The finding on a fault in a backend.

    place: where it shows there: a fault in an auxiliary head that is not run may have another place behind it, or none.
    causes: all that the diagnosis names, in the order of the network.
    proved: whether the two networks agree with all causes applied; None where that cannot be evaluated.
    message: why it is not as it should be.
    """

    fault: str
    place: str | None
    outcome: Outcome
    causes: tuple[SaidCause, ...] = ()
    proved: bool | None = None
    message: str = ""


def words_of(diagnosis: Diagnosis) -> str:
    """Return all that a diagnosis says, as one line; empty where it says nothing."""
    if diagnosis.is_another:
        return f"another network: {diagnosis.matched} of {diagnosis.layers} layers have a counterpart"
    if not diagnosis.causes and diagnosis.first_divergence:
        return f"{diagnosis.first_divergence[0]} differs, and nothing says why"
    return "; ".join(map(str, diagnosis.causes))


def judge(fault: Fault, diagnosis: Diagnosis, heads: frozenset[str]) -> DiagnosedFault:
    """Judge the diagnosis of a native object with the fault.

    heads: scopes of the auxiliary heads that the native object runs.
    """
    place = place_in(fault, heads)
    outcome = _outcome(fault, place, diagnosis)
    message = "" if outcome == "named" else words_of(diagnosis)
    return DiagnosedFault(
        fault.name, place, outcome, tuple(map(SaidCause.of, diagnosis.causes)), diagnosis.proved, message
    )


def _outcome(fault: Fault, place: str | None, diagnosis: Diagnosis) -> Outcome:
    if place is None:
        silent: Outcome = "harmless" if fault.place is None else "not run"
        return "false alarm" if words_of(diagnosis) else silent
    if diagnosis.is_another:
        return "elsewhere"
    if not diagnosis.causes:
        return "missed"
    first_places = {cause.first.cause: cause.first.place for cause in diagnosis.causes}
    expected = CAUSES[fault.name]
    if not {*expected} <= first_places.keys() or first_places[expected[0]] != place:
        return "elsewhere"
    return "named +" if first_places.keys() - {*expected} else "named"
