"""Findings: what differs, where, and the proof that this is it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One difference, at one node.

    cause: in a word or two, "stride": the same for all places with the same mistake.
    place: the end point, or the module of the first model.
    says: the difference, as the end of a sentence that begins with the place.
    theirs: the module of the second model.
    field: of a Convention, that says so; None where there is none.
    value: what the second model has.
    proof: how far the node is from theirs with all that was found at it applied; None where it cannot be evaluated.
    """

    cause: str
    place: str
    says: str
    theirs: str = ""
    field: str | None = None
    value: Any = None
    proof: float | None = None


@dataclass
class Cause:
    """Findings of one cause, in the order of the network.

    >>> from isomorph.conformance.likeness.finding import Finding
    >>> print(Cause([Finding("stride", "block2/unit_1", "strides by 2 for 1", "conv3")] * 2))
    stride: block2/unit_1 strides by 2 for 1, in 2 places (theirs: conv3, ...)
    """

    findings: list[Finding] = field(default_factory=list)

    @property
    def first(self) -> Finding:
        """The first of them."""
        return self.findings[0]

    def __str__(self) -> str:
        count = len(self.findings)
        places = f", in {count} places" if count > 1 else ""
        theirs = f" (theirs: {self.first.theirs}{', ...' if count > 1 else ''})" if self.first.theirs else ""
        return f"{self.first.cause}: {self.first.place} {self.first.says}{places}{theirs}"


def group(findings: list[Finding]) -> list[Cause]:
    """Return findings of the same cause together, in the order of the first of each."""
    causes: dict[str, Cause] = {}
    for finding in findings:
        causes.setdefault(finding.cause, Cause()).findings.append(finding)
    return list(causes.values())
