"""The oracle: plain NumPy in float64, the definition of what every network here computes."""

import numpy as np

from isomorph.backends.oracle.layers import Draw, Statistics
from isomorph.backends.oracle.network import ConvNet
from isomorph.backends.oracle.operations import Precision
from isomorph.backends.oracle.speed import OracleFramework
from isomorph.backends.oracle.training import TrainingPass, follow, run_back
from isomorph.backends.protocol import Array, Backend, Network, Options, Tensors, Unavailable, as_dtype
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

    def _run(self, part: str | None, x: Array) -> dict[str, Array]:
        x = x.astype(self._network.precision.computed, copy=False)
        return {name: y.astype(as_dtype(self.dtype), copy=False) for name, y in self._network(part, x).items()}

    def _answer(self, images: Array) -> Array:
        last = "logits" if self.plan.logits else list(self.plan.parts.values())[-1][-1]
        answer = self._run(None, images)[last]
        return answer[:, 0, 0] if self.plan.global_pool else answer

    def _gradients(self, images: Array, labels: Array, auxiliary_weight: float) -> Gradients:
        found, _ = self.run_back(images, labels, auxiliary_weight)
        return found

    def _step(
        self, images: Array, labels: Array, sgd: SGD, velocity: Tensors, auxiliary_weight: float
    ) -> tuple[float, dict[str, Array]]:
        found, forward = self.run_back(images, labels, auxiliary_weight)
        moved: dict[str, Array] = {}
        for name, gradient in found.tensors.items():
            tensor = self._get(name)
            momentum, l2, rate = (gradient.dtype.type(x) for x in (sgd.momentum, sgd.l2_of(name), sgd.learning_rate))
            before = np.asarray(velocity.get(name, gradient.dtype.type(0)), gradient.dtype)
            moved[name] = momentum * before + (gradient + l2 * tensor)
            self._set(name, tensor - rate * moved[name])
        self._follow(forward)
        return found.loss, moved

    def _observe(self, images: Array) -> None:
        given = self.tensors(), self._computed(images), self._network.precision
        self._follow(TrainingPass(self.plan, *given, self.options.freeze_batch_norm))

    def run_back(
        self, images: Array, labels: Array, auxiliary_weight: float = AUXILIARY_WEIGHT
    ) -> tuple[Gradients, TrainingPass]:
        """As `gradients`, of images and labels that have been checked, with the pass forward."""
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

    def _computed(self, images: Array) -> Array:
        """Images in the computed dtype. Half precisions are for inference, and so is dropout, which needs masks."""
        if self.dtype not in ("float64", "float32"):
            raise Unavailable(f"The oracle trains in float64 and float32, not in {self.dtype}.")
        if any(layer.dropout for layer in self.plan.convolutions):
            raise Unavailable("The oracle draws no masks: it trains networks without dropout, `without_dropout()`.")
        return images

    def borrow(self, tensors: Tensors) -> None:
        """As `load`, but without a copy of what has the network's dtype: it must not change as long as this lives."""
        self._borrows = True
        self.load(tensors)
        self._borrows = False

    def calibrate(self, images: Array, statistics: Statistics) -> dict[str, Array]:
        """Set every batch norm's running statistics to `statistics(x)`, x being what reaches it from `images`.

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

    def draw(self, images: Array, draw: Draw) -> dict[str, Array]:
        """Set every layer's tensors to `draw(layer, x)`, leaf -> array, x being what reaches the layer from `images`.

        Returns the end points of the network that this makes.
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
        """NumPy's."""
        return f"NumPy {np.__version__}"

    def has_gpu(self) -> bool:
        """NumPy has none."""
        return False

    def use_exact_arithmetic(self) -> None:
        """It has no other."""

    def layouts(self, device: str) -> tuple[str, ...]:
        """NHWC alone."""
        return ("NHWC",)

    def cannot_compile(self, device: str) -> str | None:
        """NumPy has no compiler."""
        return "The oracle is plain NumPy and has no compiler."

    def lacks_autocast(self, device: str, autocast: str) -> str | None:
        """It rounds every result to its dtype."""
        return f"The oracle has no autocast; build it in {autocast}."

    def framework(self) -> Framework:
        """NumPy's."""
        return OracleFramework()

    def _build(self, architecture: Architecture, options: Options) -> OracleNetwork:
        return OracleNetwork(architecture, options)


def create(engine: str) -> Oracle:
    """The backend, for `load_backend`; it has no engines."""
    return Oracle()
