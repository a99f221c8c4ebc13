"""The two consoles that commands print to, and how much they say."""

from dataclasses import dataclass

from isomorph.tools.tables import PlainConsole

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
