"""`faults`: plant known porting mistakes in every backend, to see which tier catches them, and where."""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from itertools import count

from isomorph.backends import Unavailable
from isomorph.backends.arrays import SharedArrays
from isomorph.backends.memory import available_memory
from isomorph.backends.process import BackendFailed, BackendProcess, DiskFull
from isomorph.backends.protocol import DEVICES
from isomorph.backends.scratch import ScratchFolder
from isomorph.backends.timeouts import TIMEOUT
from isomorph.conformance.faults.catalogue import find_faults
from isomorph.conformance.faults.fault import Fault
from isomorph.conformance.faults.finding import Finding
from isomorph.conformance.faults.planting import Planting
from isomorph.conformance.faults.reference_case import ReferenceCases, seen_by_oracle
from isomorph.spec import BadInput
from isomorph.tools.certifying.faults_report import CatalogueReport, FaultsReport, FaultyBackend
from isomorph.tools.subjects.backends import choose_backends, run_side_by_side
from isomorph.tools.subjects.subject import check_choice, check_limits

Progress = Callable[[str, str], None]
"""Called with the name of a backend and what it does."""

FRAMEWORK = 1e9
"""Bytes of memory that a framework takes with such small networks."""

CRASHES = 3
"""A backend is given up after so many faults in a row that ended its process."""


def faults(
    names: Iterable[str] | None = None,
    *,
    backends: Sequence[str] | None = None,
    device: str = "auto",
    timeout: float = TIMEOUT,
    progress: Progress = lambda who, what: None,
) -> FaultsReport:
    """Plant known porting mistakes in backends, and see which tiers catch them, and at which place.

    >>> from isomorph.tools import faults
    >>> report = faults(["pool-not-padded"], backends=["oracle"])
    >>> report.caught
    ['pool-not-padded']
    >>> [tier for tier, number in report.by_tier.items() if number]
    ['structure', 'lattice', 'float64', 'float32']

    names: the faults of the catalogue to plant; None plants all.
    backends: names; None takes the installed ones of COMPARED. A named backend that is not installed is bad input.
    device: "auto", "cpu" or "gpu".
    timeout: seconds that one call to a backend may take.
    progress: called with the name of a backend and what it does.

    Raises BadInput before anything runs. A backend that crashes, hangs or runs out of memory has the outcome "error"
    for that fault, and goes on with the next one.
    """
    started = time.monotonic()
    chosen = find_faults(names)
    here, _ = choose_backends(backends)
    if not here:
        raise BadInput("No backend is installed to plant faults in; `pip install 'isomorph[all]'` adds three.")
    check_choice("device", device, DEVICES)
    check_limits(timeout)
    limit, numbers = available_memory(), count()
    at_once = None if limit is None else max(1, int(limit // FRAMEWORK))
    with ScratchFolder() as folder, ExitStack() as stack:
        cases = ReferenceCases(lambda arrays: SharedArrays.write(folder / str(next(numbers)), arrays))
        run = _FaultRun(chosen, cases, device, limit, timeout, progress, stack)
        run.processes += [run.start(name) for name in here]
        columns = run_side_by_side(run.column, run.processes, at_once)
        progress("oracle", "showing which are none")
        shown = {
            fault.name: seen_by_oracle(fault, cases[fault.network]) is None for fault in chosen if fault.is_harmless
        }
        progress("oracle", "done")
    return FaultsReport(chosen, tuple(columns), shown, time.monotonic() - started)


def list_faults(names: Iterable[str] | None = None) -> CatalogueReport:
    """List the faults of these names, or all, and where each is known from. Raises BadInput for an unknown name.

    >>> from isomorph.tools import list_faults
    >>> fault = list_faults(["pool-not-padded"]).faults[0]
    >>> fault.says, fault.place
    ('A pool that is padded on both sides is not padded at all.', 'pool1')
    """
    return CatalogueReport(find_faults(names))


class _FaultRun:
    """Plants the faults in the backends' processes, which are started anew where they crash.

    processes: one for each backend; a new process takes the place of the crashed one, so that it is closed with all.
    """

    def __init__(
        self,
        chosen: tuple[Fault, ...],
        cases: ReferenceCases,
        device: str,
        memory: int | None,
        timeout: float,
        progress: Progress,
        stack: ExitStack,
    ) -> None:
        self.faults = chosen
        self.cases = cases
        self.device = device
        self.memory = memory
        self.timeout = timeout
        self.progress = progress
        self.stack = stack
        self.processes: list[BackendProcess] = []

    def start(self, name: str) -> BackendProcess:
        """Start a backend's process, which the stack ends."""
        return self.stack.enter_context(BackendProcess(name, sys.executable, self.memory, self.timeout))

    def column(self, process: BackendProcess) -> FaultyBackend:
        """Return the findings of every fault in one backend."""
        name, version, crashes = process.name, None, 0
        place = self.processes.index(process)
        planting = Planting(process, self.device, self.cases)
        findings: list[Finding] = []
        for number, fault in enumerate(self.faults, start=1):
            self.progress(name, f"{number} of {len(self.faults)}: {fault.name}")
            try:
                if crashes == CRASHES:
                    raise BackendFailed(f"given up after {CRASHES} crashes in a row")
                version = planting.process.describe()["version"]
                findings.append(planting.find(fault))
                crashes = 0
            except DiskFull:  # another process or fault would not help
                raise
            except (Unavailable, BackendFailed) as error:
                findings.append(Finding(fault.name, fault.place, "error", message=str(error)))
                if planting.process.closed:
                    break
                if crashes < CRASHES and planting.process.is_spent:
                    crashes += 1
                    planting.process.close()
                    self.processes[place] = self.start(name)
                    planting = Planting(self.processes[place], self.device, self.cases)
        self.progress(name, "done")
        return FaultyBackend(name, version, tuple(findings))
