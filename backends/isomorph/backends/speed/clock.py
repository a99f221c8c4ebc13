"""How long a piece of work takes: warm-up until it is stable, and turns of timed calls."""

import math
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

Work = Callable[[], object]
"""One call of what is measured; it returns when its result is there."""

BEST = 0.05
"""Warm-up ends once a call is no longer this much faster than the best of those before it, ..."""

IN_A_ROW = 2
"""... so many times in a row; noise of other processes only adds to a call, so that a best is a best."""

MOST_CALLS, LEAST_CALLS = 20, 3
"""Calls of warm-up at most, and however long they take."""

LONGEST = 10.0
"""Seconds of warm-up, the first call aside, behind which there are no more calls than that."""

TURN = 0.25
"""Seconds of timed calls in a turn, at least one call."""

SHORT = 0.1
"""Work that takes fewer seconds is called once more at the start of a turn, untimed: other processes had the caches."""


def seconds_of(work: Work) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def warm_up(work: Work) -> list[float]:
    """Seconds of every call until it is stable; the first one compiles."""
    taken: list[float] = []
    best, stale = math.inf, 0
    while len(taken) < LEAST_CALLS or (stale < IN_A_ROW and len(taken) < MOST_CALLS and sum(taken[1:]) < LONGEST):
        taken.append(seconds_of(work))
        stale = stale + 1 if taken[-1] > (1 - BEST) * best else 0
        best = min(best, taken[-1])
    return taken


def take_turn(work: Work, expected: float, turn: float = TURN) -> list[float]:
    """Seconds of each timed call of a turn of `turn` seconds; `expected` are those of a call so far."""
    if expected < SHORT:
        work()
    taken = [seconds_of(work)]
    spent = taken[0]
    while spent + taken[-1] < turn:
        taken.append(seconds_of(work))
        spent += taken[-1]
    return taken


def reset_peak() -> None:
    """Forget the most memory that this process has had, where the system lets it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """The most bytes of memory that this process has had at a time since `reset_peak`."""
    try:
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])
    except (OSError, IndexError):
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
