"""The network in Paddle, on its way to where there is no isomorph. The same tests are those of PyTorch and Keras."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import paddle
import pytest
from paddle import Tensor
from paddle.static import InputSpec

from isomorph.backends import load_backend
from isomorph.backends.protocol import Network
from isomorph.spec import Architecture

Array = npt.NDArray[Any]
Weights = Callable[[Architecture], dict[str, Array]]
Close = Callable[[Any, Any, float], None]


def loaded(architecture: Architecture, weights: Weights) -> Network:
    network = load_backend("paddle").build(architecture)
    network.load(weights(architecture))
    return network


def to_native(images: Array) -> Tensor:
    return paddle.to_tensor(images.transpose(0, 3, 1, 2), dtype="float32")


def export(network: Network, images: Array, path: Path) -> None:
    """For any number of images of this size."""
    shape = [None, *to_native(images).shape[1:]]
    paddle.jit.save(network.native, str(path), input_spec=[InputSpec(shape, "float32", "images")])


def test_saved_weights_load_into_another_network(
    design: Architecture, images: Array, weights: Weights, tmp_path: Path
) -> None:
    network, other = loaded(design, weights), load_backend("paddle").build(design.undrawn())
    paddle.save(network.native.state_dict(), str(tmp_path / "network.pdparams"))
    other.native.set_state_dict(paddle.load(str(tmp_path / "network.pdparams")))
    assert np.array_equal(other.answer(images), network.answer(images))


@pytest.mark.parametrize("batch", [8, 3])
def test_exported_network_gives_the_same_logits(
    batch: int, design: Architecture, images: Array, weights: Weights, assert_close: Close, tmp_path: Path
) -> None:
    network = loaded(design, weights)
    export(network, images, tmp_path / "network")
    exported = paddle.jit.load(str(tmp_path / "network"))
    assert_close(exported(to_native(images[:batch])).numpy(), network.answer(images[:batch]), 1e-6)


LOAD = """
import sys
from pathlib import Path
import numpy as np, paddle

folder = Path(sys.argv[1])
x = paddle.to_tensor(np.load(folder / "images.npy").transpose(0, 3, 1, 2), dtype="float32")
for saved in folder.glob("*.pdiparams"):
    np.save(saved.with_suffix(".npy"), paddle.jit.load(str(saved.with_suffix("")))(x).numpy())
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
    """Architecture -> the answer here, and that of a fresh process, which does not know of isomorph."""
    folder = tmp_path_factory.mktemp("exported")
    np.save(folder / "images.npy", images[:3])
    answers = {}
    for name, architecture in asked.items():
        network = loaded(architecture, weights)
        answers[name] = network.answer(images[:3])
        export(network, images, folder / name)
    fresh_python(LOAD, folder)
    return {asked[name].name: (answer, np.load(folder / f"{name}.npy")) for name, answer in answers.items()}


def test_exported_network_runs_in_a_fresh_process(
    design: Architecture, exported: dict[str, tuple[Array, Array]], assert_close: Close
) -> None:
    before, after = exported[design.name]
    assert_close(after, before, 1e-6)
