"""The catalogue: every fault, by subject."""

from collections.abc import Iterable

from isomorph.conformance.faults.catalogue.dropout import DROPOUT
from isomorph.conformance.faults.catalogue.geometry import GEOMETRY
from isomorph.conformance.faults.catalogue.gradients import GRADIENTS
from isomorph.conformance.faults.catalogue.losses import LOSSES
from isomorph.conformance.faults.catalogue.modes import MODES
from isomorph.conformance.faults.catalogue.normalisation import NORMALISATION
from isomorph.conformance.faults.catalogue.optimisers import OPTIMISERS
from isomorph.conformance.faults.catalogue.precision import PRECISION
from isomorph.conformance.faults.catalogue.statistics import RUNNING_STATISTICS
from isomorph.conformance.faults.catalogue.tensors import TENSORS
from isomorph.conformance.faults.catalogue.wiring import WIRING
from isomorph.conformance.faults.fault import Fault
from isomorph.spec import BadInput
from isomorph.spec.errors import did_you_mean

SUBJECTS = {
    "geometry": GEOMETRY,
    "normalisation": NORMALISATION,
    "tensors": TENSORS,
    "wiring": WIRING,
    "modes": MODES,
    "precision": PRECISION,
    "running statistics": RUNNING_STATISTICS,
    "gradients": GRADIENTS,
    "dropout": DROPOUT,
    "losses": LOSSES,
    "optimisers": OPTIMISERS,
}

CATALOGUE = {fault.name: fault for faults in SUBJECTS.values() for fault in faults}
"""Name -> fault."""


def find_faults(names: Iterable[str] | None) -> tuple[Fault, ...]:
    """Return the faults of these names, in the catalogue's order; all for None.

    Raises BadInput, with the nearest names, for an unknown one.
    """
    chosen = CATALOGUE.keys() if names is None else set(names)
    for name in sorted(chosen - CATALOGUE.keys()):
        hint = did_you_mean(name, CATALOGUE, "`isomorph conformance faults --list` shows all.")
        raise BadInput(f"There is no fault {name!r}; {hint}")
    return tuple(fault for name, fault in CATALOGUE.items() if name in chosen)
