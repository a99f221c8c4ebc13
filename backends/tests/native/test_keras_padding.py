"""Windows in Keras: its own layers and this backend's, held against the oracle by values. So do PyTorch and Paddle."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
from keras import layers

from isomorph.backends.keras.layers import Form, make_layer
from isomorph.spec.layers import Convolution, Layer, MaxPool

from .windows import DEPTH, MEANS, PLAN, WINDOWS, differing, kernel_of

Array = npt.NDArray[Any]

# Only on TensorFlow is Keras's float64 one.
ERRORS = {"float32": 1e-6} | ({"float64": 1e-15} if keras.backend.backend() == "tensorflow" else {})
DTYPE = list(ERRORS)[-1]


def on_maps(layer: Callable[[Any], Any]) -> Callable[[Array], Array]:
    """A layer as a function of NHWC maps."""
    return lambda x: np.asarray(keras.ops.convert_to_numpy(layer(keras.ops.convert_to_tensor(x))))


def give_kernel(convolution: Any, layer: Convolution) -> None:
    """Have it compute with the oracle's kernel; a depthwise one's is [k, k, depth, 1]."""
    convolution.build((None, None, None, DEPTH))
    kernel = kernel_of(layer)
    convolution.kernel.assign(kernel.transpose(0, 1, 3, 2) if layer.is_depthwise else kernel)


def make(layer: Layer, dtype: str = DTYPE) -> Callable[[Array], Array]:
    """This backend's layer, in a functional model as it is meant to be."""
    made, images = make_layer(layer, PLAN, Form(dtype, "NHWC")), keras.Input((None, None, DEPTH), dtype=dtype)
    if isinstance(layer, Convolution):
        give_kernel(made.layers[0].conv, layer)
    return on_maps(keras.Model(images, made(images)))


def make_own(layer: Layer) -> Any:
    """The layer as Keras's users write it; None where Keras has no such rule.

    Zeros, and what pads behind alone, are those of `keras.applications`: resnet.py and mobilenet.py.
    """
    match layer:
        case MaxPool(padding="valid" | "same") if layer.fill:
            return layers.MaxPooling2D(layer.kernel, layer.stride, layer.padding, dtype=DTYPE)
        case MaxPool(padding="explicit", kernel=3) if not layer.fill:
            pad = layers.ZeroPadding2D(((1, 1), (1, 1)), dtype=DTYPE)
            pool = layers.MaxPooling2D(3, layer.stride, dtype=DTYPE)
            return lambda x: pool(pad(x))
        case Convolution(padding="valid" | "same"):
            return make_convolution(layer, layer.padding)
        case Convolution(padding="after", kernel=3, stride=2):
            pad = layers.ZeroPadding2D(((0, 1), (0, 1)), dtype=DTYPE)
            convolution = make_convolution(layer, "valid")
            return lambda x: convolution(pad(x))
    return None


def make_convolution(layer: Convolution, padding: str) -> Any:
    """Keras's own, with the oracle's kernel."""
    options = {"dilation_rate": layer.rate, "padding": padding, "use_bias": False, "dtype": DTYPE}
    convolution = (
        layers.DepthwiseConv2D(layer.kernel, layer.stride, **options)
        if layer.is_depthwise
        else layers.Conv2D(DEPTH, layer.kernel, layer.stride, **options)
    )
    give_kernel(convolution, layer)
    return convolution


OWN = {name: own for name, layer in WINDOWS.items() if (own := make_own(layer))}


@pytest.mark.parametrize("name", OWN)
def test_the_frameworks_own_layer_pads_as_the_rule_of_its_name(name: str) -> None:
    assert differing(WINDOWS[name], on_maps(OWN[name]), DTYPE) == []


@pytest.mark.parametrize("name", WINDOWS)
def test_windows_see_what_the_oracles_do(name: str) -> None:
    assert differing(WINDOWS[name], make(WINDOWS[name]), DTYPE) == []


@pytest.mark.parametrize(("dtype", "error"), ERRORS.items())
@pytest.mark.parametrize("name", MEANS)
def test_means_are_the_oracles(name: str, dtype: str, error: float) -> None:
    assert differing(MEANS[name], make(MEANS[name], dtype), dtype, error) == []
