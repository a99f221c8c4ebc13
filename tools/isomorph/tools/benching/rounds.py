"""Run a bench: prepare all competitors, then let them take turns, round by round."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from isomorph.tools.benching.machine import Busy, Others, count_busy
from isomorph.tools.benching.results import ModeResult
from isomorph.tools.benching.runner import Runner
from isomorph.tools.benching.timed_process import TimedProcess

T = TypeVar("T", bound=TimedProcess)
Progress = Callable[[int, int, str], None]
"""Called with the number of steps that are done, the number of all steps, and the next step.

`Pace` tells turns from preparations by the end of a turn's description.
"""


class Rounds:
    """All rounds of a bench.

    turn_groups: competitors that take turns with one another; one group runs after the other. rounds: turns of each.
    training_batch: images in a training step; None leaves training out. turn: least seconds of a turn.
    """

    def __init__(
        self,
        turn_groups: Sequence[Sequence[TimedProcess]],
        rounds: int,
        training_batch: int | None,
        turn: float,
        progress: Progress,
    ) -> None:
        self.turn_groups = turn_groups
        self.competitors = [each for group in turn_groups for each in group]
        self.runners = [each for each in self.competitors if isinstance(each, Runner)]
        self.rounds = rounds
        self.turn = turn
        self.training_batch = training_batch
        self._progress = progress
        self._done = 0
        self._planned = len(self.competitors) * (1 + rounds)
        self._planned += len(self.runners) * (1 + rounds) if training_batch else 0
        self._others = Others()
        self._others_of: defaultdict[TimedProcess, Others] = defaultdict(Others)

    def run(self) -> None:
        """Run all rounds. Ctrl-C keeps what was measured; `close` has to be called after that, too."""
        for group in self.turn_groups:
            self._run(group)

    @property
    def others(self) -> float | None:
        """How many cores other processes kept busy during the turns; None where the system does not say."""
        return self._others.cores

    def rows(self) -> list[ModeResult]:
        """Return the results of all networks so far."""
        return [replace(runner.row(), others=self._others_of[runner].cores) for runner in self.runners]

    def close(self) -> None:
        """End all processes that are still running."""
        for competitor in self.competitors:
            competitor.close()

    def _run(self, group: Sequence[TimedProcess]) -> None:
        runners = [each for each in group if isinstance(each, Runner)]
        self._take_turns(
            "preparing", "measuring", group, lambda each: each.prepare(), lambda each: each.take_turn(self.turn)
        )
        for runner in runners:
            runner.finish_inference()
        for competitor in group:
            if competitor not in runners:
                competitor.close()
        if self.training_batch:
            prepare = partial(Runner.prepare_training, batch=self.training_batch)
            self._take_turns("preparing to train", "training", runners, prepare, lambda each: each.train(self.turn))
        for runner in runners:
            runner.finish_training()

    def _take_turns(
        self,
        preparing: str,
        doing: str,
        competitors: Sequence[T],
        prepare: Callable[[T], None],
        turn: Callable[[T], None],
    ) -> None:
        """Prepare all, each of which takes its first turn at once, so that ctrl-C keeps something; then go round."""
        for competitor in competitors:
            self._step(f"{preparing} {competitor.name}", partial(prepare, competitor))
            self._round(doing, [competitor], turn, 1)
        for number in range(2, self.rounds + 1):
            self._round(doing, competitors, turn, number)

    def _round(self, doing: str, competitors: Sequence[T], turn: Callable[[T], None], number: int) -> None:
        for competitor in competitors:
            description = f"{doing} {competitor.name}, round {number} of {self.rounds}"
            before, started, pids = self._busy(), time.monotonic(), self._pids()
            self._step(description, partial(turn, competitor))
            if self._pids() == pids:  # the time of a process that has ended is unknown
                self._watch(competitor, before, time.monotonic() - started)

    def _step(self, description: str, step: Callable[[], None]) -> None:
        self._progress(self._done, self._planned, description)
        step()
        self._done += 1
        self._progress(self._done, self._planned, description)

    def _pids(self) -> list[int]:
        return [each.pid for each in self.competitors if each.pid]

    def _busy(self) -> Busy | None:
        return count_busy(self._pids())

    def _watch(self, competitor: TimedProcess, before: Busy | None, seconds: float) -> None:
        """Add the processor time that other processes took in a competitor's turn."""
        after = self._busy()
        if before and after:
            for others in (self._others, self._others_of[competitor]):
                others.add(before, after, seconds)
