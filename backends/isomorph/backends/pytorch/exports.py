"""Export networks to PyTorch's own files, and run those."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import Dim

from isomorph.backends.array_forms import Images
from isomorph.backends.exporting import Export, Run
from isomorph.backends.network import Network


def _state_dict(network: Network, images: Images, folder: Path) -> Run:
    """Write the weights alone, for a program that has the code."""
    path = folder / "network.pth"
    network.save(str(path))
    reloaded: Any = type(network)(network.architecture.undrawn(), network.options)
    reloaded.native.load_state_dict(torch.load(path, weights_only=True))
    run: Run = reloaded.answer
    return run


def _exported_program(network: Network, images: Images, folder: Path) -> Run:
    """Write the whole network, for any number of images."""
    path = folder / "network.pt2"
    program = torch.export.export(network.native, (_to_map(images),), dynamic_shapes=({0: Dim("batch")},))
    torch.export.save(program, path)
    module: Any = torch.export.load(path).module()
    return lambda batch: module(_to_map(batch)).detach().numpy()


def _to_map(images: Images) -> Tensor:
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).float()


EXPORTS: Mapping[str, Export] = {"state_dict": _state_dict, "torch.export": _exported_program}
