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
from isomorph.backends.models import Model
from isomorph.backends.options import Compiler
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
from isomorph.backends.training import SGD, Gradients
from isomorph.spec import Architecture


class KerasNetwork(Network):
    """An architecture as a functional keras.Model.

    A Keras model has no mode: `fit` trains and `predict` does not. `build(training=...)` decides whether auxiliary
    heads answer, and whether running variances follow the zoo's rule where Keras's own is another.
    """

    def __init__(self, architecture: Architecture, options: Options) -> None:
        # Imported here, so that the engine has been chosen.
        import keras

        from isomorph.backends.keras.layers import Form
        from isomorph.backends.keras.network import ConvNet
        from isomorph.backends.keras.training import loss_of, make_optimizer

        super().__init__(architecture, options)
        self._names = NAMING.tensors(self.plan.architecture)
        self._loss_of, self._make_optimizer = loss_of, make_optimizer
        self._keras = keras
        with on_device(self.device), _room_to_recurse(sum(1 for _ in self.plan.units)):
            form = Form(self.dtype, options.layout, options.training, options.freeze_batch_norm, options.autocast)
            self._network = ConvNet(self.plan, form)
            self._end_point_model = keras.Model(self._network.model.inputs, self._network.end_points)
        self._last_optimizer: tuple[SGD, tuple[list[Any], Any]] | None = None
        if options.compiled:
            # How `predict` runs; calling the model stays eager. What Keras's JIT is depends on the engine.
            self._network.model.compile(jit_compile=options.compiled == compilers(keras.backend.backend())[0])

    @property
    def native(self) -> Any:
        """The keras.Model, [N, H, W, C] -> [N, classes]; in the layout NCHW it takes [N, C, H, W]."""
        return self._network.model

    def _variable(self, name: str) -> Any:
        layer, _, variable = self._names[name].name.partition("/")
        return getattr(self._end_point_model.get_layer(layer), variable)

    def _get(self, name: str) -> Array:
        return self._canonical(name, self._variable(name))

    def _set(self, name: str, value: Array) -> None:
        value = self._names[name].from_canonical(value)
        # A copy: on a CPU JAX would go on using the array's own memory. On its device, or JAX moves it to a GPU.
        with on_device(self.device):
            self._variable(name).assign(value.astype(as_dtype(self.dtype)))

    def save(self, path: str) -> None:
        """Write the native object whole, as a `.keras`; one built for training is written as it is at inference."""
        if not self.options.training:
            self.native.save(path)
            return
        at_inference = KerasNetwork(self.architecture, replace(self.options, training=False))
        at_inference.load(self.tensors())
        at_inference.save(path)

    def _run(self, part: str | None, x: Maps) -> dict[str, Maps]:
        with on_device(self.device):
            x = self._to_map(x)
            if part is None:
                end_points = self._end_point_model(x, training=False)
            else:
                end_points = {}
                self._network.parts[part](x, end_points)
            return {name: self._from_map(y) for name, y in end_points.items()}

    def _answer(self, images: Images) -> Answers:
        return self._prepare(images)()

    def _prepare(self, images: Images) -> Callable[[], Answers]:
        with on_device(self.device):
            x = self._to_map(images)

        def answer() -> Answers:
            with on_device(self.device):
                y = self.native.predict_on_batch(x) if self.options.compiled else self.native(x, training=False)
                return self._from_map(y[0] if isinstance(y, list) else y)  # without those of auxiliary heads

        return answer

    def _gradients(self, images: Images, labels: Labels, auxiliary_weight: float) -> Gradients:
        # Also the state of dropout's generator, so that its masks are not drawn twice.
        before = [(variable, self._to_numpy(variable)) for variable in self.native.non_trainable_weights]
        loss, by_path, to_images = self._differentiate(images, labels, auxiliary_weight)
        for variable, value in before:
            variable.assign(value)
        tensors = {name: self._canonical(name, by_path[variable.path]) for name, variable in self._learned().items()}
        return Gradients(loss, tensors, self._from_map(to_images))

    def _step(
        self, images: Images, labels: Labels, sgd: SGD, velocity: Tensors, auxiliary_weight: float
    ) -> tuple[float, dict[str, Array]]:
        learned = self._learned()
        with on_device(self.device):
            loss, by_path, _ = self._differentiate(images, labels, auxiliary_weight)
            momentums, update = self._optimizer(sgd)
            for name, momentum in zip(learned, momentums, strict=True):
                value = (
                    self._names[name].from_canonical(velocity[name]) if name in velocity else np.zeros(momentum.shape)
                )
                # Keras's has the learning rate in it, and the sign of a step.
                momentum.assign((-sgd.learning_rate * value).astype(as_dtype(self.dtype)))
            update([by_path[variable.path] for variable in learned.values()])
        new = zip(learned, momentums, strict=True)
        return loss, {name: self._canonical(name, momentum) / -sgd.learning_rate for name, momentum in new}

    def _observe(self, images: Images) -> None:
        with on_device(self.device):
            self.native(self._to_map(images), training=True)

    def _differentiate(
        self, images: Images, labels: Labels, auxiliary_weight: float
    ) -> tuple[float, dict[str, Any], Any]:
        """Return the loss, its gradients by the paths of the learned variables, and that with respect to the images."""
        convert = self._keras.ops.convert_to_tensor
        with on_device(self.device):
            x, weight = self._to_map(images), convert(auxiliary_weight, dtype=self.dtype)
            loss, gradients, to_images = self._differentiator(x, convert(labels), weight)
        paths = [variable.path for variable in self.native.trainable_variables]
        return float(self._to_numpy(loss)), dict(zip(paths, gradients, strict=True)), to_images

    def _optimizer(self, sgd: SGD) -> tuple[list[Any], Any]:
        """Return the velocities of the learned variables, as Keras keeps them, and the function that takes a step.

        They are made once for steps of the same kind. The function takes the gradients.
        """
        from isomorph.backends.keras.gradients import repeated

        if self._last_optimizer is None or self._last_optimizer[0] != sgd:
            optimizer = self._make_optimizer(self._learned(), sgd)
            self._last_optimizer = sgd, (optimizer.momentums, repeated(optimizer.apply))
        return self._last_optimizer[1]

    @cached_property
    def _differentiator(self) -> Any:
        from isomorph.backends.keras.gradients import make_differentiate

        return make_differentiate(self.native, self._loss_of, compiled=not self._has_eager_gradients())

    def _has_eager_gradients(self) -> bool:
        """Return whether TensorFlow has the gradients eagerly.

        On the CPU it has none of float64 convolutions that are grouped or dilated; XLA has them (2.21).
        """
        special = any(
            layer.rate > 1 or (layer.groups > 1 and not layer.is_depthwise) for layer in self.plan.convolutions
        )
        return not (special and self.dtype == "float64" and self.device == "cpu")

    def _learned(self) -> dict[str, Any]:
        """Return canonical name -> variable, for those that training learns."""
        return {name: self._variable(name) for name in self.learned}

    def _canonical(self, name: str, value: Any) -> Array:
        """Return the value, gradient or velocity of a tensor in the canonical order of its axes."""
        return self._names[name].to_canonical(self._to_numpy(value)).copy()

    def _to_map(self, x: Maps) -> Any:
        """[N, H, W, C] -> the layout that the model takes."""
        x = x if self.options.layout == "NHWC" else np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        return self._keras.ops.convert_to_tensor(x, dtype=self.dtype)

    def _from_map(self, y: Any) -> Array:
        """A result of the model -> [N, h, w, C]; [N, C] stays as it is."""
        array = self._to_numpy(y)
        return array if self.options.layout == "NHWC" or array.ndim != 4 else array.transpose(0, 2, 3, 1)

    def _to_numpy(self, x: Any) -> Array:
        # JAX's arrays can only be read.
        return np.require(self._keras.ops.convert_to_numpy(x), as_dtype(self.dtype), "W")


