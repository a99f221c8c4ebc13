"""Export networks to Keras's own files, and run those."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import keras

from isomorph.backends.array_forms import Images
from isomorph.backends.exporting import Export, Run
from isomorph.backends.failures import Unavailable
from isomorph.backends.network import Network


def _keras(network: Network, images: Images, folder: Path) -> Run:
    """Write the whole model, which is read without isomorph."""
    path = folder / "network.keras"
    network.save(str(path))
    model = keras.saving.load_model(path)
    return lambda batch: keras.ops.convert_to_numpy(model(batch, training=False))


def _weights(network: Network, images: Images, folder: Path) -> Run:
    """Write the weights alone, for a program that has the code."""
    path = folder / "network.weights.h5"
    network.native.save_weights(path)
    reloaded = type(network)(network.architecture.undrawn(), network.options)
    reloaded.native.load_weights(path)
    return reloaded.answer


def _saved_model(network: Network, images: Images, folder: Path) -> Run:
    """Write TensorFlow's SavedModel, for any number of images of any size; other engines need TensorFlow for it."""
    if find_spec("tensorflow") is None:
        raise Unavailable("A SavedModel needs TensorFlow, which is not installed.")
    import tensorflow as tf

    network.native.export(folder / "network", verbose=False)
    loaded = tf.saved_model.load(str(folder / "network"))
    return lambda batch: loaded.serve(tf.constant(batch)).numpy()


EXPORTS: Mapping[str, Export] = {".keras": _keras, ".weights.h5": _weights, "SavedModel": _saved_model}
