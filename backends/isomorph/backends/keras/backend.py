"""The protocol over Keras 3, on TensorFlow or on another engine."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from isomorph.backends.exporting import Export
from isomorph.backends.keras.engines import (
    choose_engine,
    compilers,
    engine_version,
    gpu_name,
    has_gpu,
    has_gpu_build,
    on_device,
    use_exact_arithmetic,
    use_tf32,
)
from isomorph.backends.keras.naming import NAMING
from isomorph.backends.options import Compiler
from isomorph.backends.protocol import Array, Backend, Network, Options, Tensors, as_dtype
from isomorph.backends.speed.framework import Framework
from isomorph.backends.training import SGD, Gradients
from isomorph.spec import Architecture


class KerasNetwork(Network):
    """An architecture as a functional keras.Model.

    A Keras model has no mode: `fit` trains and `predict` does not. What `build(training=...)` decides is whether
    auxiliary heads answer, and running variances follow what the zoo's do where Keras's own would not.
    """

    def __init__(self, architecture: Architecture, options: Options) -> None:
        # Imported here, so that the engine has been chosen.
        import keras

        from isomorph.backends.keras.layers import Form
        from isomorph.backends.keras.network import ConvNet
        from isomorph.backends.keras.training import loss_of, make_optimizer

        super().__init__(architecture, options)
        self._named = NAMING.tensors(self.plan.architecture)
        self._loss_of, self._make_optimizer = loss_of, make_optimizer
        self._keras = keras
        with on_device(self.device), _room_to_recurse(sum(1 for _ in self.plan.units)):
            form = Form(self.dtype, options.layout, options.training, options.freeze_batch_norm, options.autocast)
            self._network = ConvNet(self.plan, form)
            self._inside = keras.Model(self._network.model.inputs, self._network.end_points)
        self._made: tuple[SGD, tuple[list[Any], Any]] | None = None
        if options.compiled:
            # How `predict` runs; calling the model stays eager. What Keras's JIT is depends on the engine.
            self._network.model.compile(jit_compile=options.compiled == compilers(keras.backend.backend())[0])

    @property
    def native(self) -> Any:
        """The keras.Model, [N, H, W, C] -> [N, classes]; in the layout NCHW it takes [N, C, H, W]."""
        return self._network.model

    def _variable(self, name: str) -> Any:
        layer, _, variable = self._named[name].name.partition("/")
        return getattr(self._inside.get_layer(layer), variable)

    def _get(self, name: str) -> Array:
        return self._canonical(name, self._variable(name))

    def _set(self, name: str, value: Array) -> None:
        value = self._named[name].from_canonical(value)
        # A copy: on a CPU JAX would go on using the memory that it is given. On its device, or JAX moves it to a GPU.
        with on_device(self.device):
            self._variable(name).assign(value.astype(as_dtype(self.dtype)))

    def save(self, path: str) -> None:
        """Write the native object whole, as a `.keras`; of one that is to be trained, what it is at inference."""
        if not self.options.training:
            self.native.save(path)
            return
        still = KerasNetwork(self.architecture, replace(self.options, training=False))
        still.load(self.tensors())
        still.save(path)

    def _run(self, part: str | None, x: Array) -> dict[str, Array]:
        with on_device(self.device):
            given = self._to_map(x)
            if part is None:
                found = self._inside(given, training=False)
            else:
                found = {}
                self._network.parts[part](given, found)
            return {name: self._from_map(y) for name, y in found.items()}

    def _answer(self, images: Array) -> Array:
        return self._prepare(images)()

    def _prepare(self, images: Array) -> Callable[[], Array]:
        with on_device(self.device):
            x = self._to_map(images)

        def answer() -> Array:
            with on_device(self.device):
                y = self.native.predict_on_batch(x) if self.options.compiled else self.native(x, training=False)
                return self._from_map(y[0] if isinstance(y, list) else y)  # without those of auxiliary heads

        return answer

    def _gradients(self, images: Array, labels: Array, auxiliary_weight: float) -> Gradients:
        # The weights among them: what dropout's generator has drawn is not drawn once more.
        before = [(variable, self._to_numpy(variable)) for variable in self.native.non_trainable_weights]
        loss, found, to_images = self._differentiate(images, labels, auxiliary_weight)
        for variable, value in before:
            variable.assign(value)
        tensors = {name: self._canonical(name, found[variable.path]) for name, variable in self._learned().items()}
        return Gradients(loss, tensors, self._from_map(to_images))

    def _step(
        self, images: Array, labels: Array, sgd: SGD, velocity: Tensors, auxiliary_weight: float
    ) -> tuple[float, dict[str, Array]]:
        learned = self._learned()
        with on_device(self.device):
            loss, found, _ = self._differentiate(images, labels, auxiliary_weight)
            momentums, update = self._optimizer(sgd)
            for name, moved in zip(learned, momentums, strict=True):
                given = self._named[name].from_canonical(velocity[name]) if name in velocity else np.zeros(moved.shape)
                # Keras's has the learning rate in it, and the sign of a step.
                moved.assign((-sgd.learning_rate * given).astype(as_dtype(self.dtype)))
            update([found[variable.path] for variable in learned.values()])
        moves = zip(learned, momentums, strict=True)
        return loss, {name: self._canonical(name, moved) / -sgd.learning_rate for name, moved in moves}

    def _observe(self, images: Array) -> None:
        with on_device(self.device):
            self.native(self._to_map(images), training=True)

    def _differentiate(
        self, images: Array, labels: Array, auxiliary_weight: float
    ) -> tuple[float, dict[str, Any], Any]:
        """The loss, its gradient by the path of each variable that is learned, and that with respect to the map."""
        convert = self._keras.ops.convert_to_tensor
        with on_device(self.device):
            given = self._to_map(images), convert(labels), convert(auxiliary_weight, dtype=self.dtype)
            loss, found, to_map = self._differentiator(*given)
        paths = [variable.path for variable in self.native.trainable_variables]
        return float(self._to_numpy(loss)), dict(zip(paths, found, strict=True)), to_map

    def _optimizer(self, sgd: SGD) -> tuple[list[Any], Any]:
        """The velocity of each variable that is learned, as Keras keeps it, and what makes a step of their gradients.

        Made once for steps of the same kind.
        """
        from isomorph.backends.keras.gradients import repeated

        if self._made is None or self._made[0] != sgd:
            optimizer = self._make_optimizer(self._learned(), sgd)
            self._made = sgd, (optimizer.momentums, repeated(optimizer.apply))
        return self._made[1]

    @cached_property
    def _differentiator(self) -> Any:
        from isomorph.backends.keras.gradients import make_differentiate

        return make_differentiate(self.native, self._loss_of, compiled=not self._has_eager_gradients())

    def _has_eager_gradients(self) -> bool:
        """TensorFlow has none on the CPU of convolutions in float64 that are grouped or dilated; XLA has (2.21)."""
        special = any(
            layer.rate > 1 or (layer.groups > 1 and not layer.is_depthwise) for layer in self.plan.convolutions
        )
        return not (special and self.dtype == "float64" and self.device == "cpu")

    def _learned(self) -> dict[str, Any]:
        """Canonical name -> variable."""
        return {name: self._variable(name) for name in self.learned}

    def _canonical(self, name: str, value: Any) -> Array:
        """What belongs to a tensor, its own value, gradient or velocity, in the canonical order of its axes."""
        return self._named[name].to_canonical(self._to_numpy(value)).copy()

    def _to_map(self, x: Array) -> Any:
        """[N, H, W, C] as the model takes it."""
        x = x if self.options.layout == "NHWC" else np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        return self._keras.ops.convert_to_tensor(x, dtype=self.dtype)

    def _from_map(self, y: Any) -> Array:
        """What the model gives as [N, h, w, C]; [N, C] as it is."""
        array = self._to_numpy(y)
        return array if self.options.layout == "NHWC" or array.ndim != 4 else array.transpose(0, 2, 3, 1)

    def _to_numpy(self, x: Any) -> Array:
        # JAX's arrays can only be read.
        return np.require(self._keras.ops.convert_to_numpy(x), as_dtype(self.dtype), "W")


@contextmanager
def _room_to_recurse(units: int) -> Iterator[None]:
    """Keras walks a model's graph by recursion, some frames for each of a unit's layers: 1202 layers need more room."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 1000 + 50 * units))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


