"""How sure it is which tensor of a file is which of a network, where shapes told it, and what has to be said then."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from isomorph.spec import BadInput
from isomorph.tools.remark import Remark
from isomorph.tools.weights.interpretations import Interpretation

Mark = Literal["sure", "by name", "by order", "by map"]
"""How it is told which tensor is which: by shape, by numbers in names, by the order of the file alone, or by a map."""

MARKS: dict[Mark, str] = {
    "sure": "surely",
    "by name": "by numbers in their names",
    "by order": "by the order of the file",
    "by map": "by the map",
}
"""Each in words."""


class ToldByStructure(Remark):
    """A file's network was told by the shapes of its tensors."""


class SeveralFunctions(BadInput):
    """The shapes of a file's tensors fit several functions: `likely`, the likeliest first."""

    def __init__(self, message: str, likely: list[Interpretation]) -> None:
        super().__init__(message)
        self.likely = likely


class FitsNone(BadInput):
    """The tensors of a file are those of no network here, by their names or by their shapes."""


def in_words(marks: Iterable[str]) -> str:
    """Return how sure it is which tensor is which.

    >>> from isomorph.tools.weights.told import in_words
    >>> in_words(["sure", "by name", "sure"])
    '2 surely, 1 by numbers in their names'
    """
    counted = Counter(marks)
    return ", ".join(f"{counted[mark]:,} {words}" for mark, words in MARKS.items() if counted[mark])
