"""What ends a command that cannot do what was asked: one sentence on stderr, and the exit status that it means."""

from isomorph.backends import Unavailable
from isomorph.backends.failures import BackendFailed
from isomorph.spec import BadInput
from isomorph.tools.commands.console import err, say, verbosity

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
    say(sentence)
