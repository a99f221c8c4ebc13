"""Where a command's report goes: to people on stdout, and to machines where `--json` says."""

import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import RenderableType

from isomorph.spec import BadInput
from isomorph.tools.commands.console import out
from isomorph.tools.tables import Report
from isomorph.tools.writing import check_writable, write_text


def check_json(path: str | None, *files: str | None, option: str = "--json") -> None:
    """Raise BadInput before the work where the report cannot be written after it, or would replace one of `files`.

    option: the one that has asked for it.
    """
    if path is None or path == "-":
        return
    check_writable(path)
    if any(Path(path).resolve() == Path(file).resolve() for file in files if file):
        raise BadInput(f"{option} {path} is a file of this command's already; give the report another name.")


def check_output(option: str, path: str | None, json: str | None, force: bool, *files: str) -> None:
    """Raise BadInput before the work where `option` names a file that is not to be replaced, or is of this command."""
    if path is None:
        return
    if path == json:
        raise BadInput(f"Both --json and {option} are {json}; they are two files.")
    check_json(path, *files, option=option)
    if path != "-" and Path(path).exists() and not force:
        raise BadInput(f"{path} is there already; --force replaces it.")


def publish(report: Report, json: str | None, *details: RenderableType, shown: str | None = None) -> None:
    """Print a report and `details`, each behind an empty line, unless stdout is for its JSON; write that.

    shown: what to print in the report's place. It is left to the terminal to break lines of text, as those of code.
    """
    if json != "-":
        out.print(shown or report, highlight=False, soft_wrap=shown is not None, crop=False)
        for detail in details:
            out.print()
            out.print(detail, highlight=False, soft_wrap=isinstance(detail, str))
    write_json(json, report.to_json)


def write_json(path: str | None, text: Callable[[], str]) -> None:
    """Write a report where `--json` asks for it; `text` makes its text, which is made for that alone."""
    if path == "-":
        sys.stdout.write(text())
    elif path is not None:
        write_text(path, text())
