"""What was measured: plain data, from which the report is made."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["measured", "wrong answers", "unavailable", "error", "interrupted"]
Work = Literal["inference", "training"]
Turns = Literal["all", "backend", "none"]
"""Who took turns with whom: all with all, each backend's own among themselves, or nobody, as memory allows."""

ZOO = "zoo"
"""The mode of a framework's own zoo."""


@dataclass(frozen=True)
class Spread:
    """The median of several rounds, and the smallest and largest of them."""

    median: float
    least: float
    most: float


def spread(values: list[float]) -> Spread:
    """That of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Timing:
    """One piece of work of one mode.

    batch: images in a call.
    rounds: seconds of one call, the median of each round's turn; the rounds of all modes were taken in turns.
    calls: how many calls were timed. p50, p95: seconds that half of them, and 95 percent of them, took at most.
    memory: the most bytes that the process had had at a time once it had answered this batch and all smaller ones.
    """

    work: Work
    batch: int
    rounds: tuple[float, ...]
    calls: int
    p50: float
    p95: float
    memory: int | None = None

    @property
    def rates(self) -> list[float]:
        """Images per second, round by round."""
        return [self.batch / seconds for seconds in self.rounds]


def median_rounds(turns: list[list[float]]) -> tuple[float, ...]:
    """The median of each round's turn."""
    return tuple(statistics.median(turn) for turn in turns)


def make_timing(work: Work, batch: int, turns: list[list[float]], memory: int | None = None) -> Timing:
    """From the seconds of every call of every round's turn."""
    calls = sorted(second for turn in turns for second in turn)
    p95 = calls[-(-95 * len(calls) // 100) - 1]  # the least that so many took at most
    return Timing(work, batch, median_rounds(turns), len(calls), statistics.median(calls), p95, memory)


@dataclass(frozen=True)
class ModeResult:
    """One mode of one backend, the network of its framework's own zoo (mode "zoo"), or all of a backend (mode "").

    message: why there are no figures, or not all.
    lines: what a user writes to get it.
    options: of `build`, as they came to there.
    precision: what it computes in. noise_ratio: the error of its answer in that precision's noise floors.
    macs: multiply-accumulates of one image; less or more than the others' where the zoo's network is another design.
    import_seconds: of the framework. first_call: seconds of the first answer, compilation included.
    memory, training_memory: the most bytes its process had while it answered, and while it was trained.
    disk: bytes of the framework's own file of it. threads: those that the framework computes with.
    """

    backend: str
    mode: str
    status: Status
    message: str = ""
    version: str | None = None
    lines: str = field(default="", repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    precision: str = "float32"
    noise_ratio: float | None = None
    macs: int = 0
    import_seconds: float | None = None
    first_call: float | None = None
    memory: int | None = None
    training_memory: int | None = None
    disk: int | None = None
    threads: int | None = None
    timings: tuple[Timing, ...] = ()

    @property
    def name(self) -> str:
        """`keras xla-folded`; `keras`, where none of it could be measured."""
        return f"{self.backend} {self.mode}".rstrip()

    def timing(self, work: Work, batch: int) -> Timing | None:
        """That of a piece of work, if it was measured."""
        return next((each for each in self.timings if (each.work, each.batch) == (work, batch)), None)


@dataclass(frozen=True)
class Limit:
    """A framework's own matrix product.

    form: what its fastest one is called. size: of both matrices, `size` x `size`.
    rounds: seconds of one product, as a Timing's.
    """

    backend: str
    precision: str
    form: str
    size: int
    rounds: tuple[float, ...]

    @property
    def rates(self) -> list[float]:
        """Floating-point operations per second, round by round."""
        return [2 * self.size**3 / seconds for seconds in self.rounds]