@contextmanager
def _room_to_recurse(units: int) -> Iterator[None]:
    """Raise the recursion limit: Keras walks a model's graph by recursion, and 1202 layers need more than Python's."""
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
        """Keras's version, and its engine's."""
        import keras

        return f"{keras.__version__} on {self.engine} {engine_version(self.engine)}"

    def has_gpu(self) -> bool:
        """Return whether the engine sees a GPU."""
        return has_gpu(self.engine)

    def has_gpu_build(self) -> bool:
        """Return whether the engine was built for GPUs."""
        return has_gpu_build(self.engine)

    def use_exact_arithmetic(self) -> None:
        """Turn off TF32 and reduced-precision sums, and turn on determinism, in the engine."""
        use_exact_arithmetic(self.engine)

    def use_tf32(self, allowed: bool = True) -> None:
        """Allow or forbid TF32 in the engine."""
        use_tf32(self.engine, allowed)

    def gpu_name(self) -> str | None:
        """Return the engine's name of the first GPU."""
        return gpu_name(self.engine)

    def lacks(self, device: str, dtype: str) -> str | None:
        """Return that Keras's batch norm and means on JAX and PyTorch silently compute float64 in float32 (3.15)."""
        if dtype == "float64" and self.engine != "tensorflow":
            return f"Keras on {self.engine} computes parts of float64 in float32."
        return None

    def compilers(self, device: str) -> tuple[Compiler, ...]:
        """Return the compilers of the engine."""
        return compilers(self.engine)

    def lacks_autocast(self, device: str, autocast: str) -> str | None:
        """Return None: Keras's mixed precision is the same on all engines."""
        return None

    def layouts(self, device: str) -> tuple[str, ...]:
        """Return both, but for TensorFlow on the CPU, which has NHWC convolutions alone."""
        return ("NHWC",) if self.engine == "tensorflow" and device == "cpu" else ("NHWC", "NCHW")

    def framework(self) -> Framework:
        """Return Keras, as `isomorph bench` measures it."""
        from isomorph.backends.keras.speed import KerasFramework

        return KerasFramework()

    def exports(self) -> Mapping[str, Export]:
        """Return Keras's own formats."""
        from isomorph.backends.keras.exports import EXPORTS

        return EXPORTS

    def open(self, what: str, arguments: Mapping[str, Any] | None = None) -> Model:
        """Open a factory of a keras.Model, a `.keras` file, or the folder of a SavedModel."""
        self._require_tensorflow()
        from isomorph.backends.keras.tracing.model import open_model

        return open_model(what, arguments or {})

    def model(self, native: Any) -> Model:
        """Return a keras.Model as a model that can be traced."""
        self._require_tensorflow()
        from isomorph.backends.keras.tracing.model import model_of

        return model_of(native, type(native).__name__)

    def _require_tensorflow(self) -> None:
        """Raise Unavailable on another engine, which does not tell of its operations."""
        if self.engine != "tensorflow":
            raise Unavailable(f"{self.name} opens no models of others; Keras on TensorFlow does.")

    def _build(self, architecture: Architecture, options: Options) -> KerasNetwork:
        return KerasNetwork(architecture, options)


def create(engine: str) -> Keras:
    """Return the backend, for `load_backend`, on the engine named behind the colon."""
    return Keras(engine or "tensorflow")
