"""Modules of PyTorch that somebody else wrote, as models that can be traced."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from isomorph.backends.array_forms import Array, Images
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.graphs.handlers import channels_first
from isomorph.backends.models import Model, Size, last_line
from isomorph.backends.pytorch.tracing.call import to_array, to_tensor
from isomorph.backends.pytorch.tracing.tracer import trace
from isomorph.spec import BadInput


class PyTorchModel(Model):
    """A module, which computes on the device on which it is. One that is compiled is taken as it was written.

    Raises BadInput for a module that is not made yet.
    """

    def __init__(self, module: nn.Module, name: str) -> None:
        module = getattr(module, "_orig_mod", module)
        lazy = [each for each, tensor in (*module.named_parameters(), *module.named_buffers()) if is_lazy(tensor)]
        if lazy:
            raise BadInput(
                f"{name} is not made yet: the size of {lazy[0]} is that of its first images; have its factory run it "
                "on some once."
            )
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
        """The dtype of most of its floats."""
        counts: Counter[torch.dtype] = Counter()
        for each in self._stored().values():
            if each.is_floating_point():
                counts[each.dtype] += each.numel()
        most = max(counts, key=lambda dtype: counts[dtype], default=torch.float32)
        return str(most).removeprefix("torch.")

    def cast(self, dtype: str) -> bool:
        """Cast all its floats; one that is quantised stays as it is."""
        if any(each.is_quantized for each in self._stored().values()) or self._is_packed():
            return False
        self._module.to(getattr(torch, dtype))
        return True

    def in_training(self) -> list[str]:
        """Return "" if the whole is in training mode, and the names of its modules that are and compute otherwise."""
        whole = [""] if self._module.training else []
        return whole + [name for name, module in self._module.named_modules() if name and _trains(module)]

    def tensors(self) -> dict[str, Array]:
        """Return its state_dict."""
        return {name: to_array(tensor) for name, tensor in self._stored().items()}

    def load(self, tensors: Mapping[str, Array]) -> None:
        """Put values into some tensors of its state_dict."""
        stored = self._stored()
        with torch.no_grad():
            for name, value in tensors.items():
                stored[name].copy_(to_tensor(value))

    def trace(self, images: Images) -> Graph:
        """Run it once, see `isomorph.backends.pytorch.tracing.tracer.trace`.

        What it changes of its buffers, as a batch norm in training does, is put back.

        Raises BadInput where it does not take these images.
        """
        buffers = [(each, each.clone()) for each in self._module.buffers()]
        try:
            return trace(self._module, images)
        except Exception:  # of the model, or of tracing it: run alone it says whose it is
            self._run(images)
            raise
        finally:
            with torch.no_grad():
                for each, before in buffers:
                    each.copy_(before)

    def _run(self, images: Images) -> None:
        """Run it and record nothing. Raises BadInput where it raises."""
        x = to_tensor(channels_first(np.asarray(images)))
        device = next((each.device for each in self._stored().values()), torch.device("cpu"))
        try:
            with torch.no_grad():
                self._module(x.to(device))
        except Exception as error:
            size = "x".join(map(str, images.shape))
            raise BadInput(f"{self.name} raised {last_line(error)}, on images of {size}, {images.dtype}.") from error

    def _stored(self) -> dict[str, Tensor]:
        stored = self._module.state_dict(keep_vars=True)
        return {name: each for name, each in stored.items() if isinstance(each, Tensor)}

    def _is_packed(self) -> bool:
        """Return whether some of what it stores is no tensor: quantised weights are packed."""
        return len(self._stored()) < len(self._module.state_dict(keep_vars=True))


_OF_TRAINING = (
    *(nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd, nn.RReLU),
    *(nn.modules.instancenorm._InstanceNorm, nn.MultiheadAttention),
)
"""Modules that compute otherwise in training."""

_NAMES_OF_TRAINING = frozenset(
    each.__name__ for each in vars(nn).values() if isinstance(each, type) and issubclass(each, _OF_TRAINING)
)
"""Their names, which is what a program of TorchScript knows of them."""


def _trains(module: nn.Module) -> bool:
    name = getattr(module, "original_name", "")
    return module.training and (isinstance(module, _OF_TRAINING) or name in _NAMES_OF_TRAINING)
