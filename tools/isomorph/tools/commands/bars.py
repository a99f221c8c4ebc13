"""Bars of progress on a terminal, imported where one is shown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import Progress, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from isomorph.tools.commands.console import err
from isomorph.tools.tables import printable


class PlainColumn(TextColumn):
    """A column of a progress bar that shows text as it is, on one line."""

    def render(self, task: Task) -> Text:
        """As Rich's own, which takes it for markup."""
        return Text(printable(self.text_format.format(task=task)))


@contextmanager
def step_bars() -> Iterator[Callable[[str, str], None]]:
    """A line on stderr for everyone at work, with the step that they are at; gone when the work is done."""
    columns = (SpinnerColumn(), PlainColumn("{task.fields[who]:<12}{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def report(who: str, what: str) -> None:
            if who not in tasks:
                tasks[who] = bar.add_task(what, who=who, total=None)
            bar.update(tasks[who], description=what)

        yield report
