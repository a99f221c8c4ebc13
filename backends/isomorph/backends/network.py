"""The base class of every backend's network; see `isomorph.backends.protocol`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from isomorph.backends.array_forms import (
    Answers,
    Array,
    Images,
    Labels,
    Maps,
    Tensors,
    to_contiguous,
    to_plain,
)
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


class Network(ABC):
    """One architecture, built in one framework.

    Attributes:
        architecture: the architecture that it was built from, and whose tensors it takes.
        options: how it was built.
        plan: the plan that was built: the architecture's or, with folded batch norms, that of `architecture.folded()`.

    >>> from isomorph.backends import load_backend
    >>> from isomorph.spec import architecture
    >>> network = load_backend("oracle").build(architecture("mlperf_tiny/resnet8"))
    >>> shapes = tensor_shapes(network.architecture)
    >>> network.load({name: np.ones(shape, np.float32) for name, shape in shapes.items()})
    ([], [])
    >>> network.answer(np.zeros((2, 32, 32, 3))).shape
    (2, 10)
    """

    def __init__(self, architecture: Architecture, options: Options) -> None:
        self.architecture = architecture
        self.options = options
        self.plan: Plan = plan(architecture.folded() if options.fold_batch_norm else architecture)

    @property
    def device(self) -> str:
        """The device that it is on, "cpu" or "gpu"."""
        return self.options.device

    @property
    def dtype(self) -> str:
        """The dtype of its tensors and results, one of DTYPES."""
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
        """Replace the canonical tensor `name`, whose shape has been checked, with `value` in the network's dtype.

        value: in one of DTYPES and as `to_plain` returns it; it may be read-only, and must not be written to.
        """

    @abstractmethod
    def _run(self, part: str | None, x: Maps) -> dict[str, Maps]:
        """Return the end points of all parts (None) or of one, on a checked NHWC input in the network's dtype.

        They are under the names of `plan.parts`, in any order; other names are left out. All parts are those of
        `plan.reads`, which says what each reads, auxiliary heads included.
        """

    @abstractmethod
    def _answer(self, images: Images) -> Answers:
        """Return what the native object answers to checked NHWC images: [N, classes], or a map [N, h, w, C]."""

    def _prepare(self, images: Images) -> Callable[[], Answers]:
        """Return `_answer` of these images, moved to the device; only a backend that moves them overrides this."""
        return lambda: self._answer(images)

    def load(self, tensors: Tensors, partial: bool = False) -> tuple[list[str], list[str]]:
        """Load canonical tensors, copied; return the missing and the unexpected names.

        tensors: numbers of any kind but complex ones, in any form that NumPy has: views, foreign byte orders, ...
        Raises BadInput, naming both sides, unless there are no such names or `partial` is true; tensors of a wrong
        shape are always an error, and so are missing ones that a folded batch norm needs. Nothing is loaded when it
        raises.

        >>> from isomorph.backends import load_backend
        >>> from isomorph.spec import architecture
        >>> network = load_backend("oracle").build(architecture("mlperf_tiny/resnet8"))
        >>> missing, unexpected = network.load({"logits/biases": np.arange(10)}, partial=True)
        >>> len(missing), unexpected
        (47, [])
        """
        expected = tensor_shapes(self.architecture)
        shapes = {name: tuple(value.shape) for name, value in tensors.items()}
        if not partial:
            match_exactly(expected, shapes, self.architecture.name)
        missing, unexpected = match(expected, shapes, self.architecture.name)
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
        """Return canonical name -> a copy of each tensor, in network order, in the network's dtype.

        With folded batch norms they are those of `architecture.folded()`, kernels and biases alone.

        >>> from isomorph.backends import load_backend
        >>> from isomorph.spec import architecture
        >>> load_backend("oracle").build(architecture("mlperf_tiny/resnet8")).tensors()["conv1/weights"].shape
        (3, 3, 3, 16)
        """
        return dict(self.each_tensor())

    def each_tensor(self) -> Iterator[tuple[str, Array]]:
        """Yield the items of `tensors` one after the other, for networks that memory would not hold twice.

        >>> from isomorph.backends import load_backend
        >>> from isomorph.spec import architecture
        >>> next(load_backend("oracle").build(architecture("mlperf_tiny/resnet8")).each_tensor())[0]
        'conv1/weights'
        """
        return ((name, self._get(name)) for name in tensor_shapes(self.plan.architecture))

    def save(self, path: str) -> None:
        """Write the native object as its framework does: a `.keras`, the state_dict as `.pth` or `.pdparams`.

        Raises Unavailable where the framework has no file of its own.

        >>> from isomorph.backends import load_backend
        >>> from isomorph.spec import architecture
        >>> load_backend("oracle").build(architecture("mlperf_tiny/resnet8")).save("resnet8")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        isomorph.backends.failures.Unavailable: OracleNetwork has no file of its own; ...
        """
        raise Unavailable(f"{type(self).__name__} has no file of its own; its `tensors()` can be written anywhere.")

    def state_dict(self, zoo_name: str) -> dict[str, Array]:
        """Return its tensors under the names, and in the axes, of a zoo.

        >>> from isomorph.backends import load_backend
        >>> from isomorph.spec import architecture
        >>> network = load_backend("oracle").build(architecture("cifar/resnet20"))
        >>> network.state_dict("cifar")["layer1.0.conv1.weight"].shape
        (16, 16, 3, 3)
        """
        zoo_tensors = zoo(zoo_name).naming.tensors(self.plan.architecture)
        return {
            zoo_tensors[name].name: zoo_tensors[name].from_canonical(value) for name, value in self.tensors().items()
        }

    def end_points(self, images: Images) -> dict[str, Maps]:
        """Return all end points of inference, in network order, whatever mode the native object is in.

        images: [N, H, W, C] in any form that NumPy has, cast to the network's dtype. Returns name -> [N, h, w, depth],
            freshly allocated.
        Raises BadInput for images of another rank, channel count or of no pixels.

        >>> from isomorph.backends import load_backend
        >>> from isomorph.spec import architecture
        >>> network = load_backend("oracle").build(architecture("mlperf_tiny/resnet8"))
        >>> end_points = network.end_points(np.zeros((2, 32, 32, 3)))
        >>> end_points["block3"].shape, end_points["predictions"].shape
        ((2, 8, 8, 64), (2, 1, 1, 10))
        """
        self._check(images, "The images are", self.architecture.in_channels)
        maps = self._run(None, self._cast(images))
        maps |= {block: maps[unit] for block, unit in self.plan.block_ends.items()}
        return {name: maps[name] for name in self.plan.end_points}

    def answer(self, images: Images) -> Answers:
        """Return what the native object answers at inference, without recording end points: the fast way.

        images: as for `end_points`. Returns logits [N, classes], or a map [N, h, w, C] where the head does not pool.

        >>> from isomorph.backends import load_backend
        >>> from isomorph.spec import architecture
        >>> network = load_backend("oracle").build(architecture("mlperf_tiny/resnet8"))
        >>> network.answer(np.zeros((2, 32, 32, 3))).shape
        (2, 10)
        """
        self._check(images, "The images are", self.architecture.in_channels)
        return self._answer(self._cast(images))

    def prepared(self, images: Images) -> Callable[[], Answers]:
        """Check, cast and move images to the device, and return a function that answers them whenever it is called.

        A call does what remains while a loader brings the next images: `isomorph bench` times it.

        >>> from isomorph.backends import load_backend
        >>> from isomorph.spec import architecture
        >>> network = load_backend("oracle").build(architecture("mlperf_tiny/resnet8"))
        >>> network.prepared(np.zeros((2, 32, 32, 3)))().shape
        (2, 10)
        """
        self._check(images, "The images are", self.architecture.in_channels)
        return self._prepare(self._cast(images))

    def gradients(self, images: Images, labels: Labels, auxiliary_weight: float = AUXILIARY_WEIGHT) -> Gradients:
        """Return the gradients of a batch's loss in training mode; the network and its statistics stay as they are.

        They are with respect to the tensors that are `learned`, and to the images.

        images: as for `end_points`. labels: [N] integers, from 0 to below the number of classes.
        auxiliary_weight: the weight of the losses of auxiliary heads.
        Raises BadInput for labels that are no classes, for images, a loss or gradients that are no numbers, and where a
        batch norm has a single value in each channel of the batch.

        >>> from isomorph.backends import load_backend
        >>> from isomorph.spec import architecture
        >>> network = load_backend("oracle").build(architecture("mlperf_tiny/resnet8"), training=True)
        >>> gradients = network.gradients(np.zeros((2, 32, 32, 3)), np.array([3, 7]))
        >>> round(gradients.loss, 4), gradients.tensors["logits/biases"].shape
        (2.3026, (10,))
        """
        self._check_training(images)
        check_labels(self.plan, images, labels)
        gradients = self._gradients(self._cast(images), labels.astype(np.int64), auxiliary_weight)
        check_finite(gradients.loss, gradients.tensors)
        return gradients

    def step(
        self,
        images: Images,
        labels: Labels,
        sgd: SGD,
        velocity: Tensors | None = None,
        auxiliary_weight: float = AUXILIARY_WEIGHT,
    ) -> tuple[float, dict[str, Array]]:
        """Take one step of the framework's own optimiser, which updates tensors and running statistics.

        velocity: canonical name -> velocity of each tensor that is learned, as `SGD` defines it; None is zero.
        Returns the loss before the step, and the new velocity. Raises BadInput as `gradients` does, and for a velocity
        of other names or shapes; the tensors are then what they were before the step.

        >>> from isomorph.backends import load_backend
        >>> from isomorph.spec import architecture
        >>> network = load_backend("oracle").build(architecture("mlperf_tiny/resnet8"), training=True)
        >>> images, labels = np.zeros((2, 32, 32, 3)), np.array([3, 7])
        >>> loss, velocity = network.step(images, labels, SGD())
        >>> next_loss, velocity = network.step(images, labels, SGD(), velocity)
        >>> next_loss < loss
        True
        """
        self._check_training(images)
        check_labels(self.plan, images, labels)
        shapes, velocity = tensor_shapes(self.plan.architecture), velocity or {}
        check_velocity({name: shapes[name] for name in self.learned}, velocity)
        velocity = {name: to_plain(value, self.dtype) for name, value in velocity.items()}
        before = self.tensors()
        loss, moved = self._step(self._cast(images), labels.astype(np.int64), sgd, velocity, auxiliary_weight)
        try:
            check_finite(loss, moved)
        except BadInput:
            for name, value in before.items():
                self._set(name, value)
            raise
        return loss, moved

    def observe(self, images: Images) -> None:
        """Update the running statistics by those of a batch, as training does, and nothing else; frozen ones stay.

        Raises BadInput as `gradients` does for images.

        >>> from isomorph.backends import load_backend
        >>> from isomorph.spec import architecture
        >>> network = load_backend("oracle").build(architecture("mlperf_tiny/resnet8"), training=True)
        >>> shapes = tensor_shapes(network.architecture)
        >>> _ = network.load({name: np.ones(shape) for name, shape in shapes.items()})
        >>> network.observe(np.zeros((2, 32, 32, 3)))
        >>> float(network.tensors()["conv1/BatchNorm/moving_variance"][0])  # 0.99 of 1, and 0.01 of 0
        0.9900000095367432
        """
        self._check_training(images)
        self._observe(self._cast(images))

    def _gradients(self, images: Images, labels: Labels, auxiliary_weight: float) -> Gradients:
        """As `gradients`, of checked images in the network's dtype and int64 labels."""
        raise self._untrained()

    def _step(
        self, images: Images, labels: Labels, sgd: SGD, velocity: Tensors, auxiliary_weight: float
    ) -> tuple[float, dict[str, Array]]:
        """As `step`; a missing velocity is zero."""
        raise self._untrained()

    def _observe(self, images: Images) -> None:
        """As `observe`."""
        raise self._untrained()

    def _untrained(self) -> Unavailable:
        return Unavailable(f"{type(self).__name__} cannot be trained by way of the protocol.")

    def part(self, name: str, x: Maps) -> dict[str, Maps]:
        """Run one part, "stem", a unit's scope or "head", alone on its NHWC input `x`, and return its end points.

        It separates an error that arises in a part from one that its input has already.

        >>> from isomorph.backends import load_backend
        >>> from isomorph.spec import architecture
        >>> network = load_backend("oracle").build(architecture("mlperf_tiny/resnet8"))
        >>> list(network.part("head", np.zeros((2, 8, 8, 64))))
        ['global_pool', 'logits', 'predictions']
        """
        if name not in self.plan.parts:
            raise BadInput(f"{self.architecture.name} has no part {name!r}; it has {', '.join(self.plan.parts)}.")
        self._check(x, f"The input of {name} is", self.plan.depth_into(name))
        maps = self._run(name, self._cast(x))
        return {end_point: maps[end_point] for end_point in self.plan.parts[name]}

    def _check(self, x: Maps, subject: str, depth: int) -> None:
        if x.ndim != 4 or x.shape[3] != depth or 0 in x.shape:
            raise BadInput(
                f"{subject} {'x'.join(map(str, x.shape)) or 'a scalar'}; {self.architecture.name} expects"
                f" [batch, height, width, {depth}] with at least one pixel."
            )

    def _check_training(self, images: Images) -> None:
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
