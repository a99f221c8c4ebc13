"""Paddle's zoo, training step and matrix product."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.jit import to_static

from isomorph.backends.network import Array
from isomorph.backends.options import Options
from isomorph.backends.paddle.engine import Engine
from isomorph.backends.paddle.training import loss_of
from isomorph.backends.speed.clock import Work
from isomorph.backends.speed.framework import LEARNING_RATE, MOMENTUM, Framework, Zoo
from isomorph.backends.training import AUXILIARY_WEIGHT


class VisionModel(Zoo):
    """A network of paddle.vision.models."""

    def __init__(self, native: nn.Layer, device: str) -> None:
        self.options = Options(device, layout="NCHW")
        self.native = native
        self.native.eval()

    def load(self, tensors: Mapping[str, Array]) -> None:
        """By its own `set_state_dict`."""
        self.native.set_state_dict(dict(tensors))

    def prepared(self, images: Array) -> Callable[[], Array]:
        """Without gradients; a network with auxiliary heads answers with theirs behind."""
        self.native.eval()
        x = paddle.to_tensor(_to_map(images, "NCHW"))

        def answer() -> Array:
            with paddle.no_grad():
                y = self.native(x)
            found: Array = (y[0] if isinstance(y, tuple | list) else y).numpy()
            return found

        return answer


class PaddleFramework(Framework):
    """As Paddle's own guides have it."""

    def zoo(self, name: str, classes: int, size: tuple[int, int, int], device: str) -> Zoo:
        """paddle.vision.models."""
        paddle.device.set_device(device)
        return VisionModel(getattr(paddle.vision.models, name)(num_classes=classes), device)

    def training_step(self, native: Any, options: Options, images: Array, labels: Array) -> Work:
        """The forward pass alone is static, or under autocast."""
        native.train()
        paddle.device.set_device(options.device)
        run = to_static(native.forward, full_graph=True) if options.compiled else native
        optimizer = paddle.optimizer.Momentum(LEARNING_RATE, MOMENTUM, parameters=native.parameters())
        y = paddle.to_tensor(labels)

        def step() -> float:
            with paddle.amp.auto_cast(dtype=options.autocast) if options.autocast else nullcontext():
                loss = loss_of(run(paddle.to_tensor(_to_map(images, options.layout))), y, AUXILIARY_WEIGHT)
            loss.backward()
            optimizer.step()
            optimizer.clear_grad()
            return loss.item()

        return step

    def products(self, size: int, precision: str, device: str) -> Iterator[tuple[str, Work]]:
        """`paddle.matmul`, and in float32 the same in Paddle's inference engine, which leaves it to oneDNN on a CPU."""
        paddle.device.set_device(device)
        matrix = paddle.ones([size, size], dtype=precision)

        def multiply() -> float:
            with paddle.no_grad():
                return paddle.matmul(matrix, matrix)[0, 0].item()  # which waits for a GPU

        yield "paddle.matmul", multiply
        if precision == "float32":
            rows = matrix.numpy()
            engine = Engine(_Product(matrix), rows, gpu=device == "gpu", onednn=True)
            yield "paddle.matmul in its inference engine", lambda: engine(rows)

    def threads(self) -> int:
        """As it was told; Paddle does not say."""
        return int(os.environ.get("OMP_NUM_THREADS", "1"))


class _Product(nn.Layer):
    """Rows [N, size] -> one value of their product with a matrix [size, size]."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.matrix = matrix

    def forward(self, rows: Tensor) -> Tensor:
        return paddle.matmul(rows, self.matrix)[:1, :1]


def _to_map(images: Array, layout: str) -> Array:
    """[N, H, W, C] as a layer of that layout takes it."""
    return images if layout == "NHWC" else np.ascontiguousarray(images.transpose(0, 3, 1, 2))
