"""What commands say while they work: a line for everyone at work on a terminal, or every step as it ends."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from isomorph.tools.commands.console import err, verbosity
from isomorph.tools.tables import printable


class StepLog:
    """A line on stderr for every step as it ends, with the seconds that it took: what `--verbose` shows.

    Steps that differ in numbers alone are one.
    """

    def __init__(self) -> None:
        self._running: dict[str, tuple[str, float]] = {}

    def __call__(self, who: str, what: str) -> None:
        """End the step that `who` was at, and begin another, unless it is done."""
        step, _ = self._running.get(who, ("", 0.0))
        if _without_numbers(step) == _without_numbers(what):
            return
        self._end(who)
        if what != "done":
            self._running[who] = what, time.monotonic()

    def end(self) -> None:
        """End every step."""
        for who in list(self._running):
            self._end(who)

    def _end(self, who: str) -> None:
        step, started = self._running.pop(who, ("", 0.0))
        if step:
            seconds = time.monotonic() - started
            err.print(f"{seconds:8.2f} s  {printable(who):<12} {printable(step)}", highlight=False, soft_wrap=True)


def _without_numbers(step: str) -> str:
    return re.sub(r"\d+", "", step)


def shows_bar() -> bool:
    """Whether a bar is to be shown: on a terminal, unless a command's options ask for less or more."""
    return err.is_terminal and not verbosity.quiet and not verbosity.verbose


@contextmanager
def step_log() -> Iterator[StepLog]:
    """A log of steps, all of which end with it."""
    log = StepLog()
    try:
        yield log
    finally:
        log.end()


@contextmanager
def show_progress() -> Iterator[Callable[[str, str], None]]:
    """A line on stderr for everyone at work, as long as it is a terminal; gone when the work is done."""
    if verbosity.verbose:
        with step_log() as log:
            yield log
    elif shows_bar():
        from isomorph.tools.commands.bars import step_bars  # noqa: PLC0415 - of no use where nobody sees them

        with step_bars() as report:
            yield report
    else:
        yield lambda who, what: None
