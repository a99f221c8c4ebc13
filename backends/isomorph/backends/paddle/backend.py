"""The protocol over Paddle."""

from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter

import numpy as np
import paddle
from paddle import Tensor, nn

from isomorph.backends.paddle.network import ResNet, layer_path
from isomorph.backends.protocol import Array, Backend, Network, as_dtype
from isomorph.spec import Architecture
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS, split

# canonical leaf -> attribute of a ConvBatchNorm
LEAVES = {
    WEIGHTS: "conv.weight",
    BIASES: "conv.bias",
    GAMMA: "batch_norm.weight",
    BETA: "batch_norm.bias",
    MOVING_MEAN: "batch_norm._mean",
    MOVING_VARIANCE: "batch_norm._variance",
}


class PaddleNetwork(Network):
    """An architecture as a paddle.nn.Layer in NCHW."""

    def __init__(self, architecture: Architecture, device: str, dtype: str, training: bool) -> None:
        super().__init__(architecture, device, dtype)
        self._place = paddle.CUDAPlace(0) if device == "gpu" else paddle.CPUPlace()
        self._layer = ResNet(self.plan).to(device=self._place, dtype=dtype)
        if training:
            self._layer.train()
        else:
            self._layer.eval()

    @property
    def native(self) -> ResNet:
        """The paddle.nn.Layer, [N, C, H, W] -> [N, classes]."""
        return self._layer

    def _parameter(self, name: str) -> Tensor:
        scope, leaf = split(name)
        return attrgetter(LEAVES[leaf])(self._sublayer(layer_path(scope)))

    def _sublayer(self, path: str) -> nn.Layer:
        return attrgetter(path)(self._layer)

    def _get(self, name: str) -> Array:
        value = self._to_numpy(self._parameter(name))
        return value.transpose(2, 3, 1, 0).copy() if value.ndim == 4 else value

    def _set(self, name: str, value: Array) -> None:
        value = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value
        self._parameter(name).set_value(self._to_paddle(value))

    def _run(self, part: str | None, x: Array) -> dict[str, Array]:
        layer = self._layer if part is None else self._sublayer(_part_path(part))
        found: dict[str, Array] = {}
        with paddle.no_grad(), self._in_eval_mode(), self._recorded_in(found):
            layer(self._to_paddle(x.transpose(0, 3, 1, 2)))
        return found

    @contextmanager
    def _in_eval_mode(self) -> Iterator[None]:
        """Batch norm uses its running statistics and leaves them alone; then every layer is back in its own mode."""
        modes = [(layer, layer.training) for layer in self._layer.sublayers(include_self=True)]
        self._layer.eval()
        try:
            yield
        finally:
            for layer, training in modes:
                layer.training = training

    @contextmanager
    def _recorded_in(self, found: dict[str, Array]) -> Iterator[None]:
        """Have every layer that makes an end point leave a copy of it in `found`."""

        def hook(name: str, y: Tensor) -> None:
            found[name] = self._to_numpy(y).transpose(0, 2, 3, 1)
            if name == "logits":
                found["predictions"] = self._to_numpy(paddle.nn.functional.softmax(y, axis=1)).transpose(0, 2, 3, 1)

        names = {name for names in self.plan.parts.values() for name in names} - {"predictions"}
        handles = [
            self._sublayer(layer_path(name)).register_forward_post_hook(
                lambda _layer, _inputs, y, name=name: hook(name, y)
            )
            for name in names
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _to_paddle(self, x: Array) -> Tensor:
        # Through float32 where NumPy has no such dtype; it holds bfloat16 exactly.
        x = x.astype(np.float32) if x.dtype == as_dtype("bfloat16") else x
        return paddle.to_tensor(np.ascontiguousarray(x), dtype=self.dtype, place=self._place)

    def _to_numpy(self, x: Tensor) -> Array:
        exact = x.astype("float32") if self.dtype == "bfloat16" else x
        return exact.numpy().astype(as_dtype(self.dtype), copy=False)


def _part_path(part: str) -> str:
    return part if part in ("stem", "head") else layer_path(part)


class Paddle(Backend):
    """The Paddle backend."""

    name = "paddle"

    @property
    def version(self) -> str:
        """Paddle's."""
        return str(paddle.__version__)

    def has_gpu(self) -> bool:
        """Whether this build has CUDA and sees a device."""
        return bool(paddle.device.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0)

    def use_exact_arithmetic(self) -> None:
        """Deterministic kernels. Paddle has no switch for TF32: NVIDIA_TF32_OVERRIDE=0, set for every worker, is it."""
        if paddle.device.is_compiled_with_cuda():  # a CPU build does not know the flag
            paddle.set_flags({"FLAGS_cudnn_deterministic": True})

    def lacks(self, device: str, dtype: str) -> str | None:
        """Paddle has no half-precision convolution on the CPU."""
        if device == "cpu" and dtype in ("bfloat16", "float16"):
            return f"Paddle {self.version} has no {dtype} convolution on the CPU."
        return None

    def _build(self, architecture: Architecture, device: str, dtype: str, training: bool) -> PaddleNetwork:
        return PaddleNetwork(architecture, device, dtype, training)


def create(engine: str) -> Paddle:
    """The backend, for `load_backend`; it has no engines."""
    return Paddle()
