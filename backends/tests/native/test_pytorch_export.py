"""The network in PyTorch, on its way to where there is no isomorph. The same tests are those of Keras and Paddle."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from isomorph.backends import load_backend
from isomorph.backends.protocol import Network
from isomorph.spec import Architecture

Array = npt.NDArray[Any]
Weights = Callable[[Architecture], dict[str, Array]]
Close = Callable[[Any, Any, float], None]


def loaded(architecture: Architecture, weights: Weights) -> Network:
    network = load_backend("pytorch").build(architecture)
    network.load(weights(architecture))
    return network


def to_native(images: Array) -> Tensor:
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).float()


def export(network: Network, images: Array) -> ExportedProgram:
    """For any number of images of this size."""
    return torch.export.export(network.native, (to_native(images),), dynamic_shapes=({0: Dim("batch")},))


def test_saved_weights_load_into_another_network(
    design: Architecture, images: Array, weights: Weights, tmp_path: Path
) -> None:
    network, other = loaded(design, weights), load_backend("pytorch").build(design.undrawn())
    torch.save(network.native.state_dict(), tmp_path / "network.pt")
    other.native.load_state_dict(torch.load(tmp_path / "network.pt", weights_only=True))
    assert np.array_equal(other.answer(images), network.answer(images))


@pytest.fixture(scope="module")
def exported(
    asked: dict[str, Architecture], images: Array, weights: Weights
) -> dict[str, tuple[Network, ExportedProgram]]:
    """Architecture -> a network, and what it was exported to, which takes longer than all that it then answers."""
    networks = [loaded(architecture, weights) for architecture in asked.values()]
    return {network.architecture.name: (network, export(network, images)) for network in networks}


@pytest.mark.parametrize("batch", [8, 3])
def test_exported_network_gives_the_same_logits(
    batch: int,
    design: Architecture,
    exported: dict[str, tuple[Network, ExportedProgram]],
    images: Array,
    assert_close: Close,
) -> None:
    network, program = exported[design.name]
    module: Any = program.module()
    found = module(to_native(images[:batch])).detach().numpy()
    assert_close(found, network.answer(images[:batch]), 1e-6)


LOAD = """
import sys
from pathlib import Path
import numpy as np, torch

folder = Path(sys.argv[1])
x = torch.from_numpy(np.load(folder / "images.npy").transpose(0, 3, 1, 2)).float()
for saved in folder.glob("*.pt2"):
    np.save(saved.with_suffix(".npy"), torch.export.load(saved).module()(x).detach().numpy())
assert not [name for name in sys.modules if name.startswith("isomorph")]
"""


@pytest.fixture(scope="module")
def elsewhere(
    exported: dict[str, tuple[Network, ExportedProgram]],
    tmp_path_factory: pytest.TempPathFactory,
    images: Array,
    fresh_python: Callable[..., None],
) -> dict[str, Array]:
    """Architecture -> the answer of a fresh process, which does not know of isomorph, to the first three images."""
    folder = tmp_path_factory.mktemp("exported")
    np.save(folder / "images.npy", images[:3])
    files = {name: folder / f"{name.replace('/', '-')}.pt2" for name in exported}
    for name, (_, program) in exported.items():
        torch.export.save(program, files[name])
    fresh_python(LOAD, folder)
    return {name: np.load(file.with_suffix(".npy")) for name, file in files.items()}


def test_exported_network_runs_in_a_fresh_process(
    design: Architecture,
    exported: dict[str, tuple[Network, ExportedProgram]],
    elsewhere: dict[str, Array],
    images: Array,
    assert_close: Close,
) -> None:
    network, _ = exported[design.name]
    assert_close(elsewhere[design.name], network.answer(images[:3]), 1e-6)
