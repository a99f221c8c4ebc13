"""What all commands share: the application, its two consoles, progress, and reports as JSON."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.progress import Progress, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from isomorph.spec import BadInput
from isomorph.tools.tables import PlainConsole, printable
from isomorph.tools.writing import check_writable, write_text

app = typer.Typer(
    help="One specification of a network, the same numbers in every framework, and the reason when they differ.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
out, err = PlainConsole(), PlainConsole(stderr=True)


class PlainColumn(TextColumn):
    """A column of a progress bar that shows text as it is, on one line."""

    def render(self, task: Task) -> Text:
        """As Rich's own, which takes it for markup."""
        return Text(printable(self.text_format.format(task=task)))


@contextmanager
def show_progress() -> Iterator[Callable[[str, str], None]]:
    """A line on stderr for everyone at work, as long as it is a terminal; gone when the work is done."""
    columns = (SpinnerColumn(), PlainColumn("{task.fields[who]:<12}{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def report(who: str, what: str) -> None:
            if who not in tasks:
                tasks[who] = bar.add_task(what, who=who, total=None)
            bar.update(tasks[who], description=what)

        yield report


def check_json(path: str | None, *files: str | None, option: str = "--json") -> None:
    """Raise BadInput before the work where the report cannot be written after it, or would replace one of `files`.

    option: the one that has asked for it.
    """
    if path is None or path == "-":
        return
    check_writable(path)
    if any(Path(path).resolve() == Path(file).resolve() for file in files if file):
        raise BadInput(f"{option} {path} is a file of this command's already; give the report another name.")


def write_json(path: str | None, text: str) -> None:
    """Write a report where `--json` asks for it."""
    if path == "-":
        sys.stdout.write(text)
    elif path is not None:
        write_text(path, text)
