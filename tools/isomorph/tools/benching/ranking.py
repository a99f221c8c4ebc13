"""Which mode is best for what: figures of one goal, their ratios to the zoo's own, and their shares of the limit."""

import statistics
from collections.abc import Sequence
from typing import Literal

from isomorph.tools.benching.results import ZOO, Limit, ModeResult, Spread, Timing, spread

Goal = Literal["latency", "throughput", "training", "memory"]
GOALS: tuple[Goal, ...] = ("latency", "throughput", "training", "memory")

PASSES = 3
"""Of the network that a training step counts as: one forward, and two products in each layer on the way back."""


def short(value: float) -> str:
    """In three digits, or in all of those before the point: 0.0123, 12.3, 1234."""
    return f"{value:.0f}" if value >= 99.95 else f"{value:#.3g}"  # which writes 99.96 as "100."


class Ranking:
    """Rows by one goal. Those that were not measured, or that answer wrongly, are left out.

    latency: milliseconds of one image, the median of each round. throughput: images per second at the batch at which a
    mode is fastest. training: images per second. memory: GiB of the process while it answers.
    """

    def __init__(self, rows: Sequence[ModeResult], limits: Sequence[Limit], goal: Goal) -> None:
        self.rows = rows
        self.limits = {(limit.backend, limit.precision): limit for limit in limits}
        self.goal = goal
        found = [(row, figure) for row in rows if row.status == "measured" and (figure := self.figure(row))]
        upward = goal in ("throughput", "training")
        self.ranked = sorted(found, key=lambda each: -each[1].median if upward else each[1].median)

    @property
    def meaning(self) -> str:
        """What the figures are."""
        return {
            "latency": "one image at a time",
            "throughput": "at each mode's fastest batch",
            "training": "steps of SGD with momentum",
            "memory": "the most that the process had while it answered",
        }[self.goal]

    def timing(self, row: ModeResult) -> Timing | None:
        """The piece of work by which the goal ranks a row."""
        inference = [timing for timing in row.timings if timing.work == "inference"]
        match self.goal:
            case "latency":
                return next((timing for timing in inference if timing.batch == 1), None)
            case "training":
                return next((timing for timing in row.timings if timing.work == "training"), None)
            case "throughput":
                return max(inference, key=lambda timing: statistics.median(timing.rates), default=None)
            case "memory":
                return None

    def figure(self, row: ModeResult) -> Spread | None:
        """The row's, in the goal's unit."""
        if self.goal == "memory":
            return spread([row.memory / 2**30]) if row.memory else None
        timing = self.timing(row)
        if timing is None:
            return None
        return spread([1000 * each for each in timing.rounds] if self.goal == "latency" else timing.rates)

    def ratio(self, row: ModeResult) -> Spread | None:
        """How many times as fast as the zoo's own network in the same framework, round by round; of memory, the share.

        Where the zoo's is another design, it is multiply-accumulates that are compared.
        """
        own = next((each for each in self.rows if (each.backend, each.mode) == (row.backend, ZOO)), None)
        if own is None or own.status != "measured":
            return None
        if self.goal == "memory":
            return spread([row.memory / own.memory]) if row.memory and own.memory else None
        ours, theirs = self.timing(row), self.timing(own)
        if ours is None or theirs is None:
            return None
        work = ours.batch * row.macs / (theirs.batch * own.macs)
        pairs = zip(ours.rounds, theirs.rounds, strict=False)  # interrupted, one may have a round more
        return spread([work * other / mine for mine, other in pairs])

    def share(self, row: ModeResult) -> Spread | None:
        """The network's floating-point operations per second as a share of the matrix product's, round by round."""
        limit, rates = self.limits.get((row.backend, row.precision)), self._operations(row)
        if limit is None or not rates:
            return None
        return spread([rate / most for rate, most in zip(rates, limit.rates, strict=False)])

    def share_of_fastest(self, row: ModeResult) -> float | None:
        """The median of the same operations per second as a share of the matrix product's fastest round."""
        limit, rates = self.limits.get((row.backend, row.precision)), self._operations(row)
        return statistics.median(rates) / max(limit.rates) if limit and rates else None

    def _operations(self, row: ModeResult) -> list[float]:
        """The network's floating-point operations per second, round by round; none where it was not timed."""
        timing = self.timing(row)
        if timing is None:
            return []
        passes = PASSES if timing.work == "training" else 1
        return [2 * row.macs * timing.batch * passes / seconds for seconds in timing.rounds]
