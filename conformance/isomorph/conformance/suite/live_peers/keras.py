"""keras.applications, as a peer."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from isomorph.backends.protocol import Array
from isomorph.conformance.suite.live_peers.answering import Peer, main
from isomorph.spec.convention import as_float32


class KerasPeer(Peer):
    """A keras.Model, its epsilons rounded as ours are. Its names are its variables' paths, "conv1_conv/kernel"."""

    def __init__(self, name: str, options: Mapping[str, Any], size: tuple[int, int], head: bool, dtype: str) -> None:
        keras.config.set_floatx(dtype)
        keras.config.set_dtype_policy(dtype)  # made from floatx once, by the first layer
        keras.utils.set_random_seed(0)
        # MobileNetV2 pads by the size that it is told, and as if that were even where it is told none.
        images = keras.Input((*size, 3))
        self.model = self.create(name, images, head, options)
        # Left in float64, MobileNet's 1e-3 beside small variances moves float64 logits by up to 3e-6.
        for layer in self._batch_norms():
            layer.epsilon = as_float32(layer.epsilon)

    def create(self, name: str, images: keras.KerasTensor, head: bool, options: Mapping[str, Any]) -> keras.Model:
        """Return the zoo's model for symbolic images [N, H, W, C]."""
        build = getattr(keras.applications, name)
        model: keras.Model = build(
            weights=None, include_top=head, input_tensor=images, classifier_activation=None, **options
        )
        return model

    def tensors(self) -> dict[str, Array]:
        """Return all its tensors, under its own names."""
        return {variable.path: np.array(variable) for variable in self.model.weights}

    def load(self, tensors: Mapping[str, Array]) -> None:
        """Load tensors, one for each of its own."""
        variables = {variable.path: variable for variable in self.model.weights}
        assert variables.keys() == tensors.keys(), variables.keys() ^ tensors.keys()
        for name, variable in variables.items():
            variable.assign(tensors[name])

    def calibrate(self, images: Array) -> None:
        """Make the images' own statistics the running ones, by one pass in training mode."""
        for layer in self._batch_norms():
            layer.momentum = 0.0
        self.model(images, training=True)

    def answer(self, images: Array, output: str) -> Array:
        """Return logits [N, classes] for images [N, H, W, C], its one output; without a head a map [N, h, w, C]."""
        return np.array(self.model(images, training=False))

    def _batch_norms(self) -> list[keras.layers.BatchNormalization]:
        return [layer for layer in self.model.layers if isinstance(layer, keras.layers.BatchNormalization)]


if __name__ == "__main__":
    main(KerasPeer)
