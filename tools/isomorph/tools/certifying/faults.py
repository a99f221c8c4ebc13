"""`faults`: plant known porting mistakes in every backend, to see which tier catches them, and where."""

import time
from collections.abc import Iterable, Sequence

from isomorph.backends.timeouts import TIMEOUT
from isomorph.conformance.faults.catalogue import find_faults
from isomorph.conformance.faults.planting import Planting
from isomorph.conformance.faults.reference_case import seen_by_oracle
from isomorph.tools.certifying.fault_run import Progress, check_request, reference_cases, run_faults
from isomorph.tools.certifying.faults_report import CatalogueReport, FaultsReport


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
    here = check_request(backends, device, timeout)
    with reference_cases() as cases:
        columns = run_faults(chosen, here, lambda process: Planting(process, device, cases), timeout, progress)
        progress("oracle", "showing which are none")
        shown = {
            fault.name: seen_by_oracle(fault, cases[fault.network]) is None for fault in chosen if fault.is_harmless
        }
        progress("oracle", "done")
    return FaultsReport(chosen, columns, shown, time.monotonic() - started)


def list_faults(names: Iterable[str] | None = None) -> CatalogueReport:
    """List the faults of these names, or all, and where each is known from. Raises BadInput for an unknown name.

    >>> from isomorph.tools import list_faults
    >>> fault = list_faults(["pool-not-padded"]).faults[0]
    >>> fault.says, fault.place
    ('A pool that is padded on both sides is not padded at all.', 'pool1')
    """
    return CatalogueReport(find_faults(names))
