"""Keras's yardstick: keras.applications.ResNet50."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Call = Callable[[], object]

NETWORK = "keras/ResNet50"


def make() -> Any:
    """The zoo's ResNet-50, freshly drawn."""
    return keras.applications.ResNet50(weights=None, classifier_activation=None)


def forward(model: Any, images: Images) -> Call:
    """One pass at inference, as its users write it; the result is waited for."""
    x = keras.ops.convert_to_tensor(images)
    return lambda: keras.ops.convert_to_numpy(model(x, training=False))


def train_step(model: Any, images: Images, labels: Labels) -> Call:
    """One step of SGD with momentum, by Keras's own trainer."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.01, momentum=0.9), loss=loss)
    return lambda: model.train_on_batch(images, labels)
