"""Which backends a command runs, and how they work beside one another."""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from isomorph.backends import find_backend, registered
from isomorph.backends.process import BackendProcess
from isomorph.spec import BadInput

T = TypeVar("T")

COMPARED = ("pytorch", "keras", "paddle")
"""The backends that run when none is named, as far as they are installed."""


def choose_backends(
    backends: Sequence[str] | None, elsewhere: Collection[str] = ()
) -> tuple[list[str], dict[str, str]]:
    """The names of the backends to run, and why others of COMPARED cannot, which matters while nobody named any.

    backends: names or aliases; None takes the installed ones of COMPARED, possibly none.
    elsewhere: those that live in environments of their own, and are not looked for here.
    Raises BadInput for one that is named and unknown or not installed.
    """
    if backends is not None:
        names = list(dict.fromkeys(find_backend(name).name for name in backends))
        for name in names:
            if name not in elsewhere and (reason := find_backend(name).why_not()):
                raise BadInput(f"The backend {name} is not available: {reason}")
        if not names:
            raise BadInput("No backend was named; expected some of " + ", ".join(registered()) + ".")
        return names, {}
    reasons = {name: None if name in elsewhere else find_backend(name).why_not() for name in COMPARED}
    names = [name for name, reason in reasons.items() if reason is None]
    return names, {name: reason for name, reason in reasons.items() if reason}


def choose_some(backends: Sequence[str] | None) -> tuple[list[str], dict[str, str]]:
    """As `choose_backends`, but of several that are named those that cannot run cost nobody else anything.

    Returns the names of those that can, and why each of the others cannot. Raises BadInput where none of them can.
    """
    if backends is None or len(backends) < 2:
        return choose_backends(backends)
    names: list[str] = []
    reasons: dict[str, str] = {}
    for asked in backends:
        try:
            names += choose_backends([asked])[0]
        except BadInput as error:
            reasons[asked] = str(error)
    if not names:
        raise BadInput(reasons[backends[0]])
    return list(dict.fromkeys(names)), reasons


def run_side_by_side(
    work: Callable[[BackendProcess], T], processes: Sequence[BackendProcess], at_once: int | None = None
) -> list[T]:
    """What `work` returns for each process, in order, `at_once` of them at a time (None: all).

    Where they take turns, each ends with its own: frameworks keep memory that nothing of theirs needs any more.
    """
    taking_turns = at_once is not None and at_once < len(processes)

    def turn(process: BackendProcess) -> T:
        try:
            return work(process)
        finally:
            if taking_turns:
                process.close()

    with ThreadPoolExecutor(at_once or len(processes)) as pool:
        try:
            return list(pool.map(turn, processes))
        except BaseException:
            # Ctrl-C reaches this thread alone: the others wait for replies until their processes have ended.
            with ThreadPoolExecutor(len(processes)) as closing:
                list(closing.map(BackendProcess.close, processes))
            raise