class Keras(Backend):
    """The Keras backend on one engine."""

    def __init__(self, engine: str) -> None:
        choose_engine(engine)
        self.engine = engine
        self.name = "keras" if engine == "tensorflow" else f"keras:{engine}"

    @property
    def version(self) -> str:
        """Keras's, and its engine's."""
        import keras

        return f"{keras.__version__} on {self.engine} {engine_version(self.engine)}"

    def has_gpu(self) -> bool:
        """Whether the engine sees one."""
        return has_gpu(self.engine)

    def has_gpu_build(self) -> bool:
        """Whether the engine was built for one."""
        return has_gpu_build(self.engine)

    def use_exact_arithmetic(self) -> None:
        """As the engine has it."""
        use_exact_arithmetic(self.engine)

    def use_tf32(self, allowed: bool = True) -> None:
        """As the engine has it."""
        use_tf32(self.engine, allowed)

    def gpu_name(self) -> str | None:
        """The engine's name of the first one."""
        return gpu_name(self.engine)

    def lacks(self, device: str, dtype: str) -> str | None:
        """Keras's batch norm and means on JAX and PyTorch compute float64 in float32 (3.15) and do not say so."""
        if dtype == "float64" and self.engine != "tensorflow":
            return f"Keras on {self.engine} computes parts of float64 in float32."
        return None

    def compilers(self, device: str) -> tuple[Compiler, ...]:
        """As the engine has them."""
        return compilers(self.engine)

    def lacks_autocast(self, device: str, autocast: str) -> str | None:
        """Nothing: Keras's mixed precision is the same on all engines."""
        return None

    def layouts(self, device: str) -> tuple[str, ...]:
        """TensorFlow has NHWC convolutions alone on the CPU."""
        return ("NHWC",) if self.engine == "tensorflow" and device == "cpu" else ("NHWC", "NCHW")

    def framework(self) -> Framework:
        """Keras's."""
        from isomorph.backends.keras.speed import KerasFramework

        return KerasFramework()

    def exports(self) -> Mapping[str, Export]:
        """Keras's."""
        from isomorph.backends.keras.exports import EXPORTS

        return EXPORTS

    def _build(self, architecture: Architecture, options: Options) -> KerasNetwork:
        return KerasNetwork(architecture, options)


def create(engine: str) -> Keras:
    """The backend, for `load_backend`, on the engine named behind the colon."""
    return Keras(engine or "tensorflow")
