"""PyTorch's own files, written and run again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import Dim

from isomorph.backends.exporting import Export, Run
from isomorph.backends.network import Array, Network


def _state_dict(network: Network, images: Array, folder: Path) -> Run:
    """Weights alone, for whoever has the code."""
    path = folder / "network.pth"
    network.save(str(path))
    other: Any = type(network)(network.architecture.undrawn(), network.options)
    other.native.load_state_dict(torch.load(path, weights_only=True))
    run: Run = other.answer
    return run


def _exported_program(network: Network, images: Array, folder: Path) -> Run:
    """The whole network, for any number of images."""
    path = folder / "network.pt2"
    program = torch.export.export(network.native, (_to_map(images),), dynamic_shapes=({0: Dim("batch")},))
    torch.export.save(program, path)
    module: Any = torch.export.load(path).module()
    return lambda given: module(_to_map(given)).detach().numpy()


def _to_map(images: Array) -> Tensor:
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).float()


EXPORTS: Mapping[str, Export] = {"state_dict": _state_dict, "torch.export": _exported_program}
