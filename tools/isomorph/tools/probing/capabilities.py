"""`capabilities`: try what each framework can do here; nothing is looked up in a table."""

from collections.abc import Callable, Sequence

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendFailed, BackendProcess, DiskFull
from isomorph.backends.protocol import DEVICES
from isomorph.backends.timeouts import TIMEOUT
from isomorph.spec import BadInput
from isomorph.tools.probing.capability import Capabilities, CapabilitiesReport, Capability
from isomorph.tools.probing.prober import Prober
from isomorph.tools.probing.tiny import Trial, draw_trial
from isomorph.tools.subjects.backends import choose_backends
from isomorph.tools.subjects.subject import check_choice, check_limits

WORKER = "isomorph.backends.probing"

Progress = Callable[[str, str], None]
"""Called with the name of a backend and what it does."""


def capabilities(
    backends: Sequence[str] | None = None,
    *,
    device: str = "auto",
    timeout: float = TIMEOUT,
    progress: Progress = lambda who, what: None,
) -> CapabilitiesReport:
    """Try precisions, autocast, layouts, compilers and export formats on a tiny network, in each backend's own process.

    >>> from isomorph.tools import capabilities
    >>> oracle = capabilities(["oracle"]).backends[0]
    >>> oracle.cell("computes in", "float64").has
    True
    >>> oracle.cell("compiler", "xla").detail
    'refused: The oracle is plain NumPy and has no compiler.'

    backends: names; None takes the installed ones of pytorch, keras and paddle.
    device: "auto", which is a GPU where a backend sees one, "cpu" or "gpu"; exports are always tried on the CPU.
    timeout: seconds that one call to a process may take.
    progress: called with the name of a backend and what it does.

    A cell is true where the answer is the oracle's within its noise; of a precision where the probe of
    `isomorph.conformance.precision` proves it, too; of an export where the exported file gives that answer. A failure
    becomes the reason of its own cell. Raises BadInput for an unknown backend or device.
    """
    names, absent = choose_backends(backends)
    if not names:
        raise BadInput("No backend is installed to be tried; `pip install 'isomorph[all]'` adds three.")
    check_choice("device", device, DEVICES)
    check_limits(timeout)
    progress("oracle", "drawing a tiny network")
    trial = draw_trial()
    progress("oracle", "done")
    tried = [_try_all(name, trial, device, timeout, progress) for name in names]
    return CapabilitiesReport((*tried, *(Capabilities(name, None, None, (), why) for name, why in absent.items())))


def _try_all(name: str, trial: Trial, device: str, timeout: float, progress: Progress) -> Capabilities:
    progress(name, "importing")
    prober = Prober(lambda tf32: BackendProcess(name, timeout=timeout, tf32=tf32, worker=WORKER), trial)
    cells: list[Capability] = []
    version = None
    try:
        version = prober.process.describe()["version"]
        cells.extend(prober.probe(device, lambda what: progress(name, what)))
    except DiskFull:
        raise
    except (Unavailable, BackendFailed) as error:
        return Capabilities(name, version, None, tuple(cells), str(error))
    finally:
        prober.close()
    progress(name, "done")
    return Capabilities(name, version, prober.device, tuple(cells))
