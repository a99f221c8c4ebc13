"""A third party's backend that computes wrong numbers: the oracle's networks, each with one mistake.

`wrong:MISTAKE` makes one of MISTAKES; `wrong:none` makes none, and has what the oracle lacks: a compiler and autocast
that change nothing but what they should. Mistakes are made where a framework would make them, in what a network
computes, returns or accepts; conformance/tests/test_wrong_numbers.py says which test of the suite refuses which.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ml_dtypes
import numpy as np

from isomorph.backends.oracle import layers, pullbacks
from isomorph.backends.oracle.backend import Oracle, OracleNetwork
from isomorph.backends.oracle.operations import activate, convolve, subsample
from isomorph.backends.protocol import Array, Network, Options, Tensors
from isomorph.backends.training import SGD, Gradients
from isomorph.spec import Architecture
from isomorph.spec.layers import Activation, Convolution


def rounded(x: Array) -> Array:
    """To bfloat16's numbers, in the array's own dtype."""
    return x.astype(ml_dtypes.bfloat16).astype(x.dtype)


class HonestNetwork(OracleNetwork):
    """The oracle's; under autocast it computes in bfloat16."""

    def _answer(self, images: Array) -> Array:
        if self.options.autocast is None:
            return super()._answer(images)
        network = OracleNetwork(self.architecture, replace(self.options, dtype="bfloat16", autocast=None))
        network.load(self.loaded)
        return network.answer(images).astype(np.float32)

    def load(self, tensors: Tensors, partial: bool = False) -> tuple[list[str], list[str]]:
        told = super().load(tensors, partial)
        self.loaded = dict(tensors)
        return told


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


class CompiledOnce(HonestNetwork):
    """Compiled, it answers with the tensors that were there when it was."""

    compiled: OracleNetwork | None = None

    def _answer(self, images: Array) -> Array:
        if not self.options.compiled:
            return super()._answer(images)
        if self.compiled is None:
            self.compiled = OracleNetwork(self.architecture, self.options)
            self.compiled.load(self.loaded)
        return self.compiled._answer(images)


class CompiledForOneSize(HonestNetwork):
    """Compiled, it answers images of another size as those that it was compiled for."""

    size: tuple[int, ...] | None = None

    def _answer(self, images: Array) -> Array:
        if self.options.compiled:
            self.size = self.size or images.shape[1:3]
            images = np.resize(images, (len(images), *self.size, images.shape[3]))
        return super()._answer(images)


class FoldedInPart(HonestNetwork):
    """Folded, it takes what tensors there are, and keeps the others."""

    def load(self, tensors: Tensors, partial: bool = False) -> tuple[list[str], list[str]]:
        if self.options.fold_batch_norm and partial:
            return super().load(self.loaded | dict(tensors))
        return super().load(tensors, partial)


class NoAutocast(HonestNetwork):
    """Autocast has no effect."""

    def _answer(self, images: Array) -> Array:
        return OracleNetwork._answer(self, images)


class CoarserAutocast(HonestNetwork):
    """Under autocast the images are rounded to whole numbers, too."""

    def _answer(self, images: Array) -> Array:
        return super()._answer(np.rint(images) if self.options.autocast else images)


class AutocastTensors(HonestNetwork):
    """Under autocast the tensors themselves are in the lower precision."""

    def _get(self, name: str) -> Array:
        value = super()._get(name)
        return rounded(value) if self.options.autocast else value


class ChangedTensor(HonestNetwork):
    """The first tensor comes back with its last value a bit larger; the network computes with the right one."""

    def each_tensor(self) -> Iterator[tuple[str, Array]]:
        for place, (name, value) in enumerate(super().each_tensor()):
            if place == 0:
                value.reshape(-1)[-1:] = np.nextafter(value.reshape(-1)[-1:], np.inf, dtype=value.dtype)
            yield name, value


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

    def gradients(self, images: Array, labels: Array, auxiliary_weight: float = 0.3) -> Gradients:
        with np.errstate(all="ignore"):
            return self._gradients(self._cast(images), self.classes(labels, images), auxiliary_weight)

    def step(
        self,
        images: Array,
        labels: Array,
        sgd: SGD,
        velocity: Tensors | None = None,
        auxiliary_weight: float = 0.3,
    ) -> tuple[float, dict[str, Array]]:
        with np.errstate(all="ignore"):
            given = {name: value for name, value in (velocity or {}).items() if name in self.learned}
            known = {name: value for name, value in given.items() if value.shape == self._get(name).shape}
            return self._step(self._cast(images), self.classes(labels, images), sgd, known, auxiliary_weight)

    def observe(self, images: Array) -> None:
        with np.errstate(all="ignore"):
            self._observe(self._cast(images))

    def classes(self, labels: Array, images: Array) -> Array:
        return np.resize(labels, len(images)).astype(np.int64) % 10


