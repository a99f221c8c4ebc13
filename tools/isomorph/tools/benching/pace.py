"""Estimate how long a bench will still take, from what it says of its progress."""

import re
import statistics
import time
from collections.abc import Callable

TURN = re.compile(r", round \d+ of (\d+)$")
"""The end of a step's description that is one of several turns, see `Rounds`; other steps prepare for them."""


class Pace:
    """The seconds that steps took so far, those of preparing apart from turns, which are much shorter.

    >>> from isomorph.tools.benching.pace import Pace
    >>> clock = iter([0.0, 10.0, 10.0, 12.0]).__next__
    >>> pace = Pace(clock)
    >>> for done, what in [(0, "preparing a"), (1, "preparing a"), (1, "measuring a, round 1 of 3"),
    ...                    (2, "measuring a, round 1 of 3")]:
    ...     pace(done, 8, what)
    >>> pace.seconds_left  # b is still to be prepared, and there are five turns
    20.0

    clock: seconds, from any start.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._planned = self._done = self._turns_each = 0
        self._what = ""
        self._since = 0.0
        self._preparations: list[float] = []
        self._turns: list[float] = []

    def __call__(self, done: int, planned: int, what: str) -> None:
        """Note the begin of a step, or its end, when one more is done: what `bench` tells its `progress`."""
        now = self._clock()
        if planned != self._planned:  # other work, such as a scaling study after the rounds
            self._planned = planned
            self._preparations.clear()
            self._turns.clear()
        turn = TURN.search(what)
        if turn:
            self._turns_each = int(turn[1])
        if what == self._what and done > self._done:
            (self._turns if turn else self._preparations).append(now - self._since)
        self._done, self._what, self._since = done, what, now

    @property
    def seconds_left(self) -> float | None:
        """About how many seconds are left; None until there was a turn."""
        if not self._turns:
            return None
        steps = 1 + self._turns_each  # of each network: one that prepares, then its turns
        left = self._planned - self._done
        # A scaling study leaves out the steps of networks that are not there, among them preparations.
        to_prepare = min(max(0.0, self._planned / steps - len(self._preparations)), left / steps)
        preparing = statistics.mean(self._preparations) if self._preparations else 0.0
        return to_prepare * preparing + (left - to_prepare) * statistics.mean(self._turns)


def in_words(seconds: float | None) -> str:
    """Return about how long it still takes, in words; nothing where that is not known.

    >>> from isomorph.tools.benching.pace import in_words
    >>> in_words(430.0), in_words(42.0), in_words(None)
    ('7 min left', '40 s left', '')
    """
    if seconds is None:
        return ""
    return f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{10 * max(1, round(seconds / 10))} s left"
