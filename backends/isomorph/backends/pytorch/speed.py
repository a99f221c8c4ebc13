"""PyTorch's zoo, training step and matrix product, for `isomorph bench`."""

import importlib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isomorph.backends.array_forms import Answers, Images, Labels, Tensors
from isomorph.backends.failures import Unavailable
from isomorph.backends.options import Options
from isomorph.backends.pytorch.training import loss_of
from isomorph.backends.speed.clock import Work
from isomorph.backends.speed.framework import LEARNING_RATE, MOMENTUM, Framework, Zoo
from isomorph.backends.training import AUXILIARY_WEIGHT


class Torchvision(Zoo):
    """A network of torchvision.models, in NCHW."""

    def __init__(self, native: nn.Module, device: str) -> None:
        self.options = Options(device, layout="NCHW")
        self.native = native.eval().to(_name_of(device))

    def load(self, tensors: Tensors) -> None:
        """Load by its own `load_state_dict`; the counters of batches are not among the tensors."""
        self.native.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()}, strict=False)

    def prepared(self, images: Images) -> Callable[[], Answers]:
        """As `Zoo.prepared`, without gradients."""
        self.native.eval()
        x = _to_map(images, torch.contiguous_format, _name_of(self.options.device))

        def answer() -> Answers:
            with torch.inference_mode():
                logits: Answers = self.native(x).numpy(force=True)
            return logits

        return answer


class PyTorchFramework(Framework):
    """PyTorch, used as in its own tutorials."""

    def zoo(self, name: str, classes: int, size: tuple[int, int, int], device: str) -> Zoo:
        """Return a network of torchvision."""
        if find_spec("torchvision") is None:
            raise Unavailable("torchvision is not installed.")
        models = importlib.import_module("torchvision.models")
        return Torchvision(getattr(models, name)(weights=None, num_classes=classes), device)

    def training_step(self, native: Any, options: Options, images: Images, labels: Labels) -> Work:
        """Return a training step, whose forward pass alone is under autocast."""
        if options.autocast == "float16":
            raise Unavailable("Training in float16 needs its loss scaled, which is not measured; bfloat16 does not.")
        native.train()
        device = _name_of(options.device)
        order = torch.channels_last if options.layout == "NHWC" else torch.contiguous_format
        precision, lower = getattr(torch, options.precision), options.autocast is not None
        optimizer = torch.optim.SGD(native.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)
        x, y = _to_map(images, order, device), torch.from_numpy(labels).to(device)

        def step() -> float:
            optimizer.zero_grad()
            with torch.autocast(device, precision, enabled=lower):
                loss = loss_of(native(x), y, AUXILIARY_WEIGHT)
            torch.autograd.backward(loss)
            optimizer.step()
            return loss.item()

        return step

    def products(self, size: int, precision: str, device: str) -> Iterator[tuple[str, Work]]:
        """Yield `torch.mm`, and a 1x1 convolution: on a CPU MKL does the one, oneDNN the other."""
        matrix = torch.ones(size, size, dtype=getattr(torch, precision), device=_name_of(device))
        pixels = matrix.view(1, size, 1, size).permute(0, 3, 1, 2)  # a row of them, their channels together
        kernel = matrix.view(size, size, 1, 1)

        def multiply() -> float:
            with torch.inference_mode():
                return torch.mm(matrix, matrix)[0, 0].item()  # which waits for a GPU

        def convolve() -> float:
            with torch.inference_mode():
                return F.conv2d(pixels, kernel)[0, 0, 0, 0].item()

        yield "torch.mm", multiply
        yield "a 1x1 convolution", convolve

    def threads(self) -> int:
        """Return the number of threads of PyTorch's own pool."""
        return torch.get_num_threads()


def _name_of(device: str) -> str:
    """Return PyTorch's name of "cpu" or "gpu"."""
    return "cuda" if device == "gpu" else "cpu"


def _to_map(images: Images, order: torch.memory_format, device: str) -> Tensor:
    """[N, H, W, C] -> [N, C, H, W] in that order of memory."""
    return torch.from_numpy(images.transpose(0, 3, 1, 2)).to(device).contiguous(memory_format=order)
