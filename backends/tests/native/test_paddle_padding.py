"""Windows in Paddle: its own layers and this backend's, held against the oracle by values. So do PyTorch and Keras."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import paddle
import pytest
from paddle import nn

from isomorph.backends.paddle.layers import make_layer
from isomorph.spec.layers import Convolution, Layer, MaxPool

from .windows import DEPTH, MEANS, PLAN, WINDOWS, differing, kernel_of

Array = npt.NDArray[Any]


def on_maps(layer: nn.Layer, layout: str = "NCHW") -> Callable[[Array], Array]:
    """A layer as a function of NHWC maps."""

    def run(x: Array) -> Array:
        with paddle.no_grad():
            y: Array = layer(paddle.to_tensor(x if layout == "NHWC" else x.transpose(0, 3, 1, 2).copy())).numpy()
        return y if layout == "NHWC" else y.transpose(0, 2, 3, 1)

    return run


def give_kernel(convolution: nn.Conv2D, layer: Convolution) -> None:
    """Have it compute in float64 with the oracle's kernel."""
    convolution.to(dtype="float64")
    convolution.weight.set_value(kernel_of(layer).transpose(3, 2, 0, 1).copy())


def make(layer: Layer, dtype: str = "float64", layout: str = "NCHW") -> Callable[[Array], Array]:
    """This backend's layer."""
    made = make_layer(layer, PLAN, layout).to(dtype=dtype)
    if isinstance(layer, Convolution):
        give_kernel(made.conv, layer)
    return on_maps(made, layout)


def make_own(layer: Layer) -> nn.Layer | None:
    """The layer as Paddle's users write it; None where Paddle has no such rule, or means something else by it."""
    if isinstance(layer, MaxPool) and layer.fill:
        if layer.padding == "ceil":
            alike = layer.stride <= layer.kernel
            return nn.MaxPool2D(layer.kernel, layer.stride, 0, ceil_mode=True) if alike else None
        rules = {"valid": 0, "explicit": (layer.kernel - 1) // 2, "same": "SAME"}
        return nn.MaxPool2D(layer.kernel, layer.stride, rules[layer.padding])
    if isinstance(layer, Convolution):
        paddings: dict[str, Any] = {"valid": "VALID", "explicit": layer.rate * (layer.kernel - 1) // 2}
        paddings |= {"same": "SAME"} if layer.rate == 1 else {}  # it leaves out the rate
        if layer.padding in paddings:
            options = {"padding": paddings[layer.padding], "dilation": layer.rate, "groups": layer.groups}
            convolution = nn.Conv2D(DEPTH, DEPTH, layer.kernel, layer.stride, **options, bias_attr=False)
            give_kernel(convolution, layer)
            return convolution
    return None


OWN = {name: own for name, layer in WINDOWS.items() if (own := make_own(layer))}


@pytest.mark.parametrize("name", OWN)
def test_the_frameworks_own_layer_pads_as_the_rule_of_its_name(name: str) -> None:
    assert differing(WINDOWS[name], on_maps(OWN[name])) == []


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("name", WINDOWS)
def test_windows_see_what_the_oracles_do(name: str, layout: str) -> None:
    assert differing(WINDOWS[name], make(WINDOWS[name], layout=layout)) == []


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-15), ("float32", 1e-6)])
@pytest.mark.parametrize("name", MEANS)
def test_means_are_the_oracles(name: str, dtype: str, error: float, layout: str) -> None:
    assert differing(MEANS[name], make(MEANS[name], dtype, layout), dtype, error) == []


def test_paddles_ceil_mode_counts_a_window_that_begins_behind_the_last_cell() -> None:
    """PyTorch's does not: a 2x2 pool of stride 3 makes one cell of a side of 3. Here it is so that we do not use it."""
    y = nn.MaxPool2D(2, 3, 0, ceil_mode=True)(paddle.ones([1, 1, 3, 3]))
    lowest = np.finfo(np.float32).min
    assert y.tolist() == [[[[1.0, lowest], [lowest, lowest]]]]
