"""Layers of Paddle as tests of their traces make them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from paddle import nn

from isomorph.backends import load_backend
from isomorph.backends.models import Model

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 9, 10, 8))


class Functional(nn.Layer):  # type: ignore[misc]
    """A function as a layer."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self._function = function

    def forward(self, x: Any) -> Any:
        return self._function(x)


def model(layer: nn.Layer) -> Model:
    layer.eval()
    return load_backend("paddle").model(layer)
