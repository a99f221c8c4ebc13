"""`diagnose_faults`: plant known porting mistakes in native objects, to see whether a diagnosis names each of them."""

import time
from collections.abc import Iterable, Sequence

from isomorph.backends.timeouts import TIMEOUT
from isomorph.conformance.faults.catalogue import find_faults
from isomorph.conformance.faults.diagnosing import Diagnosing
from isomorph.conformance.faults.fault import Fault
from isomorph.spec import BadInput
from isomorph.tools.certifying.diagnosed_report import DiagnosedFaultsReport
from isomorph.tools.certifying.fault_run import Progress, check_request, reference_cases, run_faults


def diagnose_faults(
    names: Iterable[str] | None = None,
    *,
    backends: Sequence[str] | None = None,
    device: str = "auto",
    timeout: float = TIMEOUT,
    progress: Progress = lambda who, what: None,
) -> DiagnosedFaultsReport:
    """Plant known porting mistakes in backends' native objects, and diagnose each as `diagnose` does others' models.

    Every native object is traced in float64, or in float32 where a backend has no float64, and held against the right
    network with the right tensors. A network that is diagnosed without a fault, too, is unfit to judge by.

    >>> from isomorph.tools import diagnose_faults
    >>> report = diagnose_faults(["pool-not-padded"], backends=["pytorch"])
    >>> finding = report.backends[0].findings[0]
    >>> finding.outcome, [(cause.cause, cause.place) for cause in finding.causes]
    ('named', [('pool padding', 'pool1')])

    names: the faults of inference to plant; None plants all. One of training is bad input: it changes no answer.
    backends, device, timeout, progress: as of `faults`.

    Raises BadInput before anything runs. A backend that crashes, hangs or runs out of memory has the outcome "error"
    for that fault, and goes on with the next one.
    """
    started = time.monotonic()
    chosen = _of_inference(names)
    here = check_request(backends, device, timeout)
    with reference_cases() as cases:
        columns = run_faults(chosen, here, lambda process: Diagnosing(process, device, cases), timeout, progress)
    return DiagnosedFaultsReport(chosen, columns, time.monotonic() - started)


def _of_inference(names: Iterable[str] | None) -> tuple[Fault, ...]:
    """Return the faults of these names, or all of inference."""
    chosen = find_faults(names)
    learned = [fault.name for fault in chosen if fault.learned]
    if names is not None and learned:
        raise BadInput(
            f"The fault {learned[0]} is one of training, which changes no answer that could be diagnosed; plant it"
            " without --diagnose."
        )
    return tuple(fault for fault in chosen if not fault.learned)
