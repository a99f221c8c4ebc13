"""The network in Keras, on its way to where there is no isomorph. The same tests are those of PyTorch and Paddle.

They run on the engine that KERAS_BACKEND names, TensorFlow if none.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest

from isomorph.backends import load_backend
from isomorph.backends.protocol import Network
from isomorph.spec import Architecture

Array = npt.NDArray[Any]
Weights = Callable[[Architecture], dict[str, Array]]
Close = Callable[[Any, Any, float], None]

ENGINE = keras.backend.backend()

only_tensorflow = pytest.mark.skipif(ENGINE != "tensorflow", reason="a SavedModel is TensorFlow's")


def loaded(architecture: Architecture, weights: Weights) -> Network:
    network = load_backend(f"keras:{ENGINE}").build(architecture)
    network.load(weights(architecture))
    return network


def to_native(images: Array) -> Any:
    return keras.ops.convert_to_tensor(images.astype(np.float32))


def export(network: Network, folder: Path) -> None:
    """For any number of images of any size."""
    network.native.export(folder, verbose=False)


def test_saved_weights_load_into_another_network(
    design: Architecture, images: Array, weights: Weights, tmp_path: Path
) -> None:
    network, other = loaded(design, weights), load_backend(f"keras:{ENGINE}").build(design.undrawn())
    network.native.save_weights(tmp_path / "network.weights.h5")
    other.native.load_weights(tmp_path / "network.weights.h5")
    assert np.array_equal(other.answer(images), network.answer(images))


@pytest.fixture(scope="module")
def exported(
    tmp_path_factory: pytest.TempPathFactory, asked: dict[str, Architecture], weights: Weights
) -> dict[str, tuple[Network, Path]]:
    """Architecture -> a network, and where it was exported, which takes longer than all that it then answers."""
    folder = tmp_path_factory.mktemp("exported")
    networks = {folder / name: loaded(architecture, weights) for name, architecture in asked.items()}
    for path, network in networks.items():
        export(network, path)
    return {network.architecture.name: (network, path) for path, network in networks.items()}


@only_tensorflow
@pytest.mark.parametrize("batch", [8, 3])
def test_exported_network_gives_the_same_logits(
    batch: int,
    design: Architecture,
    exported: dict[str, tuple[Network, Path]],
    images: Array,
    assert_close: Close,
) -> None:
    import tensorflow as tf  # noqa: PLC0415 - the other engines need none

    network, path = exported[design.name]
    there = tf.saved_model.load(str(path))
    assert_close(there.serve(to_native(images[:batch])), network.answer(images[:batch]), 1e-6)


LOAD = """
import sys
from pathlib import Path
sys.modules["keras"] = None  # as if it were not installed
import numpy as np, tensorflow as tf

folder = Path(sys.argv[1])
x = tf.constant(np.load(folder / "images.npy"), tf.float32)
for saved in filter(Path.is_dir, folder.iterdir()):
    network = tf.saved_model.load(str(saved))
    np.save(saved.with_suffix(".npy"), network.serve(x).numpy())
assert not [name for name in sys.modules if name.startswith("isomorph")]
"""


@pytest.fixture(scope="module")
def elsewhere(
    exported: dict[str, tuple[Network, Path]], images: Array, fresh_python: Callable[..., None]
) -> dict[str, Array]:
    """Architecture -> the answer of a fresh process, which knows of neither isomorph nor Keras, to three images."""
    folder = next(path.parent for _, path in exported.values())
    np.save(folder / "images.npy", images[:3])
    fresh_python(LOAD, folder)
    return {name: np.load(path.with_suffix(".npy")) for name, (_, path) in exported.items()}


@only_tensorflow
def test_exported_network_runs_in_a_fresh_process(
    design: Architecture,
    exported: dict[str, tuple[Network, Path]],
    elsewhere: dict[str, Array],
    images: Array,
    assert_close: Close,
) -> None:
    network, _ = exported[design.name]
    assert_close(elsewhere[design.name], network.answer(images[:3]), 1e-6)
