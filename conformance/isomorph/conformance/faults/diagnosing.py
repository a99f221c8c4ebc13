"""Plant a fault in a backend's native object, trace it, and diagnose it against the right network."""

from dataclasses import dataclass

import numpy as np

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendProcess
from isomorph.conformance.faults.diagnosed import DiagnosedFault, judge, words_of
from isomorph.conformance.faults.fault import Fault, Surgery
from isomorph.conformance.faults.planted import PlantedNetworks, without_fault
from isomorph.conformance.faults.reference_case import ReferenceCases
from isomorph.conformance.faults.surgery import surgeon_of
from isomorph.conformance.likeness.diagnosis import Diagnosis, compare_with


class _NotTracedError(Exception):
    """A backend does not trace its native objects."""


class _DiagnosisFailedError(Exception):
    """The diagnosis itself ended in an error, which is its result here."""


@dataclass(frozen=True)
class _Control:
    """What is said of a network without a fault, and which of its auxiliary heads run."""

    words: str
    heads: frozenset[str]


class Diagnosing:
    """Plants faults in one backend's process, one after the other, and diagnoses each."""

    def __init__(self, process: BackendProcess, device: str, cases: ReferenceCases) -> None:
        self.process = process
        self.networks = PlantedNetworks(process, device)
        self.cases = cases
        self._controls: dict[str, _Control] = {}

    def find(self, fault: Fault) -> DiagnosedFault:
        """Plant a fault of inference, and return what the diagnosis says of it.

        Raises BackendFailed where the backend crashes, hangs or runs out of memory.
        """
        if isinstance(fault.plant, Surgery) and surgeon_of(self.process.name) is None:
            message = f"There is no surgery for {self.process.name}."
            return DiagnosedFault(fault.name, fault.place, "no surgery", message=message)
        try:
            control = self._control(fault.network)
            if control.words:
                message = f"Without the fault {fault.network} is diagnosed, too: {control.words}"
                return DiagnosedFault(fault.name, fault.place, "unfit", message=message)
            return judge(fault, self._diagnose(fault), control.heads)
        except _NotTracedError as error:
            return DiagnosedFault(fault.name, fault.place, "no tracing", message=str(error))
        except _DiagnosisFailedError as error:
            return self.failed(fault, str(error))

    @staticmethod
    def failed(fault: Fault, message: str) -> DiagnosedFault:
        """Return the finding on a fault where the backend failed, or the diagnosis did."""
        return DiagnosedFault(fault.name, fault.place, "error", message=message)

    def _control(self, name: str) -> _Control:
        if name not in self._controls:
            diagnosis = self._diagnose(without_fault(name))
            self._controls[name] = _Control(words_of(diagnosis), frozenset(diagnosis.comparison.one.outputs))
        return self._controls[name]

    def _diagnose(self, fault: Fault) -> Diagnosis:
        """Diagnose the native object with a fault, in float64 or, where a backend has none, in float32."""
        drawn = self.cases.drawn(fault.network)
        network = self.networks.build_in_widest(fault)
        try:
            self.networks.load(network, fault, drawn)
            graph = network.trace(drawn.images.astype(network.dtype))
        except Unavailable as error:
            raise _NotTracedError(str(error)) from None
        finally:
            self.networks.discard(network)
        try:
            with np.errstate(invalid="ignore", over="ignore"):  # a variance may be negative now
                return compare_with(fault.case.network, graph, drawn.tensors)
        except Exception as error:
            raise _DiagnosisFailedError(f"The diagnosis failed: {type(error).__name__}: {error}") from error
