"""The protocol over PyTorch."""

import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from isomorph.backends.exporting import Export
from isomorph.backends.models import Model
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
from isomorph.backends.pytorch.compiling import compile_whole
from isomorph.backends.pytorch.exports import EXPORTS
from isomorph.backends.pytorch.naming import NAMING
from isomorph.backends.pytorch.network import ConvNet, make_network
from isomorph.backends.pytorch.speed import PyTorchFramework
from isomorph.backends.pytorch.tracing.model import PyTorchModel
from isomorph.backends.pytorch.tracing.programs import open_model
from isomorph.backends.pytorch.training import loss_of, make_optimizer
from isomorph.backends.speed.framework import Framework
from isomorph.backends.training import SGD, Gradients
from isomorph.spec import Architecture


class PyTorchNetwork(Network):
    """An architecture as an nn.Module.

    Its tensors are [N, C, H, W] in either layout: PyTorch keeps that shape and orders the memory behind it.
    """

    def __init__(self, architecture: Architecture, options: Options) -> None:
        super().__init__(architecture, options)
        self._names = NAMING.tensors(self.plan.architecture)
        self._loss_of, self._make_optimizer = loss_of, make_optimizer
        self._place = {
            "device": "cuda" if self.device == "gpu" else "cpu",
            "dtype": getattr(torch, self.dtype),
        }
        self._format = torch.channels_last if options.layout == "NHWC" else torch.contiguous_format
        self._module = make_network(self.plan, options.freeze_batch_norm).to(**self._place)
        self._module.train(options.training)
        self._module.to(memory_format=self._format)  # type: ignore[call-overload]  # its type stubs forgot this one
        if options.compiled:
            compile_whole(self._module)

    @property
    def native(self) -> ConvNet:
        """The nn.Module, [N, C, H, W] -> [N, classes]."""
        return self._module

    def _parameter(self, name: str) -> Tensor:
        parameter: Tensor = attrgetter(self._names[name].name)(self._module)
        return parameter

    def _submodule(self, scope: str) -> nn.Module:
        """Return the module of an end point or a part."""
        return self._module.get_submodule(".".join(self.plan.modules.get(scope, (scope,))))

    def _get(self, name: str) -> Array:
        return self._canonical(name, self._parameter(name))

    def _set(self, name: str, value: Array) -> None:
        value = self._names[name].from_canonical(value)
        with torch.no_grad():
            self._parameter(name).copy_(self._to_torch(value))

    def save(self, path: str) -> None:
        """Write the native object's state_dict."""
        torch.save(self.native.state_dict(), path)

    def _run(self, part: str | None, x: Maps) -> dict[str, Maps]:
        run = self._module.forward if part is None else self._submodule(part)
        end_points: dict[str, Maps] = {}
        recorded = self._recorded_in(end_points, whole=part is None)
        with torch.inference_mode(), self._autocast(), self._in_mode(training=False), recorded:
            run(self._to_map(x))
        return end_points

    def _answer(self, images: Images) -> Answers:
        return self._prepare(images)()

    def _prepare(self, images: Images) -> Callable[[], Answers]:
        x = self._to_map(images)

        def answer() -> Answers:
            with torch.inference_mode(), self._autocast(), self._in_mode(training=False):
                return self._from_map(self._module(x))

        return answer

    def _gradients(self, images: Images, labels: Labels, auxiliary_weight: float) -> Gradients:
        x, parameters = self._to_map(images).requires_grad_(), self._learned()
        with self._in_mode(training=True), self._statistics_restored():
            with self._autocast():
                loss = self._loss_of(self._module.forward(x), self._to_labels(labels), auxiliary_weight)
            *to_parameters, to_x = torch.autograd.grad(loss, [*parameters.values(), x])
        tensors = {name: self._canonical(name, x) for name, x in zip(parameters, to_parameters, strict=True)}
        return Gradients(loss.item(), tensors, self._from_map(to_x))

    def _step(
        self, images: Images, labels: Labels, sgd: SGD, velocity: Tensors, auxiliary_weight: float
    ) -> tuple[float, dict[str, Array]]:
        parameters = self._learned()
        optimizer = self._make_optimizer(parameters, sgd)
        for name, value in velocity.items():
            moved = self._to_torch(self._names[name].from_canonical(value)).clone()  # the optimiser works in place
            optimizer.state[parameters[name]]["momentum_buffer"] = moved
        with self._in_mode(training=True):
            with self._autocast():
                loss = self._loss_of(self._module(self._to_map(images)), self._to_labels(labels), auxiliary_weight)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        buffers = {name: optimizer.state[parameter]["momentum_buffer"] for name, parameter in parameters.items()}
        return loss.item(), {name: self._canonical(name, buffer) for name, buffer in buffers.items()}

    def _observe(self, images: Images) -> None:
        with torch.no_grad(), self._autocast(), self._in_mode(training=True):
            self._module.forward(self._to_map(images))

    def _learned(self) -> dict[str, Tensor]:
        """Return canonical name -> parameter, for those that training learns."""
        return {name: self._parameter(name) for name in self.learned}

    def _canonical(self, name: str, value: Tensor) -> Array:
        """Return the value, gradient or velocity of a tensor in the canonical order of its axes."""
        return self._names[name].to_canonical(self._to_numpy(value)).copy()

    def _autocast(self) -> torch.autocast:
        """Return autocast for the forward pass alone, as in PyTorch's own recipe; the backward pass follows it."""
        precision = getattr(torch, self.options.precision)
        return torch.autocast(self._place["device"], precision, enabled=self.options.autocast is not None)

    @contextmanager
    def _in_mode(self, training: bool) -> Iterator[None]:
        """Put all modules in training or evaluation mode; at the end, put each back in its own mode."""
        modes = [(module, module.training) for module in self._module.modules()]
        self._module.train(training)
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode

    @contextmanager
    def _statistics_restored(self) -> Iterator[None]:
        """Restore the running statistics at the end."""
        saved = [(buffer, buffer.clone()) for buffer in self._module.buffers()]
        try:
            yield
        finally:
            for buffer, before in saved:
                buffer.copy_(before)

    @contextmanager
    def _recorded_in(self, end_points: dict[str, Maps], whole: bool) -> Iterator[None]:
        """Have every module that makes an end point leave a copy of it in `end_points`.

        whole: whether the network runs, and not a part: its auxiliary heads then run, too.
        """

        def hook(name: str, y: Tensor) -> None:
            end_points[name] = self._from_map(y)
            if name == "logits":
                end_points["predictions"] = self._from_map(y.softmax(dim=1))
            if head := heads.get(name):
                self._submodule(head)(y)  # nothing else calls it at inference

        heads = self.plan.heads if whole else {}
        names = {name for names in self.plan.parts.values() for name in names} - {"predictions"}
        handles = [
            self._submodule(name).register_forward_hook(lambda _module, _inputs, y, name=name: hook(name, y))
            for name in names
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _to_torch(self, x: Array) -> Tensor:
        # PyTorch does not know ml_dtypes' bfloat16; float32 holds it exactly.
        x = x.astype(np.float32) if x.dtype == as_dtype("bfloat16") else x
        with warnings.catch_warnings():
            # It may be read-only: nothing here writes to it.
            warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
            return torch.from_numpy(x).to(**self._place)

    def _to_labels(self, labels: Labels) -> Tensor:
        return torch.from_numpy(labels).to(self._place["device"])

    def _to_map(self, x: Maps) -> Tensor:
        """[N, H, W, C] -> [N, C, H, W] in the network's layout."""
        return self._to_torch(x.transpose(0, 3, 1, 2)).contiguous(memory_format=self._format)

    def _from_map(self, y: Tensor) -> Array:
        """[N, C, h, w] -> [N, h, w, C]; [N, C] as it is."""
        array = self._to_numpy(y)
        return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array

    def _to_numpy(self, x: Tensor) -> Array:
        """Return a copy, as later layers may work in place."""
        exact = x.float() if x.dtype == torch.bfloat16 else x
        return exact.detach().cpu().numpy().astype(as_dtype(self.dtype), copy=True)


class PyTorch(Backend):
    """The PyTorch backend."""

    name = "pytorch"

    @property
    def version(self) -> str:
        """PyTorch's version."""
        return str(torch.__version__)

    def has_gpu(self) -> bool:
        """Return whether PyTorch sees a GPU, by CUDA or ROCm."""
        return torch.cuda.is_available()

    def has_gpu_build(self) -> bool:
        """Return whether PyTorch was built with CUDA or ROCm."""
        return torch.version.cuda is not None or torch.version.hip is not None

    def use_exact_arithmetic(self) -> None:
        """Turn off TF32 and reduced-precision sums, and make cuDNN deterministic."""
        self.use_tf32(False)
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
        torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True

    def use_tf32(self, allowed: bool = True) -> None:
        """Allow or forbid TF32 in matrix products and in cuDNN's convolutions."""
        # Both by the names that PyTorch had before `fp32_precision`: it refuses to tell either way once they are mixed.
        torch.backends.cuda.matmul.allow_tf32 = allowed
        torch.backends.cudnn.allow_tf32 = allowed

    def gpu_name(self) -> str | None:
        """Return CUDA's (or ROCm's) name of the device that "cuda" means."""
        return torch.cuda.get_device_name() if self.has_gpu() else None

    def layouts(self, device: str) -> tuple[str, ...]:
        """Return both; the README has the measurements behind the order, which a GPU's exact float32 reverses."""
        return ("NHWC", "NCHW") if device == "cpu" else ("NCHW", "NHWC")

    def cannot_compile(self, device: str) -> str | None:
        """Return why torch.compile cannot run: on a CPU it needs a C++ compiler."""
        compiler = os.environ.get("CXX", "g++")
        if device == "cpu" and shutil.which(compiler) is None:
            return f"torch.compile needs a C++ compiler, and there is no {compiler} here; CXX may name another."
        return None

    def lacks_autocast(self, device: str, autocast: str) -> str | None:
        """Return None: torch.autocast has both precisions on both devices."""
        return None

    def framework(self) -> Framework:
        """Return PyTorch, as `isomorph bench` measures it."""
        return PyTorchFramework()

    def exports(self) -> Mapping[str, Export]:
        """Return PyTorch's own formats."""
        return EXPORTS

    def open(self, what: str, arguments: Mapping[str, Any] | None = None) -> Model:
        """Open a factory of an nn.Module, or a program of TorchScript (.pt) or of `torch.export` (.pt2)."""
        return open_model(what, arguments or {})

    def model(self, native: Any) -> Model:
        """Return an nn.Module as a model that can be traced."""
        return PyTorchModel(native, type(native).__name__)

    def _build(self, architecture: Architecture, options: Options) -> PyTorchNetwork:
        return PyTorchNetwork(architecture, options)


def create(engine: str) -> PyTorch:
    """Return the backend, for `load_backend`; it has no engines."""
    return PyTorch()
