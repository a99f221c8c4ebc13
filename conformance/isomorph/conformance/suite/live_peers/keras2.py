"""The ResNet50 of keras.applications from 2016 to 2018, typed from its source (keras_applications/resnet50.py, 1.0)."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import layers

from isomorph.conformance.suite.live_peers.answering import main
from isomorph.conformance.suite.live_peers.keras import KerasPeer

STAGES = {2: (64, 3), 3: (128, 4), 4: (256, 6), 5: (512, 3)}
"""Number -> filters of the first two convolutions of a unit, and units."""


class Keras2Peer(KerasPeer):
    """That ResNet50 as a keras.Model."""

    def create(self, name: str, images: keras.KerasTensor, head: bool, options: Mapping[str, Any]) -> keras.Model:
        """Return the model for symbolic images [N, H, W, C]."""
        assert name == "ResNet50"
        assert not options
        x = layers.Conv2D(64, 7, strides=2, name="conv1")(layers.ZeroPadding2D(3)(images))
        x = layers.ReLU()(_normalised(x, "bn_conv1"))
        x = layers.MaxPooling2D(3, strides=2)(x)
        for stage, (filters, units) in STAGES.items():
            for letter in "abcdef"[:units]:
                x = _unit(x, filters, f"{stage}{letter}_branch", 1 if stage == 2 or letter != "a" else 2, letter == "a")
        if head:
            x = layers.Dense(1000, name="fc1000")(layers.GlobalAveragePooling2D()(x))
        return keras.Model(images, x)


def _unit(x: keras.KerasTensor, filters: int, name: str, stride: int, projects: bool) -> keras.KerasTensor:
    """Append a bottleneck, whose stride its first convolution and its shortcut carry."""
    residual = layers.ReLU()(_convolved(x, filters, 1, f"{name}2a", stride))
    residual = layers.ReLU()(_convolved(residual, filters, 3, f"{name}2b"))
    residual = _convolved(residual, 4 * filters, 1, f"{name}2c")
    shortcut = _convolved(x, 4 * filters, 1, f"{name}1", stride) if projects else x
    return layers.ReLU()(layers.Add()([residual, shortcut]))


def _convolved(x: keras.KerasTensor, filters: int, kernel: int, name: str, stride: int = 1) -> keras.KerasTensor:
    x = layers.Conv2D(filters, kernel, strides=stride, padding="same", name=f"res{name}")(x)
    return _normalised(x, f"bn{name}")


def _normalised(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.BatchNormalization(name=name)(x)  # Keras's own epsilon and momentum, then as now


if __name__ == "__main__":
    main(Keras2Peer)
