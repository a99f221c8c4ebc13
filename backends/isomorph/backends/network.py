"""What every backend's network has; `isomorph.backends.protocol` has the whole."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.backends.array_forms import to_contiguous, to_plain
from isomorph.backends.failures import Unavailable
from isomorph.backends.folding import fold
from isomorph.backends.options import Options
from isomorph.backends.training import (
    AUXILIARY_WEIGHT,
    SGD,
    Gradients,
    check_finite,
    check_labels,
    check_pixels,
    check_statistics,
    check_velocity,
)
from isomorph.spec import Architecture, BadInput, Plan, plan, tensor_shapes, zoo
from isomorph.spec.tensors import OF_BATCH_NORM, STATISTICS, match, match_exactly, split

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]


class Network(ABC):
    """One architecture, built in one framework.

    Attributes:
        architecture: what it was built from, and whose tensors it takes.
        options: how it was built.
        plan: what was built, resolved: the architecture itself or, with folded batch norms, `architecture.folded()`.
    """

    def __init__(self, architecture: Architecture, options: Options) -> None:
        self.architecture = architecture
        self.options = options
        self.plan: Plan = plan(architecture.folded() if options.fold_batch_norm else architecture)

    @property
    def device(self) -> str:
        """Where it is, "cpu" or "gpu"."""
        return self.options.device

    @property
    def dtype(self) -> str:
        """That of its tensors and results, one of DTYPES."""
        return self.options.dtype

    @property
    def learned(self) -> tuple[str, ...]:
        """The canonical names of the tensors that training learns, in network order; none of a frozen batch norm's."""
        frozen = OF_BATCH_NORM if self.options.freeze_batch_norm else STATISTICS
        return tuple(name for name in tensor_shapes(self.plan.architecture) if split(name)[1] not in frozen)

    @property
    @abstractmethod
    def native(self) -> Any:
        """The framework's own object: nn.Module, keras.Model, paddle.nn.Layer."""

    @abstractmethod
    def _get(self, name: str) -> Array:
        """The canonical tensor `name`, in the network's dtype."""

    @abstractmethod
    def _set(self, name: str, value: Array) -> None:
        """Replace the canonical tensor `name`, whose shape has been checked; cast to the network's dtype.

        value: in one of DTYPES and as `to_plain` gives it; it may be read-only, and must not be written to.
        """

    @abstractmethod
    def _run(self, part: str | None, x: Array) -> dict[str, Array]:
        """The end points of all parts (None) or of one, on a checked NHWC input in the network's dtype.

        Returns arrays [N, h, w, C] under the names of `plan.parts`, in any order; what is there beside them is left
        out. All parts are those of `plan.reads`, which says what each is given, auxiliary heads included.
        """

    @abstractmethod
    def _answer(self, images: Array) -> Array:
        """What the native object answers to checked NHWC images: [N, classes], or a map [N, h, w, C]."""

    def _prepare(self, images: Array) -> Callable[[], Array]:
        """`_answer` of images that are on the device already; only a backend that has to move them has its own."""
        return lambda: self._answer(images)

    def load(self, tensors: Tensors, partial: bool = False) -> tuple[list[str], list[str]]:
        """Take over canonical tensors; `tensors` stays as it is.

        tensors: numbers of any kind but complex ones, in any form that NumPy has: views, foreign byte orders, ...
        Returns the missing and the unexpected names. Raises BadInput, naming both sides, unless there are none or
        `partial` is true; tensors of a wrong shape are always an error, and so are missing ones that a folded batch
        norm needs. Nothing is loaded when it raises.
        """
        expected = tensor_shapes(self.architecture)
        found = {name: tuple(value.shape) for name, value in tensors.items()}
        if not partial:
            match_exactly(expected, found, self.architecture.name)
        missing, unexpected = match(expected, found, self.architecture.name)
        for name, value in tensors.items():
            if not np.can_cast(value.dtype, np.float64, "same_kind"):
                raise BadInput(f"{name} for {self.architecture.name} holds {value.dtype}; expected numbers.")
        if self.options.fold_batch_norm:
            if missing:
                raise BadInput(f"{missing[0]} is missing; a network with folded batch norms is loaded whole.")
            tensors = fold(self.architecture, tensors)
        for name in tensor_shapes(self.plan.architecture).keys() & tensors.keys():
            self._set(name, to_plain(tensors[name], self.dtype))
        return missing, unexpected

    def tensors(self) -> dict[str, Array]:
        """Canonical name -> a copy of each tensor, in network order, in the network's dtype.

        With folded batch norms they are those of `architecture.folded()`, kernels and biases alone.
        """
        return dict(self.each_tensor())

    def each_tensor(self) -> Iterator[tuple[str, Array]]:
        """The same one after the other, for networks that memory would not hold twice."""
        return ((name, self._get(name)) for name in tensor_shapes(self.plan.architecture))

    def save(self, path: str) -> None:
        """Write the native object as its framework does: a `.keras`, the state_dict as `.pth` or `.pdparams`.

        Raises Unavailable where the framework has no file of its own.
        """
        raise Unavailable(f"{type(self).__name__} has no file of its own; its `tensors()` can be written anywhere.")

    def state_dict(self, zoo_name: str) -> dict[str, Array]:
        """Its tensors under the names and axes of a zoo, `state_dict("torchvision")`."""
        renamed = zoo(zoo_name).naming.tensors(self.plan.architecture)
        return {renamed[name].name: renamed[name].from_canonical(value) for name, value in self.tensors().items()}

    def end_points(self, images: Array) -> dict[str, Array]:
        """All end points of inference, in network order, whatever mode the native object is in.

        images: [N, H, W, C] in any form that NumPy has, cast to the network's dtype. Returns name -> [N, h, w, depth],
            freshly allocated.
        Raises BadInput for images of another rank, channel count or of no pixels.
        """
        self._check(images, "The images are", self.architecture.in_channels)
        found = self._run(None, self._cast(images))
        found |= {block: found[unit] for block, unit in self.plan.block_ends.items()}
        return {name: found[name] for name in self.plan.end_points}

    def answer(self, images: Array) -> Array:
        """What the native object answers at inference, without a look inside: the way to speed.

        images: as for `end_points`. Returns logits [N, classes], or a map [N, h, w, C] where the head does not pool.
        """
        self._check(images, "The images are", self.architecture.in_channels)
        return self._answer(self._cast(images))

    def prepared(self, images: Array) -> Callable[[], Array]:
        """`answer` of these images as often as it is called; they are checked, cast and moved to the device here.

        What is left in a call is what is there while a loader brings the next images: `isomorph bench` times it.
        """
        self._check(images, "The images are", self.architecture.in_channels)
        return self._prepare(self._cast(images))

    def gradients(self, images: Array, labels: Array, auxiliary_weight: float = AUXILIARY_WEIGHT) -> Gradients:
        """The gradients of the loss of a batch in training mode; the network stays as it is, its statistics, too.

        They are with respect to the tensors that are `learned`, and to the images.

        images: as for `end_points`. labels: [N] integers, from 0 to below the number of classes.
        auxiliary_weight: what the losses of auxiliary heads count.
        Raises BadInput for labels that are no classes, for images, a loss or gradients that are no numbers, and where a
        batch norm has but one value in each channel of the batch.
        """
        self._check_training(images)
        check_labels(self.plan, images, labels)
        found = self._gradients(self._cast(images), labels.astype(np.int64), auxiliary_weight)
        check_finite(found.loss, found.tensors)
        return found

    def step(
        self,
        images: Array,
        labels: Array,
        sgd: SGD,
        velocity: Tensors | None = None,
        auxiliary_weight: float = AUXILIARY_WEIGHT,
    ) -> tuple[float, dict[str, Array]]:
        """One step of the framework's own optimiser, as people train: tensors change, running statistics follow.

        velocity: canonical name -> that of each tensor that is learned, as `SGD` has it; None is zero.
        Returns the loss before the step, and the new velocity. Raises BadInput as `gradients` does, and for a velocity
        of other names or shapes; the tensors are then what they were before the step.
        """
        self._check_training(images)
        check_labels(self.plan, images, labels)
        shapes, given = tensor_shapes(self.plan.architecture), velocity or {}
        check_velocity({name: shapes[name] for name in self.learned}, given)
        given = {name: to_plain(value, self.dtype) for name, value in given.items()}
        before = self.tensors()
        loss, moved = self._step(self._cast(images), labels.astype(np.int64), sgd, given, auxiliary_weight)
        try:
            check_finite(loss, moved)
        except BadInput:
            for name, value in before.items():
                self._set(name, value)
            raise
        return loss, moved

    def observe(self, images: Array) -> None:
        """Let the running statistics follow those of a batch, as in training, and nothing else; frozen ones stay.

        Raises BadInput as `gradients` does for images.
        """
        self._check_training(images)
        self._observe(self._cast(images))

    def _gradients(self, images: Array, labels: Array, auxiliary_weight: float) -> Gradients:
        """As `gradients`, of checked images in the network's dtype and int64 labels."""
        raise self._untrained()

    def _step(
        self, images: Array, labels: Array, sgd: SGD, velocity: Tensors, auxiliary_weight: float
    ) -> tuple[float, dict[str, Array]]:
        """As `step`; a velocity that is missing is zero."""
        raise self._untrained()

    def _observe(self, images: Array) -> None:
        """As `observe`."""
        raise self._untrained()

    def _untrained(self) -> Unavailable:
        return Unavailable(f"{type(self).__name__} cannot be trained by way of the protocol.")

    def part(self, name: str, x: Array) -> dict[str, Array]:
        """The end points of one part, "stem", a unit's scope or "head", run alone on its NHWC input `x`.

        Tells an error that is born in a part from one that it inherits.
        """
        if name not in self.plan.parts:
            raise BadInput(f"{self.architecture.name} has no part {name!r}; it has {', '.join(self.plan.parts)}.")
        self._check(x, f"The input of {name} is", self.plan.depth_into(name))
        found = self._run(name, self._cast(x))
        return {end_point: found[end_point] for end_point in self.plan.parts[name]}

    def _check(self, x: Array, what: str, depth: int) -> None:
        if x.ndim != 4 or x.shape[3] != depth or 0 in x.shape:
            raise BadInput(
                f"{what} {'x'.join(map(str, x.shape)) or 'a scalar'}; {self.architecture.name} expects"
                f" [batch, height, width, {depth}] with at least one pixel."
            )

    def _check_training(self, images: Array) -> None:
        self._check(images, "The images are", self.architecture.in_channels)
        if not self.options.training:
            raise BadInput(
                f"{self.architecture.name} was built for inference; build it with training=True to train it."
            )
        check_pixels(self.plan, images)
        if not self.options.freeze_batch_norm:
            check_statistics(self.plan, images)

    def _cast(self, x: Array) -> Array:
        return to_contiguous(x, self.dtype)
