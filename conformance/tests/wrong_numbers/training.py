"""Mistakes of training: gradients, steps, running statistics, and what is learned from at all."""

from dataclasses import replace

import numpy as np

from isomorph.backends.protocol import Array, Tensors
from isomorph.backends.training import AUXILIARY_WEIGHT, SGD, Gradients

from .honest import HonestNetwork


class HalvedGradient(HonestNetwork):
    """The gradient of the first tensor is half of what it is; steps are right."""

    def _gradients(self, images: Array, labels: Array, auxiliary_weight: float) -> Gradients:
        found = super()._gradients(images, labels, auxiliary_weight)
        first = next(iter(found.tensors))
        return replace(found, tensors={**found.tensors, first: found.tensors[first] / 2})


class SummedLoss(HonestNetwork):
    """The loss is the sum over the batch; its gradients are those of the mean."""

    def _gradients(self, images: Array, labels: Array, auxiliary_weight: float) -> Gradients:
        found = super()._gradients(images, labels, auxiliary_weight)
        return replace(found, loss=found.loss * len(images))


class ImagesGradient(HonestNetwork):
    """The gradient of the images is of the other sign."""

    def _gradients(self, images: Array, labels: Array, auxiliary_weight: float) -> Gradients:
        found = super()._gradients(images, labels, auxiliary_weight)
        return replace(found, images=-found.images)


class Untouched(HonestNetwork):
    """Running statistics stay as they are when a batch is observed."""

    def _observe(self, images: Array) -> None:
        pass


class FirstBatch(HonestNetwork):
    """Running statistics follow the first batch that is observed behind each load, and no other."""

    observed = 0

    def load(self, tensors: Tensors, partial: bool = False) -> tuple[list[str], list[str]]:
        self.observed = 0
        return super().load(tensors, partial)

    def _observe(self, images: Array) -> None:
        self.observed += 1
        if self.observed == 1:
            super()._observe(images)


class StillInSteps(HonestNetwork):
    """Running statistics stay as they are in a step."""

    def _step(
        self, images: Array, labels: Array, sgd: SGD, velocity: Tensors, auxiliary_weight: float
    ) -> tuple[float, dict[str, Array]]:
        before = {name: value for name, value in self.tensors().items() if name not in self.learned}
        done = super()._step(images, labels, sgd, velocity, auxiliary_weight)
        for name, value in before.items():
            self._set(name, value)
        return done


class NoMomentum(HonestNetwork):
    """The velocity that a step is given is left out: the first step is right."""

    def _step(
        self, images: Array, labels: Array, sgd: SGD, velocity: Tensors, auxiliary_weight: float
    ) -> tuple[float, dict[str, Array]]:
        return super()._step(images, labels, sgd, {}, auxiliary_weight)


class Schedule(HonestNetwork):
    """Each step that follows another without a load learns by a thousandth less, as a schedule left on would."""

    steps = 0

    def load(self, tensors: Tensors, partial: bool = False) -> tuple[list[str], list[str]]:
        self.steps = 0
        return super().load(tensors, partial)

    def _step(
        self, images: Array, labels: Array, sgd: SGD, velocity: Tensors, auxiliary_weight: float
    ) -> tuple[float, dict[str, Array]]:
        slower = replace(sgd, learning_rate=sgd.learning_rate * 0.999**self.steps)
        self.steps += 1
        return super()._step(images, labels, slower, velocity, auxiliary_weight)


class Unchecked(HonestNetwork):
    """Nothing is checked of what is learned from: labels are cut to classes, and NaN is learned."""

    def gradients(self, images: Array, labels: Array, auxiliary_weight: float = AUXILIARY_WEIGHT) -> Gradients:
        with np.errstate(all="ignore"):
            return self._gradients(self._cast(images), self.classes(labels, images), auxiliary_weight)

    def step(
        self,
        images: Array,
        labels: Array,
        sgd: SGD,
        velocity: Tensors | None = None,
        auxiliary_weight: float = AUXILIARY_WEIGHT,
    ) -> tuple[float, dict[str, Array]]:
        tensors, given = self.tensors(), velocity or {}
        fitting = {name: given[name] for name in tensors.keys() & given if given[name].shape == tensors[name].shape}
        with np.errstate(all="ignore"):
            return self._step(self._cast(images), self.classes(labels, images), sgd, fitting, auxiliary_weight)

    def observe(self, images: Array) -> None:
        with np.errstate(all="ignore"):
            self._observe(self._cast(images))

    def classes(self, labels: Array, images: Array) -> Array:
        return np.resize(labels, len(images)).astype(np.int64) % 10


class MovedByRefusal(HonestNetwork):
    """A batch is learned from before it is refused."""

    def _check_training(self, images: Array) -> None:
        name = self.learned[0]
        self._set(name, self._get(name) * 2)
        super()._check_training(images)


NETWORKS: dict[str, type[HonestNetwork]] = {
    "halved gradient": HalvedGradient,
    "summed loss": SummedLoss,
    "gradient of images": ImagesGradient,
    "untouched": Untouched,
    "first batch": FirstBatch,
    "still in steps": StillInSteps,
    "no momentum": NoMomentum,
    "schedule": Schedule,
    "unchecked": Unchecked,
    "moved by refusal": MovedByRefusal,
}
