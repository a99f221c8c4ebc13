"""The two consoles that commands print to, and how much they say."""

import re
from dataclasses import dataclass

from isomorph.tools.tables import PlainConsole, printable

out, err = PlainConsole(), PlainConsole(stderr=True)


@dataclass
class Verbosity:
    """How much a command says.

    quiet: no report, no progress and no remarks; errors and what `--json -` asks for are still printed.
    verbose: every step with the time that it took, and where an error arose.
    """

    quiet: bool = False
    verbose: bool = False


verbosity = Verbosity()
"""Of the command that runs, as its `-q` and `-v` ask."""


def set_verbosity(quiet: bool, verbose: bool) -> None:
    """Have the consoles say as much as a command's options ask for."""
    verbosity.quiet, verbosity.verbose = quiet, verbose
    out.quiet = quiet


def say(sentence: str) -> None:
    """Print a sentence on stderr: between words, a terminal's width wraps it; elsewhere it is one line, to search."""
    err.print(f"isomorph: {plain(sentence)}", highlight=False, soft_wrap=not err.is_terminal)


def say_unless_quiet(sentence: str) -> None:
    """Print a sentence on stderr that changes nothing, as `say` does, unless `-q` asks for errors alone."""
    if not verbosity.quiet:
        say(sentence)


def plain(sentence: str) -> str:
    """As it can be printed; bytes of a quoted name that are no text look as they do in one that is not quoted."""
    return re.sub(r"\\udc([89a-f][0-9a-f])", r"\\x\1", printable(sentence))
