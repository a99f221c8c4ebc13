"""What a fault that is planted in one of two models has to be told as."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """Where a fault is, and what says it: both are regular expressions, searched for in a place and in a sentence."""

    place: str
    says: str
