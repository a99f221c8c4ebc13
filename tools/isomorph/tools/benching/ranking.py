"""Rank modes by one goal: its figures, their ratios to the zoo's own network, and their shares of the limit."""

import statistics
from collections.abc import Sequence
from typing import Literal

from isomorph.tools.benching.results import ZOO, Limit, ModeResult, Spread, Timing, spread

Goal = Literal["latency", "throughput", "training", "memory"]
GOALS: tuple[Goal, ...] = ("latency", "throughput", "training", "memory")

PASSES = 3
"""Forward passes to which a training step is equal: one forward, and two products in each layer backward."""


def short(value: float) -> str:
    """Return a number with three digits, or all before the point.

    >>> from isomorph.tools.benching.ranking import short
    >>> [short(value) for value in (0.01234, 12.34, 1234.5)]
    ['0.0123', '12.3', '1234']
    """
    return f"{value:.0f}" if value >= 99.95 else f"{value:#.3g}"  # which writes 99.96 as "100."


class Ranking:
    """Results ranked by one goal; those that were not measured, or are wrong, are left out.

    latency: milliseconds for one image, the median of each round. throughput: images per second at the batch at which a
    mode is fastest. training: images per second. memory: peak GiB of the process while it answers.
    ranked: result and figure, best first.
    """

    def __init__(self, rows: Sequence[ModeResult], limits: Sequence[Limit], goal: Goal) -> None:
        self.rows = rows
        self.limits = {(limit.backend, limit.precision): limit for limit in limits}
        self.goal = goal
        figures = [(row, figure) for row in rows if row.status == "measured" and (figure := self.figure(row))]
        more_is_better = goal in ("throughput", "training")
        self.ranked = sorted(figures, key=lambda pair: -pair[1].median if more_is_better else pair[1].median)

    @property
    def meaning(self) -> str:
        """The meaning of the figures, in words."""
        return {
            "latency": "one image at a time",
            "throughput": "at each mode's fastest batch",
            "training": "steps of SGD with momentum",
            "memory": "the most that the process had while it answered",
        }[self.goal]

    def timing(self, row: ModeResult) -> Timing | None:
        """Return the timing by which the goal ranks a result."""
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
        """Return a result's figure in the goal's unit."""
        if self.goal == "memory":
            return spread([row.memory / 2**30]) if row.memory else None
        timing = self.timing(row)
        if timing is None:
            return None
        return spread([1000 * each for each in timing.rounds] if self.goal == "latency" else timing.rates)

    def ratio(self, row: ModeResult) -> Spread | None:
        """Return the speed relative to the zoo's own network in its framework, round by round; of memory the share.

        If the zoo's network is another design, multiply-accumulates per second are compared.
        """
        baseline = next((each for each in self.rows if (each.backend, each.mode) == (row.backend, ZOO)), None)
        if baseline is None or baseline.status != "measured":
            return None
        if self.goal == "memory":
            return spread([row.memory / baseline.memory]) if row.memory and baseline.memory else None
        timing, baseline_timing = self.timing(row), self.timing(baseline)
        if timing is None or baseline_timing is None:
            return None
        work = timing.batch * row.macs / (baseline_timing.batch * baseline.macs)
        pairs = zip(timing.rounds, baseline_timing.rounds, strict=False)  # interrupted, one may have a round more
        return spread([work * baseline_seconds / seconds for seconds, baseline_seconds in pairs])

    def share(self, row: ModeResult) -> Spread | None:
        """Return the floating-point operations per second as a share of the matrix product's, round by round."""
        limit, timing = self.limits.get((row.backend, row.precision)), self.timing(row)
        if limit is None or timing is None:
            return None
        passes = PASSES if timing.work == "training" else 1
        operations = 2 * row.macs * timing.batch * passes
        pairs = zip(timing.rounds, limit.rates, strict=False)
        return spread([operations / seconds / most for seconds, most in pairs])