class MovedByRefusal(HonestNetwork):
    """A batch is learned from before it is refused."""

    def _moved(self) -> None:
        name = self.learned[0]
        self._set(name, self._get(name) * 2)

    def gradients(self, images: Array, labels: Array, auxiliary_weight: float = 0.3) -> Gradients:
        self._moved()
        return super().gradients(images, labels, auxiliary_weight)

    def step(
        self,
        images: Array,
        labels: Array,
        sgd: SGD,
        velocity: Tensors | None = None,
        auxiliary_weight: float = 0.3,
    ) -> tuple[float, dict[str, Array]]:
        self._moved()
        return super().step(images, labels, sgd, velocity, auxiliary_weight)

    def observe(self, images: Array) -> None:
        self._moved()
        super().observe(images)


def through_the_bend(x: Array, activation: Activation) -> tuple[Array, pullbacks.Pullback]:
    """A pullback that lets the gradient through where the activation bends."""
    y, pull = ACTIVATE(x, activation)
    at = ((x == 0) | (x == 6)) & (activation is not None)
    return y, lambda gradient: (pull(gradient)[0] + gradient * at, {})


ACTIVATE = pullbacks.activate


def of_float32(x: Array, weights: Array, layer: Convolution, *order: Any) -> Array:
    """A convolution that rounds to float32, whatever it is asked for."""
    return convolve(x.astype(np.float32), weights.astype(np.float32), layer, *order).astype(x.dtype)


def of_bfloat16(x: Array, weights: Array, layer: Convolution, *order: Any) -> Array:
    """A convolution whose operands are rounded to bfloat16."""
    return convolve(rounded(x), rounded(weights), layer, *order)


def without_rate(x: Array, weights: Array, layer: Convolution, *order: Any) -> Array:
    """A convolution that leaves its rate out."""
    return convolve(x, weights, replace(layer, rate=1), *order)


def last_pixels(x: Array, stride: int) -> Array:
    """What subsamples, but begins with the last pixel of a cell where there is one."""
    return subsample(np.concatenate([x[:, 1:], x[:, -1:]], axis=1), stride)


def activated(x: Array, activation: Activation) -> Array:
    """ReLU6 for ReLU."""
    return activate(x, activation and "relu6")


NETWORKS: dict[str, type[HonestNetwork]] = {
    "none": HonestNetwork,
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
    "compiled once": CompiledOnce,
    "compiled for one size": CompiledForOneSize,
    "folded in part": FoldedInPart,
    "no autocast": NoAutocast,
    "coarser autocast": CoarserAutocast,
    "autocast tensors": AutocastTensors,
    "changed tensor": ChangedTensor,
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
"""Mistakes of a network's class."""

OPTIONS: dict[str, dict[str, object]] = {
    "epsilon": {"batch_norm_epsilon": 1.001e-5},
    "padding": {"convolution_padding": "same"},
    "pool padding": {"pool_padding": "valid"},
    "pool fill": {"pool_fill": "zero"},
    "decay": {"batch_norm_decay": 0.99},
    "any output stride": {"output_stride": None},
}
"""Mistakes of reading an architecture."""

OPERATIONS: dict[str, tuple[object, str, object]] = {
    "float32": (layers, "convolve", of_float32),
    "bfloat16": (layers, "convolve", of_bfloat16),
    "rate": (layers, "convolve", without_rate),
    "subsampling": (layers, "subsample", last_pixels),
    "relu6": (layers, "activate", activated),
    "bend": (pullbacks, "activate", through_the_bend),
}
"""Mistakes of an operation, in the backend's own process: its module, its name, what stands there instead."""

OTHERS = ("another dtype", "trains folded")
MISTAKES = (*NETWORKS, *OPTIONS, *OPERATIONS, *OTHERS)


class Wrong(Oracle):
    """The backend."""

    def __init__(self, mistake: str) -> None:
        assert mistake in MISTAKES, mistake
        self.mistake = mistake
        if mistake in OPERATIONS:
            setattr(*OPERATIONS[mistake])

    def cannot_compile(self, device: str) -> str | None:
        return None

    def lacks_autocast(self, device: str, autocast: str) -> str | None:
        return None if autocast == "bfloat16" else "It has no autocast but bfloat16."

    def build(self, architecture: Architecture, **options: Any) -> Network:  # type: ignore[override]
        if self.mistake == "any output stride":
            architecture = architecture.with_options(output_stride=None)
        if self.mistake == "trains folded" and options.get("fold_batch_norm"):
            options["training"] = False
        return super().build(architecture, **options)

    def _build(self, architecture: Architecture, options: Options) -> HonestNetwork:
        change = OPTIONS.get(self.mistake, {})
        if self.mistake == "another dtype":
            options = replace(options, dtype="float32")
        kind = NETWORKS.get(self.mistake, HonestNetwork)
        return kind(architecture.with_options(**change) if change else architecture, options)


def create(engine: str) -> Wrong:
    """The backend that makes a mistake."""
    return Wrong(engine)
