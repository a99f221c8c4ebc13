"""What the tests of tracing share: a network as people write one, and what every trace of one must pass."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isomorph.backends.graphs.graph import Graph
from isomorph.backends.pytorch.tracing.tracer import trace

from .graph_checks import assert_computes_its_values, unknown

Array = npt.NDArray[Any]


class Net(nn.Module):
    """A residual network as people write one: modules, functions, and operations in place."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.norm(self.conv(x))
        y += x
        y = F.adaptive_avg_pool2d(F.relu(y), 1)
        logits: Tensor = self.fc(torch.flatten(y, 1))
        return logits


def net(dtype: torch.dtype = torch.float64) -> Net:
    torch.manual_seed(0)
    model = Net().to(dtype).eval()
    with torch.no_grad():
        for name, each in model.state_dict().items():
            if each.ndim == 1 and each.is_floating_point() and name != "fc.bias":
                each.uniform_(0.5, 1.5)
    return model


IMAGES = np.random.default_rng(0).normal(size=(2, 8, 6, 3))
KINDS = ["Input", "Convolution", "BatchNorm", "Pointwise", "Convolution", "BatchNorm", "Sum", "Pointwise"]


def kinds(graph: Graph) -> list[str]:
    graph.remove_unread()
    return [node.kind.__name__ for node in graph.nodes.values()]


def stored_names(graph: Graph) -> set[str | None]:
    """The names of all tensors that nodes read."""
    return {tensor.name for node in graph.nodes.values() for tensor in node.tensors.values()}


def assert_sound(graph: Graph, limit: float = 1e-12) -> None:
    __tracebackhide__ = True
    assert unknown(graph) == []
    assert_computes_its_values(graph, limit)


class Of(nn.Module):
    """A module of a function and of the modules and parameters that it uses."""

    def __init__(self, function: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, nn.Parameter(part) if isinstance(part, Tensor) else part)

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x) if self.function.__code__.co_argcount == 2 else self.function(x)


def some_images(batch: int = 2, height: int = 8, width: int = 6, channels: int = 4) -> Array:
    return np.random.default_rng(0).normal(size=(batch, height, width, channels))


def drawn(module: nn.Module) -> nn.Module:
    """The module in float64, at inference, none of its tensors at its initial value."""
    generator = torch.Generator().manual_seed(1)
    module = module.double().eval()
    with torch.no_grad():
        for each in (*module.parameters(), *module.buffers()):
            if each.is_floating_point():
                each.copy_(torch.rand(each.shape, generator=generator, dtype=each.dtype) * 0.8 + 0.1)
    return module


def traced(module: nn.Module, x: Array) -> Graph:
    """The graph of a module, held to its own values and to the module's answers."""
    with torch.no_grad():
        expected = module(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()))
    graph = trace(module, x)
    assert_computes_its_values(graph)
    if isinstance(expected, Tensor):
        np.testing.assert_allclose(graph.take(graph.outputs[""]), expected, rtol=1e-12, atol=1e-12)
    return graph
