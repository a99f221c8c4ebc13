"""The results of a bench: plain data, from which the report is made."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["measured", "wrong answers", "unavailable", "error", "interrupted"]
Work = Literal["inference", "training"]
Turns = Literal["all", "backend", "none"]
"""Which processes took turns with one another: all of them, those of each backend, or none, as memory allows."""

ZOO = "zoo"
"""The name of the mode that runs a framework's own zoo."""


@dataclass(frozen=True)
class Spread:
    """The median, smallest and largest of several rounds' values."""

    median: float
    least: float
    most: float


def spread(values: list[float]) -> Spread:
    """Return the spread of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Timing:
    """The timing of one piece of work in one mode.

    batch: images in a call.
    rounds: seconds of one call, the median of each round's turn; all modes took their turns alternately.
    calls: how many calls were timed. p50, p95: seconds that half of them, and 95 percent of them, took at most.
    memory: peak bytes of the process after this batch and all smaller ones.
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
    """Return the median of each round's turn."""
    return tuple(statistics.median(turn) for turn in turns)


def make_timing(work: Work, batch: int, turns: list[list[float]], memory: int | None = None) -> Timing:
    """Return the timing from the seconds of every call in every round's turn."""
    calls = sorted(second for turn in turns for second in turn)
    p95 = calls[-(-95 * len(calls) // 100) - 1]  # the 95th percentile, not interpolated
    return Timing(work, batch, median_rounds(turns), len(calls), statistics.median(calls), p95, memory)


@dataclass(frozen=True)
class ModeResult:
    """The result of one mode of a backend, of its framework's own zoo (mode "zoo"), or of the whole backend (mode "").

    message: why figures are missing.
    lines: what a user writes to get it.
    options: of `build`, as the backend resolved them.
    precision: in which it computes. noise_ratio: the error of its answer in that precision's noise floors.
    macs: multiply-accumulates for one image; other than the others' where the zoo's network is another design.
    import_seconds: of the framework. first_call: seconds of the first answer, with compilation.
    memory, training_memory: peak bytes of its process while it answered, and while it was trained.
    disk: bytes of the framework's own file of it. threads: with which the framework computes.
    others: how many cores other processes kept busy during its turns; None where the system does not say.
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
    others: float | None = None

    @property
    def name(self) -> str:
        """The backend and the mode: `keras xla-folded`; `keras` for the whole backend."""
        return f"{self.backend} {self.mode}".rstrip()

    def timing(self, work: Work, batch: int) -> Timing | None:
        """Return the timing of a piece of work; None if it was not measured."""
        return next((each for each in self.timings if (each.work, each.batch) == (work, batch)), None)


@dataclass(frozen=True)
class Limit:
    """The timing of a framework's own matrix product, the limit of what it can reach.

    form: the name of its fastest call. size: both matrices are `size` x `size`.
    rounds: seconds of one product, as in Timing.
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
