"""Paddle's zoo, training step and matrix product, for `isomorph bench`."""

import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.jit import to_static

from isomorph.backends.array_forms import Answers, Array, Images, Labels, Tensors
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

    def load(self, tensors: Tensors) -> None:
        """Load by its own `set_state_dict`."""
        self.native.set_state_dict(dict(tensors))

    def prepared(self, images: Images) -> Callable[[], Answers]:
        """As `Zoo.prepared`, without gradients, and without the answers of auxiliary heads."""
        self.native.eval()
        x = paddle.to_tensor(_to_map(images, "NCHW"))

        def answer() -> Answers:
            with paddle.no_grad():
                y = self.native(x)
            logits: Answers = (y[0] if isinstance(y, tuple | list) else y).numpy()
            return logits

        return answer


class PaddleFramework(Framework):
    """Paddle, used as in its own guides."""

    def zoo(self, name: str, classes: int, size: tuple[int, int, int], device: str) -> Zoo:
        """Return a network of paddle.vision.models."""
        paddle.device.set_device(device)
        return VisionModel(getattr(paddle.vision.models, name)(num_classes=classes), device)

    def training_step(self, native: Any, options: Options, images: Images, labels: Labels) -> Work:
        """Return a training step, whose forward pass alone is static, or under autocast."""
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
        """Yield `paddle.matmul`, in float32 also in the inference engine, which leaves it to oneDNN on a CPU."""
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
        """Return the number of threads set in the environment, as Paddle does not tell."""
        return int(os.environ.get("OMP_NUM_THREADS", "1"))


class _Product(nn.Layer):
    """Rows [N, size] -> one value of their product with a matrix [size, size]."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.matrix = matrix

    def forward(self, rows: Tensor) -> Tensor:
        return paddle.matmul(rows, self.matrix)[:1, :1]


def _to_map(images: Images, layout: str) -> Array:
    """[N, H, W, C] -> the layout that a layer takes."""
    return images if layout == "NHWC" else np.ascontiguousarray(images.transpose(0, 3, 1, 2))
