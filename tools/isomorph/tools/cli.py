"""The command line: `isomorph COMMAND`, thin skins over the functions of `isomorph.tools`.

Exit status: 0 all agree or done, 1 the networks disagree, 2 the request or the input is bad, 3 undecided (a backend
crashed or ran out of time or memory), 130 interrupted.
"""

import io
import re
import sys
from importlib.metadata import version
from typing import Annotated, Any

import typer

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendFailed
from isomorph.spec import BadInput
from isomorph.tools.commands import backends, bench, checkpoints, conformance, networks
from isomorph.tools.commands.app import app, err, out
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


def main() -> None:
    """Run a command; whatever is wrong with the request or the input is one sentence on stderr and status 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what its encoding lacks is still said
    try:
        sys.exit(app(prog_name="isomorph", standalone_mode=False))
    except USAGE_ERRORS as error:
        sys.exit(_show_usage(error))
    except (BadInput, Unavailable) as error:
        _say(error)
        sys.exit(2)
    except (BackendFailed, MemoryError) as error:
        _say(error)
        sys.exit(3)
    except (KeyboardInterrupt, typer.Abort):
        err.print("interrupted")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of stdout has gone; nothing is left to say
        sys.exit(0)


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
