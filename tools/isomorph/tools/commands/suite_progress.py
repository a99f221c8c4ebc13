"""How far the conformance suite has come: a bar on a terminal, lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Column

from isomorph.tools.commands.bars import PlainColumn
from isomorph.tools.commands.console import err, verbosity
from isomorph.tools.commands.progress import shows_bar
from isomorph.tools.tables import printable

if TYPE_CHECKING:
    from isomorph.tools.certifying.report import CaseResult

EVERY = 60.0
"""Seconds between the lines that tell of progress where there is no terminal."""


class _Lines:
    """A line on stderr now and then, where nobody sees a bar move."""

    def __init__(self) -> None:
        self.started = self.said = time.monotonic()

    def __call__(self, done: int, planned: int, failed: int, runs: str) -> None:
        now = time.monotonic()
        if now - self.said >= EVERY and not verbosity.quiet:
            self.said = now
            minutes = round((now - self.started) / 60)
            err.print(f"{done} of {planned} tests, {failed} failed, {minutes} min", highlight=False)


@contextmanager
def show_suite_progress() -> Iterator["_Bar | _Lines"]:
    """A bar on stderr where it is a terminal, and gone when the work is done; else a line now and then."""
    if not shows_bar():
        yield _Lines()
        return
    with _Bar() as bar:
        yield bar


def log_result(result: "CaseResult") -> None:
    """Print a line on stderr for a test that has ended: what `--verbose` shows."""
    if verbosity.verbose:
        line = f"{result.seconds:8.2f} s  {result.backend:<12} {result.outcome}  {result.test}"
        err.print(printable(line), highlight=False, soft_wrap=True)


class _Bar(Progress):
    """How many tests of all have ended, how many failed, what runs; gone when the work is done."""

    def __init__(self) -> None:
        runs = PlainColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1))
        failed = PlainColumn("{task.fields[failed]} failed")
        columns = (BarColumn(20), MofNCompleteColumn(), failed, TimeElapsedColumn(), runs)
        super().__init__(*columns, console=err, transient=True, expand=True)
        self._all = self.add_task("importing the backends, collecting the tests", total=None, failed=0)

    def __call__(self, done: int, planned: int, failed: int, runs: str) -> None:
        self.update(self._all, completed=done, total=planned, failed=failed, description=runs)
