"""Choose the backends that a command runs, and run them side by side."""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from isomorph.backends import find_backend, registered
from isomorph.backends.process import BackendProcess
from isomorph.spec import BadInput

T = TypeVar("T")

COMPARED = ("pytorch", "keras", "paddle")
"""The backends that run when none is named, if they are installed."""


def choose_backends(
    backends: Sequence[str] | None, elsewhere: Collection[str] = ()
) -> tuple[list[str], dict[str, str]]:
    """Return the names of the backends to run and, if none is named, why others of COMPARED cannot.

    >>> from isomorph.tools.subjects.backends import choose_backends
    >>> choose_backends(["oracle"])
    (['oracle'], {})

    backends: names or aliases; None takes the installed ones of COMPARED, possibly none.
    elsewhere: backends in environments of their own, which are not looked for here.
    Raises BadInput for a named backend that is unknown or not installed, or builds no networks.
    """
    if backends is not None:
        names = list(dict.fromkeys(find_backend(name).name for name in backends))
        for name in names:
            if name not in elsewhere and (reason := find_backend(name).why_not()):
                raise BadInput(f"The backend {name} is not available: {reason}")
            if not find_backend(name).builds:
                raise BadInput(f"The backend {name} builds no networks: it opens models of others alone.")
        if not names:
            raise BadInput("No backend was named; expected some of " + ", ".join(registered()) + ".")
        return names, {}
    reasons = {name: None if name in elsewhere else find_backend(name).why_not() for name in COMPARED}
    names = [name for name, reason in reasons.items() if reason is None]
    return names, {name: reason for name, reason in reasons.items() if reason}


def choose_some(backends: Sequence[str] | None) -> tuple[list[str], dict[str, str]]:
    """Choose backends as `choose_backends` does, but leave out those of several that cannot run.

    Returns the names of those that can, and why each of the others cannot. Raises BadInput where none can.
    """
    if backends is None or len(backends) < 2:
        return choose_backends(backends)
    names: list[str] = []
    reasons: dict[str, str] = {}
    for backend in backends:
        try:
            names += choose_backends([backend])[0]
        except BadInput as error:
            reasons[backend] = str(error)
    if not names:
        raise BadInput(reasons[backends[0]])
    return list(dict.fromkeys(names)), reasons


def run_side_by_side(
    work: Callable[[BackendProcess], T], processes: Sequence[BackendProcess], at_once: int | None = None
) -> list[T]:
    """Return what `work` returns for each process, in order, with `at_once` of them at a time (None: all).

    Where they take turns, each process ends after its own: frameworks keep memory that they no longer need.
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
