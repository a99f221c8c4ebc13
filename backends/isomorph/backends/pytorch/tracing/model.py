"""Models of PyTorch that somebody else wrote: modules, TorchScript's programs and exported ones."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from isomorph.backends.array_forms import Array, Images
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.models import Model, Size, call_factory
from isomorph.backends.pytorch.tracing.call import to_array
from isomorph.backends.pytorch.tracing.tracer import trace
from isomorph.spec import BadInput


class PyTorchModel(Model):
    """A module, which computes on the device on which it is."""

    def __init__(self, module: nn.Module, name: str) -> None:
        self._module = module
        self.name = name

    @property
    def native(self) -> nn.Module:
        """The nn.Module."""
        return self._module

    @property
    def input_shape(self) -> tuple[Size, Size, Size]:
        """Height, width and channels of its images; only the channels are known, of the kernel that comes first."""
        kernels = (each for each in self._module.parameters() if each.ndim == 4)
        first = next(kernels, None)
        return None, None, None if first is None else int(first.shape[1])

    @property
    def dtype(self) -> str:
        """The dtype of the first of its floats."""
        floats = (each for each in self._stored().values() if each.is_floating_point())
        return str(next(floats, torch.empty(0)).dtype).removeprefix("torch.")

    def cast(self, dtype: str) -> bool:
        """Cast all its floats."""
        self._module.to(getattr(torch, dtype))
        return True

    def in_training(self) -> list[str]:
        """Return the names of its modules in training mode that have no modules inside."""
        leaves = (item for item in self._module.named_modules() if not any(item[1].children()))
        return [name for name, module in leaves if module.training and isinstance(module, _OF_TRAINING)]

    def tensors(self) -> dict[str, Array]:
        """Return its state_dict."""
        return {name: to_array(tensor) for name, tensor in self._stored().items()}

    def load(self, tensors: Mapping[str, Array]) -> None:
        """Put values into some tensors of its state_dict."""
        stored = self._stored()
        with torch.no_grad():
            for name, value in tensors.items():
                stored[name].copy_(torch.tensor(value))

    def trace(self, images: Images) -> Graph:
        """Run it once, see `isomorph.backends.pytorch.tracing.tracer.trace`."""
        return trace(self._module, images)

    def _stored(self) -> dict[str, Tensor]:
        stored = self._module.state_dict(keep_vars=True)
        return {name: each for name, each in stored.items() if isinstance(each, Tensor)}


_OF_TRAINING = (
    *(nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd, nn.RReLU),
    *(nn.modules.instancenorm._InstanceNorm, nn.MultiheadAttention),
)
"""Modules that compute otherwise in training."""


def open_model(what: str, arguments: Mapping[str, Any]) -> PyTorchModel:
    """Open "file.py:factory", "package.module:factory", a program of TorchScript (.pt) or an exported one (.pt2).

    Raises BadInput for what is none of these.
    """
    if what.endswith(".pt2"):
        return PyTorchModel(torch.export.load(what).module(), what)
    if what.endswith((".pt", ".pth", ".ts", ".torchscript")):
        return PyTorchModel(torch.jit.load(what, map_location="cpu"), what)  # type: ignore[no-untyped-call]
    made = call_factory(what, arguments)
    if not isinstance(made, nn.Module):
        raise BadInput(f"{what} returned {type(made).__name__}, expected an nn.Module.")
    return PyTorchModel(made, what)
