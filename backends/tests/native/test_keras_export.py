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


@only_tensorflow
@pytest.mark.parametrize("batch", [8, 3])
def test_exported_network_gives_the_same_logits(
    batch: int, design: Architecture, images: Array, weights: Weights, assert_close: Close, tmp_path: Path
) -> None:
    import tensorflow as tf  # noqa: PLC0415 - the other engines need none

    network = loaded(design, weights)
    export(network, tmp_path / "network")
    exported = tf.saved_model.load(str(tmp_path / "network"))
    assert_close(exported.serve(to_native(images[:batch])), network.answer(images[:batch]), 1e-6)


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
def exported(
    tmp_path_factory: pytest.TempPathFactory,
    asked: dict[str, Architecture],
    images: Array,
    weights: Weights,
    fresh_python: Callable[..., None],
) -> dict[str, tuple[Array, Array]]:
    """Architecture -> the answer here, and that of a fresh process, which knows of neither isomorph nor Keras."""
    folder = tmp_path_factory.mktemp("exported")
    np.save(folder / "images.npy", images[:3])
    answers = {}
    for name, architecture in asked.items():
        network = loaded(architecture, weights)
        answers[name] = network.answer(images[:3])
        export(network, folder / name)
    fresh_python(LOAD, folder)
    return {asked[name].name: (answer, np.load(folder / f"{name}.npy")) for name, answer in answers.items()}


@only_tensorflow
def test_exported_network_runs_in_a_fresh_process(
    design: Architecture, exported: dict[str, tuple[Array, Array]], assert_close: Close
) -> None:
    before, after = exported[design.name]
    assert_close(after, before, 1e-6)
