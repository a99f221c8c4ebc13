"""What ends a command that cannot do what was asked: one sentence on stderr, and the exit status that it means."""

import re

from isomorph.backends import Unavailable
from isomorph.backends.failures import BackendFailed
from isomorph.spec import BadInput
from isomorph.tools.commands.console import err, verbosity
from isomorph.tools.tables import printable

STATUSES: dict[type[Exception], int] = {BadInput: 2, Unavailable: 2, BackendFailed: 3, MemoryError: 3}
"""Exception -> exit status, of what a request, an input or a backend may bring about; any other is a fault of ours."""


def report_failure(error: Exception) -> int:
    """Say what went wrong; returns the exit status. Raises `error` itself where it is none that a command expects."""
    for kind, status in STATUSES.items():
        if isinstance(error, kind):
            if verbosity.verbose:
                import traceback  # noqa: PLC0415 - of no use where all goes well

                err.print("".join(traceback.format_exception(error)), end="", highlight=False, soft_wrap=True)
            _say(error)
            return status
    raise error


def _say(error: Exception) -> None:
    """Print the sentence of an exception, and what was noted on it."""
    sentence = f"The memory does not suffice: {error}." if isinstance(error, MemoryError) else str(error)
    for note in getattr(error, "__notes__", ()):
        sentence = f"{sentence.removesuffix('.')}: {note}"
    err.print(f"isomorph: {plain(sentence)}", highlight=False, soft_wrap=True)


def plain(sentence: str) -> str:
    """As it can be printed; bytes of a quoted name that are no text look as they do in one that is not quoted."""
    return re.sub(r"\\udc([89a-f][0-9a-f])", r"\\x\1", printable(sentence))
