"""What a planted fault is: a mistake that ports are known to make, where it is made, and how it is planted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from isomorph.backends.training import AUXILIARY_WEIGHT, SGD
from isomorph.conformance.drawn_case import Case
from isomorph.conformance.faults.networks import CASES
from isomorph.conformance.small_networks import Array
from isomorph.spec import Architecture, tensor_shapes

Tensors = Mapping[str, Array]


@dataclass(frozen=True)
class Redesign:
    """The backend builds another architecture, and is given as many of the tensors as fit."""

    change: Callable[[Architecture], Architecture]


@dataclass(frozen=True)
class Retensor:
    """The backend is given other tensors. `change` leaves those that it is given as they are."""

    change: Callable[[Tensors], Tensors]


@dataclass(frozen=True)
class Surgery:
    """The backend's native object is changed by a function that each file of `surgery` has.

    arguments: what JSON can carry.
    """

    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LearningSurgery(Surgery):
    """The same by a function of `surgery.learning`, to what the native object learns with."""


@dataclass(frozen=True)
class Retrain:
    """The backend is asked for another training; what it builds is right.

    sgd: another than the one it is given. auxiliary_weight: what the losses of auxiliary heads count.
    carried: what the velocity of one step is multiplied by before the next one is given it.
    """

    sgd: Callable[[SGD], SGD] = lambda sgd: sgd
    auxiliary_weight: float = AUXILIARY_WEIGHT
    carried: float = 1.0


@dataclass(frozen=True)
class Fault:
    """One mistake.

    name: short, for the command line. says: what goes wrong, in a sentence.
    source: where it is known from, an address of a thread or of code.
    network: the one of CASES that it is planted in.
    place: the end point at which it is planted: the first that it can change at inference. None where it changes
        nothing there, which the oracle has to show where it can.
    plant: how it is planted.
    learned: tier of training -> the first of its tensors that the fault changes, in the order in which they arise; all
        other tiers have to see nothing. Empty for a fault of inference, of which training is not asked.
    """

    name: str
    says: str
    source: str
    network: str
    place: str | None
    plant: Redesign | Retensor | Surgery | Retrain
    learned: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_harmless(self) -> bool:
        """Whether it is said to be none where it stands."""
        return self.place is None and not self.learned

    @property
    def case(self) -> Case:
        """The network, as it should be, and the size of its images."""
        return CASES[self.network]

    @property
    def architecture(self) -> Architecture:
        """What the backend builds."""
        right = self.case.network
        return self.plant.change(right) if isinstance(self.plant, Redesign) else right

    def tensors(self, right: Tensors) -> Tensors:
        """What the backend is given instead of the `right` tensors: of a redesign, those that it has."""
        match self.plant:
            case Redesign():
                shapes = tensor_shapes(self.architecture)
                return {name: value for name, value in right.items() if shapes.get(name) == value.shape}
            case Retensor(change):
                return change(right)
            case Surgery() | Retrain():
                return right
