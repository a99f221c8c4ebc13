"""The oracle: plain NumPy in float64, the definition of what every network here computes."""

import numpy as np

from isomorph.backends.oracle.layers import Draw, Statistics
from isomorph.backends.oracle.network import ConvNet
from isomorph.backends.oracle.operations import Precision
from isomorph.backends.oracle.speed import OracleFramework
from isomorph.backends.oracle.training import TrainingPass, follow, run_back
from isomorph.backends.protocol import (
    Answers,
    Array,
    Backend,
    Images,
    Labels,
    Maps,
    Network,
    Options,
    Tensors,
    Unavailable,
    as_dtype,
)
from isomorph.backends.speed.framework import Framework
from isomorph.backends.training import AUXILIARY_WEIGHT, SGD, Gradients
from isomorph.spec import Architecture, is_trainable, tensor_shapes
from isomorph.spec.tensors import split


class OracleNetwork(Network):
    """An architecture in NumPy. In bfloat16 and float16 it computes in float32 and rounds every result."""

    def __init__(self, architecture: Architecture, options: Options, order: int = 0) -> None:
        super().__init__(architecture, options)
        self._network = ConvNet(self.plan, Precision(self.dtype, order))
        self._borrows = False

    @property
    def native(self) -> ConvNet:
        """The `ConvNet` of `isomorph.backends.oracle.network`."""
        return self._network

    def _get(self, name: str) -> Array:
        scope, leaf = split(name)
        return self._network.parametrised[scope].tensors[leaf].astype(as_dtype(self.dtype))

    def _set(self, name: str, value: Array) -> None:
        scope, leaf = split(name)
        precision = self._network.precision
        value = value.astype(precision.computed, copy=not self._borrows)
        self._network.parametrised[scope].tensors[leaf] = precision.round(value)

    def _run(self, part: str | None, x: Maps) -> dict[str, Maps]:
        x = x.astype(self._network.precision.computed, copy=False)
        return {name: y.astype(as_dtype(self.dtype), copy=False) for name, y in self._network(part, x).items()}

    def _answer(self, images: Images) -> Answers:
        last = "logits" if self.plan.logits else list(self.plan.parts.values())[-1][-1]
        answer = self._run(None, images)[last]
        return answer[:, 0, 0] if self.plan.global_pool else answer

    def _gradients(self, images: Images, labels: Labels, auxiliary_weight: float) -> Gradients:
        gradients, _ = self.run_back(images, labels, auxiliary_weight)
        return gradients

    def _step(
        self, images: Images, labels: Labels, sgd: SGD, velocity: Tensors, auxiliary_weight: float
    ) -> tuple[float, dict[str, Array]]:
        gradients, forward = self.run_back(images, labels, auxiliary_weight)
        moved: dict[str, Array] = {}
        for name, gradient in gradients.tensors.items():
            tensor = self._get(name)
            momentum, l2, rate = (gradient.dtype.type(x) for x in (sgd.momentum, sgd.l2_of(name), sgd.learning_rate))
            before = np.asarray(velocity.get(name, gradient.dtype.type(0)), gradient.dtype)
            moved[name] = momentum * before + (gradient + l2 * tensor)
            self._set(name, tensor - rate * moved[name])
        self._follow(forward)
        return gradients.loss, moved

    def _observe(self, images: Images) -> None:
        x, precision = self._computed(images), self._network.precision
        self._follow(TrainingPass(self.plan, self.tensors(), x, precision, self.options.freeze_batch_norm))

    def run_back(
        self, images: Images, labels: Labels, auxiliary_weight: float = AUXILIARY_WEIGHT
    ) -> tuple[Gradients, TrainingPass]:
        """As `gradients`, of checked images and labels; also returns the forward pass."""
        return run_back(
            self.plan,
            self.tensors(),
            self._computed(self._cast(images)),
            labels,
            auxiliary_weight,
            self._network.precision,
            self.options.freeze_batch_norm,
        )

    def _follow(self, forward: TrainingPass) -> None:
        for name, value in follow(self.plan, self.tensors(), forward).items():
            self._set(name, value)

    def _computed(self, images: Images) -> Images:
        """Check that the oracle can train: half precisions are for inference, and so is dropout, which needs masks."""
        if self.dtype not in ("float64", "float32"):
            raise Unavailable(f"The oracle trains in float64 and float32, not in {self.dtype}.")
        if any(layer.dropout for layer in self.plan.convolutions):
            raise Unavailable("The oracle draws no masks: it trains networks without dropout, `without_dropout()`.")
        return images

    def borrow(self, tensors: Tensors) -> None:
        """As `load`, without a copy of tensors that have the network's dtype: they must not change while it lives."""
        self._borrows = True
        self.load(tensors)
        self._borrows = False

    def calibrate(self, images: Images, statistics: Statistics) -> dict[str, Array]:
        """Set every batch norm's running statistics to `statistics(x)`, where x is its input for `images`.

        Returns them, under canonical names.
        """
        for layer in self._network.parametrised.values():
            layer.calibrate = statistics
        try:
            self.end_points(images)
        finally:
            for layer in self._network.parametrised.values():
                layer.calibrate = None
        return {name: self._get(name) for name in tensor_shapes(self.architecture) if not is_trainable(name)}

    def draw(self, images: Images, draw: Draw) -> dict[str, Maps]:
        """Set every layer's tensors to `draw(layer, x)`, leaf -> array, where x is its input for `images`.

        Returns the end points of the new network.
        """
        for layer in self._network.parametrised.values():
            layer.draw = draw
        try:
            return self.end_points(images)
        finally:
            for layer in self._network.parametrised.values():
                layer.draw = None


class Oracle(Backend):
    """The NumPy backend."""

    name = "oracle"

    @property
    def version(self) -> str:
        """NumPy's version."""
        return f"NumPy {np.__version__}"

    def has_gpu(self) -> bool:
        """Return False: NumPy computes on the CPU alone."""
        return False

    def use_exact_arithmetic(self) -> None:
        """Do nothing: NumPy has no other arithmetic."""

    def layouts(self, device: str) -> tuple[str, ...]:
        """Return NHWC, its only layout."""
        return ("NHWC",)

    def cannot_compile(self, device: str) -> str | None:
        """Return that NumPy has no compiler."""
        return "The oracle is plain NumPy and has no compiler."

    def lacks_autocast(self, device: str, autocast: str) -> str | None:
        """Return that it has none: instead, it rounds every result to its dtype."""
        return f"The oracle has no autocast; build it in {autocast}."

    def framework(self) -> Framework:
        """Return NumPy, as `isomorph bench` measures it."""
        return OracleFramework()

    def _build(self, architecture: Architecture, options: Options) -> OracleNetwork:
        return OracleNetwork(architecture, options)


def create(engine: str) -> Oracle:
    """Return the backend, for `load_backend`; it has no engines."""
    return Oracle()
