"""A hypothesis: some nodes of a specification computed otherwise, and how that is called."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from isomorph.backends.array_forms import Array

Computation = Callable[[Sequence[Array]], Array]
"""What a node reads -> what it gives."""


@dataclass(frozen=True)
class Hypothesis:
    """One mistake.

    cause, place, says, field, value: as in a `Finding`.
    computed: number of a node -> what it computes instead.
    reads: number of a node -> the nodes that it reads instead, in order.
    """

    cause: str
    place: str
    says: str
    computed: Mapping[int, Computation] = field(default_factory=dict)
    reads: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    field: str | None = None
    value: Any = None

    @property
    def touched(self) -> set[int]:
        """The nodes that are computed otherwise."""
        return {*self.computed, *self.reads}
