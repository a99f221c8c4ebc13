"""The tier of structure, the first: names and shapes of end points and tensors."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Self

from isomorph.conformance.verdict import by
from isomorph.spec import Architecture, infer, tensor_shapes
from isomorph.spec.tensors import split

Shapes = Mapping[str, tuple[int | None, ...]]


@dataclass(frozen=True)
class Structure:
    """Shapes of two images' end points and of the tensors, by name, in network order."""

    end_points: Shapes
    tensors: Shapes

    @classmethod
    def of(cls, architecture: Architecture, height: int, width: int) -> Self:
        """Return the structure that the specification infers for images of that size."""
        return cls(infer(architecture, height, width).shapes(2), tensor_shapes(architecture))

    def is_comparable(self, other: "Structure") -> bool:
        """Return whether the other has the same end points, of any shape, and the same tensors."""
        return list(self.end_points) == list(other.end_points) and dict(self.tensors) == dict(other.tensors)

    def first_difference(self, other: "Structure") -> tuple[str, str] | None:
        """Return the first end point, in network order, at which the other differs, and a message about it."""
        differences = [*self._end_point(other), *self._tensor(other)]
        order = list(self.end_points)
        return min(differences, key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order), default=None)

    def _end_point(self, other: "Structure") -> list[tuple[str, str]]:
        for ours, theirs in zip_longest(self.end_points.items(), other.end_points.items()):
            if ours != theirs:
                name, _ = ours or theirs
                return [(name, f"{_described(theirs)} stands where {_described(ours)} was expected")]
        return []

    def _tensor(self, other: "Structure") -> list[tuple[str, str]]:
        for name in {**self.tensors, **other.tensors}:
            ours, theirs = self.tensors.get(name), other.tensors.get(name)
            if ours != theirs:
                return [(split(name)[0], f"{name} is {_shape(theirs)}, expected {_shape(ours)}")]
        return []


def _described(end_point: tuple[str, tuple[int | None, ...]] | None) -> str:
    return f"{end_point[0]} {_shape(end_point[1])}" if end_point else "nothing"


def _shape(shape: tuple[int | None, ...] | None) -> str:
    return by(tuple(extent or 0 for extent in shape)) if shape else "not there"
