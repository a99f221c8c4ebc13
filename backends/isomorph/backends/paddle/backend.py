"""The protocol over Paddle."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from operator import attrgetter
from typing import Any

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.jit import to_static

from isomorph.backends.exporting import Export
from isomorph.backends.models import Model
from isomorph.backends.options import Compiler
from isomorph.backends.paddle.engine import Engine
from isomorph.backends.paddle.exports import EXPORTS
from isomorph.backends.paddle.naming import NAMING
from isomorph.backends.paddle.network import ConvNet, make_network
from isomorph.backends.paddle.speed import PaddleFramework
from isomorph.backends.paddle.tracing.model import PaddleModel, open_model
from isomorph.backends.paddle.training import loss_of, make_optimizer, velocity_of
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
    as_dtype,
)
from isomorph.backends.speed.framework import Framework
from isomorph.backends.training import SGD, Gradients
from isomorph.spec import Architecture


class PaddleNetwork(Network):
    """An architecture as a paddle.nn.Layer."""

    def __init__(self, architecture: Architecture, options: Options) -> None:
        super().__init__(architecture, options)
        self._names = NAMING.tensors(self.plan.architecture)
        self._loss_of, self._make_optimizer = loss_of, make_optimizer
        self._place = paddle.CUDAPlace(0) if self.device == "gpu" else paddle.CPUPlace()
        with self._on_device():
            network = make_network(self.plan, options.layout, options.freeze_batch_norm)
            self._layer = network.to(device=self._place, dtype=self.dtype)
        self._engines: dict[tuple[int, ...], Engine] = {}  # one for each size of images
        # The method and not the layer, which would then be static whoever calls it; the weights are the same.
        self._static = to_static(self._layer.forward, full_graph=True) if options.compiled == "graph" else None
        if options.training:
            self._layer.train()
        else:
            self._layer.eval()

    @property
    def native(self) -> ConvNet:
        """The paddle.nn.Layer, [N, C, H, W] -> [N, classes]; in the layout NHWC it takes [N, H, W, C].

        It always runs eagerly. `answer` runs the static program that shares its weights (`compiled="graph"`) or the
        exported copy ("engine").
        """
        return self._layer

    def _parameter(self, name: str) -> Tensor:
        return attrgetter(self._names[name].name)(self._layer)

    def _sublayer(self, scope: str) -> nn.Layer:
        """Return the module of an end point or a part."""
        return attrgetter(".".join(self.plan.modules.get(scope, (scope,))))(self._layer)

    def _get(self, name: str) -> Array:
        return self._canonical(name, self._parameter(name))

    def _set(self, name: str, value: Array) -> None:
        value = self._names[name].from_canonical(value)
        self._parameter(name).set_value(self._to_paddle(value))
        self._engines.clear()

    def save(self, path: str) -> None:
        """Write the native object's state_dict."""
        paddle.save(self.native.state_dict(), path)

    def _run(self, part: str | None, x: Maps) -> dict[str, Maps]:
        layer = self._layer if part is None else self._sublayer(part)
        end_points: dict[str, Maps] = {}
        with (
            self._on_device(),
            paddle.no_grad(),
            self._autocast(),
            self._in_mode(training=False),
            self._recorded_in(end_points, whole=part is None),
        ):
            layer(self._to_paddle(self._to_map(x)))
        return end_points

    def _answer(self, images: Images) -> Answers:
        return self._prepare(images)()

    def _prepare(self, images: Images) -> Callable[[], Answers]:
        if self.options.compiled == "engine":
            x = np.ascontiguousarray(self._to_map(images))
            with self._on_device(), self._in_mode(training=False):
                engine = self._engine(x)
            return lambda: self._from_map(engine(x))
        y = self._to_paddle(self._to_map(images))

        def answer() -> Answers:
            with self._on_device(), paddle.no_grad(), self._autocast(), self._in_mode(training=False):
                return self._from_map(self._to_numpy((self._static or self._layer)(y)))

        return answer

    def _engine(self, x: Array) -> Engine:
        """Return the engine for images of this size. oneDNN lacks float64 and takes NHWC maps for NCHW (Paddle 3.3)."""
        if x.shape[1:] not in self._engines:
            onednn = self.dtype == "float32" and self.options.layout == "NCHW"
            self._engines[x.shape[1:]] = Engine(self._layer, x, gpu=self.device == "gpu", onednn=onednn)
        return self._engines[x.shape[1:]]

    def _gradients(self, images: Images, labels: Labels, auxiliary_weight: float) -> Gradients:
        x, parameters = self._to_paddle(self._to_map(images)), self._learned()
        x.stop_gradient = False
        with self._on_device(), self._in_mode(training=True), self._statistics_restored():
            with self._autocast():
                loss = self._loss_of(self._layer(x), self._to_labels(labels), auxiliary_weight)
            loss.backward()  # not `paddle.grad`: a beta without a gamma has none by that
        tensors = {name: self._canonical(name, parameter.grad) for name, parameter in parameters.items()}
        self._layer.clear_gradients()
        return Gradients(loss.item(), tensors, self._from_map(self._to_numpy(x.grad)))

    def _step(
        self, images: Images, labels: Labels, sgd: SGD, velocity: Tensors, auxiliary_weight: float
    ) -> tuple[float, dict[str, Array]]:
        parameters = self._learned()
        optimizer = self._make_optimizer(parameters, sgd)
        state = {
            velocity_of(parameters[name]): self._to_paddle(self._names[name].from_canonical(value))
            for name, value in velocity.items()
        }
        optimizer.set_state_dict(state)
        with (
            self._on_device(),
            self._in_mode(training=True),
            paddle.utils.unique_name.guard(),
        ):  # optimizers are numbered
            x = self._to_paddle(self._to_map(images))
            with self._autocast():
                loss = self._loss_of(self._layer(x), self._to_labels(labels), auxiliary_weight)
            loss.backward()
            optimizer.step()
            optimizer.clear_grad()
        self._engines.clear()
        state = optimizer.state_dict()
        return loss.item(), {name: self._canonical(name, state[velocity_of(y)]) for name, y in parameters.items()}

    def _observe(self, images: Images) -> None:
        with self._on_device(), paddle.no_grad(), self._autocast(), self._in_mode(training=True):
            self._layer(self._to_paddle(self._to_map(images)))
        self._engines.clear()

    def _learned(self) -> dict[str, Tensor]:
        """Return canonical name -> parameter, for those that training learns."""
        return {name: self._parameter(name) for name in self.learned}

    def _canonical(self, name: str, value: Tensor) -> Array:
        """Return the value, gradient or velocity of a tensor in the canonical order of its axes."""
        return self._names[name].to_canonical(self._to_numpy(value)).copy()

    @contextmanager
    def _on_device(self) -> Iterator[None]:
        """Make the network's device Paddle's own, which is the GPU by default; at the end, restore it."""
        before = paddle.device.get_device()
        paddle.device.set_device(self.device)
        try:
            yield
        finally:
            paddle.device.set_device(before)

    def _autocast(self) -> AbstractContextManager[None]:
        """Return autocast for the forward pass alone; the backward pass follows it."""
        autocast = self.options.autocast
        return paddle.amp.auto_cast(dtype=autocast) if autocast else nullcontext()

    @contextmanager
    def _in_mode(self, training: bool) -> Iterator[None]:
        """Put all layers in training or evaluation mode; at the end, put each back in its own mode."""
        modes = [(layer, layer.training) for layer in self._layer.sublayers(include_self=True)]
        if training:
            self._layer.train()
        else:
            self._layer.eval()
        try:
            yield
        finally:
            for layer, mode in modes:
                layer.training = mode

    @contextmanager
    def _statistics_restored(self) -> Iterator[None]:
        """Restore the running statistics at the end. To Paddle they are parameters that have no gradient."""
        saved = [(tensor, tensor.clone()) for tensor in self._layer.parameters() if tensor.stop_gradient]
        try:
            yield
        finally:
            for tensor, before in saved:
                tensor.set_value(before)

    @contextmanager
    def _recorded_in(self, end_points: dict[str, Maps], whole: bool) -> Iterator[None]:
        """Have every layer that makes an end point leave a copy of it in `end_points`.

        whole: whether the network runs, and not a part: its auxiliary heads then run, too.
        """

        def hook(name: str, y: Tensor) -> None:
            end_points[name] = self._from_map(self._to_numpy(y))
            if name == "logits":
                predictions = paddle.nn.functional.softmax(y, axis=self.options.layout.index("C"))
                end_points["predictions"] = self._from_map(self._to_numpy(predictions))
            if head := heads.get(name):
                self._sublayer(head)(y)  # nothing else calls it at inference

        heads = self.plan.heads if whole else {}
        names = {name for names in self.plan.parts.values() for name in names} - {"predictions"}
        handles = [
            self._sublayer(name).register_forward_post_hook(lambda _layer, _inputs, y, name=name: hook(name, y))
            for name in names
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _to_map(self, x: Maps) -> Array:
        """[N, H, W, C] -> the layout that the layer takes."""
        return x if self.options.layout == "NHWC" else x.transpose(0, 3, 1, 2)

    def _from_map(self, y: Array) -> Array:
        """A result of the layer -> [N, h, w, C]; [N, C] stays as it is."""
        return y if self.options.layout == "NHWC" or y.ndim != 4 else y.transpose(0, 2, 3, 1)

    def _to_paddle(self, x: Array) -> Tensor:
        # Through float32 where NumPy has no such dtype; it holds bfloat16 exactly.
        x = x.astype(np.float32) if x.dtype == as_dtype("bfloat16") else x
        return paddle.to_tensor(np.ascontiguousarray(x), dtype=self.dtype, place=self._place)

    def _to_labels(self, labels: Labels) -> Tensor:
        return paddle.to_tensor(labels, place=self._place)

    def _to_numpy(self, x: Tensor) -> Array:
        exact = x.astype("float32") if x.dtype == paddle.bfloat16 else x
        return exact.numpy().astype(as_dtype(self.dtype), copy=False)


class Paddle(Backend):
    """The Paddle backend."""

    name = "paddle"

    @property
    def version(self) -> str:
        """Paddle's version."""
        return str(paddle.__version__)

    def has_gpu(self) -> bool:
        """Return whether this build has CUDA and sees a device."""
        return bool(paddle.device.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0)

    def has_gpu_build(self) -> bool:
        """Return whether Paddle was built with CUDA."""
        return bool(paddle.device.is_compiled_with_cuda())

    def use_exact_arithmetic(self) -> None:
        """Turn off TF32, and make cuDNN's kernels deterministic."""
        self.use_tf32(False)
        if paddle.device.is_compiled_with_cuda():  # a CPU build does not know the flag
            paddle.set_flags({"FLAGS_cudnn_deterministic": True})

    def use_tf32(self, allowed: bool = True) -> None:
        """Allow or forbid TF32 in matrix products and cuDNN's convolutions; NVIDIA_TF32_OVERRIDE=0 overrides it."""
        # The switches that Paddle has; its own tests alone call them (test/legacy_test/test_tf32_cudnn.py).
        for switch in ("set_cublas_switch", "set_cudnn_switch"):
            if hasattr(paddle.base.core, switch):  # CPU builds have none before 3.3
                getattr(paddle.base.core, switch)(allowed)

    def gpu_name(self) -> str | None:
        """Return CUDA's name of the first GPU."""
        return str(paddle.device.cuda.get_device_name(0)) if self.has_gpu() else None

    def lacks(self, device: str, dtype: str) -> str | None:
        """Return that Paddle has no half-precision convolution on the CPU."""
        if device == "cpu" and dtype in ("bfloat16", "float16"):
            return f"Paddle {self.version} has no {dtype} convolution on the CPU."
        return None

    def layouts(self, device: str) -> tuple[str, ...]:
        """Return both; the README has the measurements behind the order."""
        return ("NCHW", "NHWC")

    def compilers(self, device: str) -> tuple[Compiler, ...]:
        """Return the inference engine, and static programs, which without CINN are no faster than eager ones."""
        return ("engine", "graph")

    def lacks_autocast(self, device: str, autocast: str) -> str | None:
        """Return that `paddle.amp.auto_cast` has no effect on a CPU, as it warns itself (3.3)."""
        return "Paddle's auto_cast makes no effect on the CPU." if device == "cpu" else None

    def lacks_together(self, options: Options) -> str | None:
        """Return why options do not go with the inference engine, which runs a copy of the layer as it is."""
        if options.compiled != "engine":
            return None
        if options.training:
            return "Paddle's inference engine runs a copy of the weights, which training would leave behind."
        if options.autocast:
            return "Paddle's inference engine computes in the dtype of the weights; autocast goes with graph."
        return None

    def framework(self) -> Framework:
        """Return Paddle, as `isomorph bench` measures it."""
        return PaddleFramework()

    def exports(self) -> Mapping[str, Export]:
        """Return Paddle's own formats."""
        return EXPORTS

    def open(self, what: str, arguments: Mapping[str, Any] | None = None) -> Model:
        """Open a factory of a paddle.nn.Layer, or a program of `paddle.jit.save`."""
        return open_model(what, arguments or {})

    def model(self, native: Any) -> Model:
        """Return a paddle.nn.Layer as a model that can be traced."""
        return PaddleModel(native, type(native).__name__)

    def _build(self, architecture: Architecture, options: Options) -> PaddleNetwork:
        return PaddleNetwork(architecture, options)


def create(engine: str) -> Paddle:
    """Return the backend, for `load_backend`; it has no engines."""
    return Paddle()
