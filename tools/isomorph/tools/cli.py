"""The command line: `isomorph COMMAND`, thin skins over the functions of `isomorph.tools`.

Exit status: 0 all agree or done, 1 the networks disagree, 2 the request or the input is bad, 3 undecided (a backend
crashed or ran out of time or memory), 130 interrupted.
"""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendFailed
from isomorph.spec import BadInput
from isomorph.tools.commands import backends, bench, checkpoints, conformance, networks
from isomorph.tools.commands.app import app, err, out

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
    try:
        app(prog_name="isomorph")
    except (BadInput, Unavailable) as error:
        _say(error)
        sys.exit(2)
    except (BackendFailed, MemoryError) as error:
        _say(error)
        sys.exit(3)
    except KeyboardInterrupt:
        err.print("interrupted")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of stdout has gone; nothing is left to say
        sys.exit(0)


def _say(error: Exception) -> None:
    sentence = f"The memory does not suffice: {error}." if isinstance(error, MemoryError) else str(error)
    for note in getattr(error, "__notes__", ()):
        sentence = f"{sentence.removesuffix('.')}: {note}"
    err.print(f"isomorph: {sentence}", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
