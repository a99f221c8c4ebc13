"""Paddle's yardstick: paddle.vision.models.resnet50."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import paddle
import paddle.nn.functional as F
from paddle import nn

Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Call = Callable[[], object]

NETWORK = "paddle/resnet50"


def make() -> nn.Layer:
    """The zoo's ResNet-50, freshly drawn."""
    return paddle.vision.models.resnet50(pretrained=False)


def forward(layer: nn.Layer, images: Images) -> Call:
    """One pass at inference, as its users write it."""
    layer.eval()
    x = paddle.to_tensor(images.transpose(0, 3, 1, 2).copy())

    def call() -> object:
        with paddle.no_grad():
            return layer(x).numpy()

    return call


def train_step(layer: nn.Layer, images: Images, labels: Labels) -> Call:
    """One step of SGD with momentum."""
    layer.train()
    x, y = paddle.to_tensor(images.transpose(0, 3, 1, 2).copy()), paddle.to_tensor(labels)
    optimizer = paddle.optimizer.Momentum(0.01, 0.9, parameters=layer.parameters())

    def call() -> object:
        loss = F.cross_entropy(layer(x), y)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        return loss.numpy()

    return call
