"""A planted fault: a mistake that ports are known to make, the place where it is made, and how to plant it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from isomorph.backends.protocol import Array
from isomorph.backends.training import AUXILIARY_WEIGHT, SGD
from isomorph.conformance.drawn_case import Case
from isomorph.conformance.faults.networks import CASES
from isomorph.spec import Architecture, tensor_shapes

Tensors = Mapping[str, Array]


@dataclass(frozen=True)
class Redesign:
    """The backend builds another architecture, and loads those tensors that fit."""

    change: Callable[[Architecture], Architecture]


@dataclass(frozen=True)
class Retensor:
    """The backend loads other tensors. `change` does not write to its argument."""

    change: Callable[[Tensors], Tensors]


@dataclass(frozen=True)
class Surgery:
    """A function that each file of `surgery` has changes the backend's native object.

    arguments: values that JSON can carry.
    """

    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LearningSurgery(Surgery):
    """A function of `surgery.learning` changes how the native object learns."""


@dataclass(frozen=True)
class Retrain:
    """The backend trains in another way; its network is right.

    sgd: returns another optimiser for the right one. auxiliary_weight: the weight of auxiliary heads' losses.
    carried: the factor of the velocity between one step and the next.
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
        nothing at inference, which the oracle has to show where it can.
    plant: how it is planted.
    learned: tier of training -> the first of its tensors that the fault changes, in the order in which they arise; all
        other tiers have to see nothing. Empty for a fault of inference, for which training is not run.
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
        """Whether it changes nothing, neither at inference nor in training."""
        return self.place is None and not self.learned

    @property
    def case(self) -> Case:
        """The right network, and the size of its images."""
        return CASES[self.network]

    @property
    def architecture(self) -> Architecture:
        """The architecture that the backend builds."""
        right = self.case.network
        return self.plant.change(right) if isinstance(self.plant, Redesign) else right

    def tensors(self, right: Tensors) -> Tensors:
        """Return the tensors that the backend loads instead of the `right` ones: for a redesign, those that fit."""
        match self.plant:
            case Redesign():
                shapes = tensor_shapes(self.architecture)
                return {name: value for name, value in right.items() if shapes.get(name) == value.shape}
            case Retensor(change):
                return change(right)
            case Surgery() | Retrain():
                return right
