"""Windows in PyTorch: its own layers and this backend's, held against the oracle by values. So do Keras and Paddle."""

from collections.abc import Callable
from typing import Any

import numpy.typing as npt
import pytest
import torch
from torch import nn

from isomorph.backends.pytorch.layers import make_layer
from isomorph.spec.layers import Convolution, Layer, MaxPool

from .windows import DEPTH, MEANS, PLAN, WINDOWS, differing, kernel_of

Array = npt.NDArray[Any]


def on_maps(layer: nn.Module) -> Callable[[Array], Array]:
    """A layer as a function of NHWC maps."""

    def run(x: Array) -> Array:
        with torch.inference_mode():
            y: Array = layer(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()
        return y.transpose(0, 2, 3, 1)

    return run


def give_kernel(convolution: nn.Conv2d, layer: Convolution) -> None:
    """Have it compute in float64 with the oracle's kernel."""
    convolution.weight = nn.Parameter(torch.from_numpy(kernel_of(layer).transpose(3, 2, 0, 1).copy()))


def make(layer: Layer, dtype: torch.dtype = torch.float64) -> Callable[[Array], Array]:
    """This backend's layer."""
    made: Any = make_layer(layer, PLAN).to(dtype)
    if isinstance(layer, Convolution):
        give_kernel(made.conv, layer)
    return on_maps(made)


def make_own(layer: Layer) -> nn.Module | None:
    """The layer as PyTorch's users write it; None where PyTorch has no such rule."""
    if isinstance(layer, MaxPool) and layer.fill:
        rules = {"valid": 0, "explicit": (layer.kernel - 1) // 2, "ceil": 0}
        if layer.padding in rules:
            ceil_mode = layer.padding == "ceil"
            return nn.MaxPool2d(layer.kernel, layer.stride, rules[layer.padding], ceil_mode=ceil_mode)
    if isinstance(layer, Convolution):
        paddings: dict[str, Any] = {"valid": 0, "explicit": layer.rate * (layer.kernel - 1) // 2}
        paddings |= {"same": "same"} if layer.stride == 1 else {}
        if layer.padding in paddings:
            options = {"padding": paddings[layer.padding], "dilation": layer.rate, "groups": layer.groups}
            convolution = nn.Conv2d(DEPTH, DEPTH, layer.kernel, layer.stride, **options, bias=False)
            give_kernel(convolution, layer)
            return convolution
    return None


OWN = {name: own for name, layer in WINDOWS.items() if (own := make_own(layer))}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")  # of what it costs
@pytest.mark.parametrize("name", OWN)
def test_the_frameworks_own_layer_pads_as_the_rule_of_its_name(name: str) -> None:
    assert differing(WINDOWS[name], on_maps(OWN[name])) == []


@pytest.mark.parametrize("name", WINDOWS)
def test_windows_see_what_the_oracles_do(name: str) -> None:
    assert differing(WINDOWS[name], make(WINDOWS[name])) == []


@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-15), ("float32", 1e-6)])
@pytest.mark.parametrize("name", MEANS)
def test_means_are_the_oracles(name: str, dtype: str, error: float) -> None:
    assert differing(MEANS[name], make(MEANS[name], getattr(torch, dtype)), dtype, error) == []
