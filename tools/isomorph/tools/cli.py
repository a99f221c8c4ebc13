"""The command line: `isomorph COMMAND`, thin skins over the functions of `isomorph.tools`.

Exit status: 0 all agree or done, 1 the networks disagree, 2 the request or the input is bad, 3 undecided (a backend
crashed or ran out of time, memory or disk, or stdout cannot be written), 130 interrupted, 143 ended by SIGTERM, 141 by
who read its report.
"""

import io
import re
import signal
import sys
import warnings
from importlib.metadata import version
from typing import Annotated, Any, NoReturn

import typer

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendFailed
from isomorph.spec import BadInput
from isomorph.tools.commands import backends, bench, checkpoints, conformance, networks
from isomorph.tools.commands.app import app, err, out
from isomorph.tools.commands.signals import ended_in_order
from isomorph.tools.commands.streams import OutputFailed, ReaderGone, give_up_stdout, guard_streams
from isomorph.tools.designs.without_effect import IdleOption
from isomorph.tools.tables import printable

# The base of what typer raises for a wrong command line: click's, or that of the copy of click in typer.
USAGE_ERRORS: type[Exception] = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")

for module in (networks, backends, bench, checkpoints, conformance):  # in the order in which `--help` lists them
    app.add_typer(module.commands)


@app.callback(invoke_without_command=True)
def _version(
    show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if show_version:
        out.print(f"isomorph {version('isomorph')}")
        raise typer.Exit


def main() -> NoReturn:
    """Run a command; whatever is wrong with the request or the input is one sentence on stderr and status 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what its encoding lacks is still said
    warnings.simplefilter("always", IdleOption)
    warnings.showwarning = _show_warning
    try:
        guard_streams()
        with ended_in_order():
            status = _run()
            sys.stdout.flush()
    except ReaderGone:
        give_up_stdout()
        status = 128 + signal.SIGPIPE  # as of a command that the signal ends
    except OutputFailed as error:
        give_up_stdout()
        _say(error)
        status = 3
    sys.exit(status)


def _run() -> Any:
    """Run a command; returns its exit status."""
    try:
        return app(prog_name="isomorph", standalone_mode=False)
    except SystemExit as ended:
        return ended.code
    except USAGE_ERRORS as error:
        return _show_usage(error)
    except (BadInput, Unavailable) as error:
        _say(error)
        return 2
    except (BackendFailed, MemoryError) as error:
        _say(error)
        return 3
    except (KeyboardInterrupt, typer.Abort):
        err.print("interrupted")
        return 130


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    """What does nothing, as a sentence of ours; any other warning as Python has it."""
    if issubclass(category, IdleOption):
        err.print(f"isomorph: {_plain(str(message))}", highlight=False, soft_wrap=True)
    else:
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))


def _show_usage(error: Any) -> int:
    """Print how a command is used, and what was wrong; returns the exit status."""
    # Of several lines where nothing was asked for, and the help is shown.
    error.message = "\n".join(map(_plain, error.message.split("\n")))
    error.show()
    status: int = error.exit_code
    return status


def _say(error: Exception) -> None:
    sentence = f"The memory does not suffice: {error}." if isinstance(error, MemoryError) else str(error)
    for note in getattr(error, "__notes__", ()):
        sentence = f"{sentence.removesuffix('.')}: {note}"
    err.print(f"isomorph: {_plain(sentence)}", highlight=False, soft_wrap=True)


def _plain(sentence: str) -> str:
    """As it can be printed; bytes of a quoted name that are no text look as they do in one that is not quoted."""
    return re.sub(r"\\udc([89a-f][0-9a-f])", r"\\x\1", printable(sentence))


if __name__ == "__main__":
    main()
