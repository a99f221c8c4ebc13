"""Keras's own files, written and run again."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import keras

from isomorph.backends.exporting import Export, Run
from isomorph.backends.failures import Unavailable
from isomorph.backends.network import Array, Network


def _keras(network: Network, images: Array, folder: Path) -> Run:
    """The whole model; nothing of isomorph's is needed to read it."""
    path = folder / "network.keras"
    network.save(str(path))
    model = keras.saving.load_model(path)
    return lambda given: keras.ops.convert_to_numpy(model(given, training=False))


def _weights(network: Network, images: Array, folder: Path) -> Run:
    """Weights alone, for whoever has the code."""
    path = folder / "network.weights.h5"
    network.native.save_weights(path)
    other = type(network)(network.architecture.undrawn(), network.options)
    other.native.load_weights(path)
    return other.answer


def _saved_model(network: Network, images: Array, folder: Path) -> Run:
    """TensorFlow's, for any number of images of any size; Keras writes it on its other engines by way of TensorFlow."""
    if find_spec("tensorflow") is None:
        raise Unavailable("A SavedModel needs TensorFlow, which is not installed.")
    import tensorflow as tf

    network.native.export(folder / "network", verbose=False)
    saved = tf.saved_model.load(str(folder / "network"))
    return lambda given: saved.serve(tf.constant(given)).numpy()


EXPORTS: Mapping[str, Export] = {".keras": _keras, ".weights.h5": _weights, "SavedModel": _saved_model}
