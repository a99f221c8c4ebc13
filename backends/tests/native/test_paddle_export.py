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


@pytest.fixture(scope="module")
def exported(
    tmp_path_factory: pytest.TempPathFactory, asked: dict[str, Architecture], images: Array, weights: Weights
) -> dict[str, tuple[Network, Path]]:
    """Architecture -> a network, and where it was exported, which takes longer than all that it then answers."""
    folder = tmp_path_factory.mktemp("exported")
    networks = {folder / name: loaded(architecture, weights) for name, architecture in asked.items()}
    for path, network in networks.items():
        export(network, images, path)
    return {network.architecture.name: (network, path) for path, network in networks.items()}


@pytest.mark.parametrize("batch", [8, 3])
def test_exported_network_gives_the_same_logits(
    batch: int,
    design: Architecture,
    exported: dict[str, tuple[Network, Path]],
    images: Array,
    assert_close: Close,
) -> None:
    network, path = exported[design.name]
    assert_close(paddle.jit.load(str(path))(to_native(images[:batch])).numpy(), network.answer(images[:batch]), 1e-6)


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
def elsewhere(
    exported: dict[str, tuple[Network, Path]], images: Array, fresh_python: Callable[..., None]
) -> dict[str, Array]:
    """Architecture -> the answer of a fresh process, which does not know of isomorph, to the first three images."""
    folder = next(path.parent for _, path in exported.values())
    np.save(folder / "images.npy", images[:3])
    fresh_python(LOAD, folder)
    return {name: np.load(path.with_suffix(".npy")) for name, (_, path) in exported.items()}


def test_exported_network_runs_in_a_fresh_process(
    design: Architecture,
    exported: dict[str, tuple[Network, Path]],
    elsewhere: dict[str, Array],
    images: Array,
    assert_close: Close,
) -> None:
    network, _ = exported[design.name]
    assert_close(elsewhere[design.name], network.answer(images[:3]), 1e-6)
