"""The catalogue: every fault, by subject."""

from isomorph.conformance.faults.catalogue.geometry import GEOMETRY
from isomorph.conformance.faults.catalogue.modes import MODES
from isomorph.conformance.faults.catalogue.normalisation import NORMALISATION
from isomorph.conformance.faults.catalogue.precision import PRECISION
from isomorph.conformance.faults.catalogue.tensors import TENSORS
from isomorph.conformance.faults.catalogue.wiring import WIRING

CATALOGUE = {fault.name: fault for fault in (*GEOMETRY, *NORMALISATION, *TENSORS, *WIRING, *MODES, *PRECISION)}
"""Name -> fault."""
