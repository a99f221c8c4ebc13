"""Time a piece of work: warm-up until it is stable, and turns of timed calls."""

import math
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

Work = Callable[[], object]
"""One call of the measured work; it returns when its result is complete."""

GAIN = 0.05
"""Warm-up ends when IN_A_ROW calls in a row are not faster than the best one so far by this share.

Noise of other processes only adds to a call's time, so that a best time is a reliable one."""

IN_A_ROW = 2

MOST_CALLS, LEAST_CALLS = 20, 3
"""The most and the fewest calls of warm-up."""

LONGEST = 10.0
"""Seconds of warm-up, without its first call, after which there are no more calls than LEAST_CALLS."""

TURN = 0.25
"""Seconds of timed calls in a turn, at least one call."""

SHORT = 0.1
"""Work that takes fewer seconds is called once untimed at the start of a turn: other processes have used the caches."""


def seconds_of(work: Work) -> float:
    """Return the wall time of one call, in seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def warm_up(work: Work) -> list[float]:
    """Call the work until its time is stable, and return the seconds of every call; the first one compiles."""
    seconds: list[float] = []
    best, stale = math.inf, 0
    while len(seconds) < LEAST_CALLS or (stale < IN_A_ROW and len(seconds) < MOST_CALLS and sum(seconds[1:]) < LONGEST):
        seconds.append(seconds_of(work))
        stale = stale + 1 if seconds[-1] > (1 - GAIN) * best else 0
        best = min(best, seconds[-1])
    return seconds


def take_turn(work: Work, expected: float, turn: float = TURN) -> list[float]:
    """Time calls for `turn` seconds, and return the seconds of each; `expected` are the seconds of one so far."""
    if expected < SHORT:
        work()
    seconds = [seconds_of(work)]
    spent = seconds[0]
    while spent + seconds[-1] < turn:
        seconds.append(seconds_of(work))
        spent += seconds[-1]
    return seconds


def reset_peak() -> None:
    """Reset the system's count of this process's peak memory, where it can be reset."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """Return this process's peak memory since `reset_peak`, in bytes."""
    try:
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])
    except (OSError, IndexError):
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
