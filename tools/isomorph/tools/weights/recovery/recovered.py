"""A network that was recovered from the shapes of a file, and whence the rest of it is."""

from dataclasses import dataclass

from isomorph.spec import Architecture


@dataclass(frozen=True)
class Recovered:
    """A network that was recovered from shapes.

    architecture: the network; what no file tells is taken from `nearest`, a known one.
    others: the names of other grammars that the same layers fit.
    """

    architecture: Architecture
    nearest: Architecture
    others: tuple[str, ...] = ()
