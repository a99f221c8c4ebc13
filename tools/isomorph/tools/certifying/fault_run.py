"""Plant the faults of the catalogue in every backend's process, one after the other: what `faults` does with them."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Generic, Protocol, TypeVar

from isomorph.backends import Unavailable
from isomorph.backends.arrays import SharedArrays
from isomorph.backends.memory import available_memory
from isomorph.backends.process import BackendFailed, BackendProcess, DiskFull
from isomorph.backends.protocol import DEVICES
from isomorph.backends.scratch import ScratchFolder
from isomorph.conformance.faults.fault import Fault
from isomorph.conformance.faults.reference_case import ReferenceCases
from isomorph.spec import BadInput
from isomorph.tools.certifying.faults_report import FaultyBackend
from isomorph.tools.subjects.backends import choose_backends, run_side_by_side
from isomorph.tools.subjects.subject import check_choice, check_limits

Progress = Callable[[str, str], None]
"""Called with the name of a backend and what it does."""

FRAMEWORK = 1e9
"""Bytes of memory that a framework takes with such small networks."""

CRASHES = 3
"""A backend is given up after so many faults in a row that ended its process."""

FindingT = TypeVar("FindingT")
FindingT_co = TypeVar("FindingT_co", covariant=True)


class Finder(Protocol[FindingT_co]):
    """Plants a fault in one backend's process, and finds out what is seen of it."""

    process: BackendProcess

    def find(self, fault: Fault) -> FindingT_co:
        """Return the finding on a fault. Raises BackendFailed where the backend fails."""

    def failed(self, fault: Fault, message: str) -> FindingT_co:
        """Return the finding on a fault where the backend failed."""


def check_request(backends: Sequence[str] | None, device: str, timeout: float) -> list[str]:
    """Return the names of the backends to plant faults in. Raises BadInput."""
    here, _ = choose_backends(backends)
    if not here:
        raise BadInput("No backend is installed to plant faults in; `pip install 'isomorph[all]'` adds three.")
    check_choice("device", device, DEVICES)
    check_limits(timeout)
    return here


@contextmanager
def reference_cases() -> Iterator[ReferenceCases]:
    """Provide the cases of all faults, in files that every backend can map."""
    numbers = count()
    with ScratchFolder() as folder:
        yield ReferenceCases(lambda arrays: SharedArrays.write(folder / str(next(numbers)), arrays))


def run_faults(
    chosen: tuple[Fault, ...],
    backends: Sequence[str],
    finder: Callable[[BackendProcess], Finder[FindingT]],
    timeout: float,
    progress: Progress,
) -> tuple[FaultyBackend[FindingT], ...]:
    """Return the findings of every fault in every backend, in processes side by side.

    finder: what is done in a process with each of them. A fault at which it fails costs that fault alone.
    """
    limit = available_memory()
    at_once = None if limit is None else max(1, int(limit // FRAMEWORK))
    with ExitStack() as stack:
        run = _FaultRun(chosen, finder, limit, timeout, progress, stack)
        run.processes += [run.start(name) for name in backends]
        return tuple(run_side_by_side(run.column, run.processes, at_once))


class _FaultRun(Generic[FindingT]):
    """Plants the faults in the backends' processes, which are started anew where they crash.

    processes: one for each backend; a new process takes the place of the crashed one, so that it is closed with all.
    """

    def __init__(
        self,
        chosen: tuple[Fault, ...],
        finder: Callable[[BackendProcess], Finder[FindingT]],
        memory: int | None,
        timeout: float,
        progress: Progress,
        stack: ExitStack,
    ) -> None:
        self.faults = chosen
        self.finder = finder
        self.memory = memory
        self.timeout = timeout
        self.progress = progress
        self.stack = stack
        self.processes: list[BackendProcess] = []

    def start(self, name: str) -> BackendProcess:
        """Start a backend's process, which the stack ends."""
        return self.stack.enter_context(BackendProcess(name, sys.executable, self.memory, self.timeout))

    def column(self, process: BackendProcess) -> FaultyBackend[FindingT]:
        """Return the findings of every fault in one backend."""
        name, version, crashes = process.name, None, 0
        place = self.processes.index(process)
        finder = self.finder(process)
        findings: list[FindingT] = []
        for number, fault in enumerate(self.faults, start=1):
            self.progress(name, f"{number} of {len(self.faults)}: {fault.name}")
            try:
                if crashes == CRASHES:
                    raise BackendFailed(f"given up after {CRASHES} crashes in a row")
                version = finder.process.describe()["version"]
                findings.append(finder.find(fault))
                crashes = 0
            except DiskFull:  # another process or fault would not help
                raise
            except (Unavailable, BackendFailed) as error:
                findings.append(finder.failed(fault, str(error)))
                if finder.process.closed:
                    break
                if crashes < CRASHES and finder.process.is_spent:
                    crashes += 1
                    finder.process.close()
                    self.processes[place] = self.start(name)
                    finder = self.finder(self.processes[place])
        self.progress(name, "done")
        return FaultyBackend(name, version, tuple(findings))
