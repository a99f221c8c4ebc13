"""Mistakes of inference: what a network answers, and the tensors that it returns."""

from collections.abc import Iterator

import numpy as np

from isomorph.backends.protocol import Array

from .honest import HonestNetwork


class PartAlone(HonestNetwork):
    """A part that is run alone is off by a thousandth; the whole network is right."""

    def _run(self, part: str | None, x: Array) -> dict[str, Array]:
        found = super()._run(part, x)
        return found if part is None else {name: y * y.dtype.type(1.001) for name, y in found.items()}


class Exchanged(HonestNetwork):
    """The first two end points of one shape are exchanged."""

    def _run(self, part: str | None, x: Array) -> dict[str, Array]:
        found = super()._run(part, x)
        if part is None:
            first, second = next(
                (a, b) for a in found for b in found if a < b and found[a].shape == found[b].shape and a in self.ends
            )
            found[first], found[second] = found[second], found[first]
        return found

    @property
    def ends(self) -> set[str]:
        return {name for names in self.plan.parts.values() for name in names}


class NoSoftmax(HonestNetwork):
    """Predictions are the logits."""

    def _run(self, part: str | None, x: Array) -> dict[str, Array]:
        found = super()._run(part, x)
        return found | ({"predictions": found["logits"]} if "predictions" in found else {})


class MissingEnd(HonestNetwork):
    """The last end point is not there."""

    def end_points(self, images: Array) -> dict[str, Array]:
        found = super().end_points(images)
        found.popitem()
        return found


class AnotherOrder(HonestNetwork):
    """The end points come in the order of their names."""

    def end_points(self, images: Array) -> dict[str, Array]:
        return dict(sorted(super().end_points(images).items()))


class Transposed(HonestNetwork):
    """Height and width are exchanged in what is returned."""

    def _run(self, part: str | None, x: Array) -> dict[str, Array]:
        return {name: y.transpose(0, 2, 1, 3) for name, y in super()._run(part, x).items()}


class OneCell(HonestNetwork):
    """Every map's last value is off by a 64th of its largest: little beside bfloat16's noise."""

    def _run(self, part: str | None, x: Array) -> dict[str, Array]:
        found = {name: y.copy() for name, y in super()._run(part, x).items()}
        for y in found.values():
            y.reshape(-1)[-1:] += np.abs(y).max() / y.dtype.type(64)
        return found


class FirstSize(HonestNetwork):
    """Images of another size than the first are answered as those."""

    size: tuple[int, ...] | None = None

    def _run(self, part: str | None, x: Array) -> dict[str, Array]:
        if part is None:
            self.size = self.size or x.shape[1:3]
            pads = [(0, max(0, side - given)) for side, given in zip(self.size, x.shape[1:3], strict=True)]
            x = np.pad(x, ((0, 0), *pads, (0, 0)))[:, : self.size[0], : self.size[1]]
        return super()._run(part, x)


class FirstCount(HonestNetwork):
    """As many images are answered as were there at first."""

    count: int | None = None

    def _run(self, part: str | None, x: Array) -> dict[str, Array]:
        self.count = self.count or len(x)
        return super()._run(part, np.resize(x, (self.count, *x.shape[1:])))


class Answered(HonestNetwork):
    """The native object answers what is off by a thousandth; its end points are right."""

    def _answer(self, images: Array) -> Array:
        answer = super()._answer(images)
        return np.multiply(answer, 1.001, dtype=answer.dtype)


class ChangedTensor(HonestNetwork):
    """The first tensor comes back with its last value a bit larger; the network computes with the right one."""

    def each_tensor(self) -> Iterator[tuple[str, Array]]:
        for place, (name, value) in enumerate(super().each_tensor()):
            if place == 0:
                value.reshape(-1)[-1:] = np.nextafter(value.reshape(-1)[-1:], np.inf, dtype=value.dtype)
            yield name, value


NETWORKS: dict[str, type[HonestNetwork]] = {
    "a part alone": PartAlone,
    "exchanged": Exchanged,
    "no softmax": NoSoftmax,
    "missing": MissingEnd,
    "another order": AnotherOrder,
    "transposed": Transposed,
    "one cell": OneCell,
    "first size": FirstSize,
    "first count": FirstCount,
    "answer": Answered,
    "changed tensor": ChangedTensor,
}
