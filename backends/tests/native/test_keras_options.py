"""The options of `build` in Keras, seen from the native object. The same tests are those of PyTorch and Paddle.

They run on the engine that KERAS_BACKEND names, TensorFlow if none.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest

from isomorph.backends import load_backend
from isomorph.backends.protocol import Network
from isomorph.spec import Architecture

Array = npt.NDArray[Any]
Weights = Callable[[Architecture], dict[str, Array]]
Oracle = Callable[[Architecture, Array], dict[str, Array]]
Close = Callable[[Any, Any, float], None]

ENGINE = keras.backend.backend()
LAYOUTS = load_backend(f"keras:{ENGINE}").layouts("cpu")
# Keras's own training step (3.15) does not pass PyTorch's compiler (2.13); what answers does.
COMPILED = () if ENGINE == "torch" else (pytest.param({"compiled": True}, id="compiled"),)

in_layouts = pytest.mark.parametrize("layout", LAYOUTS)


def build(architecture: Architecture, **options: Any) -> Network:
    keras.utils.set_random_seed(0)
    return load_backend(f"keras:{ENGINE}").build(architecture, **options)


def to_native(images: Array, layout: str) -> Any:
    x = images if layout == "NHWC" else images.transpose(0, 3, 1, 2)
    return keras.ops.convert_to_tensor(x.astype(np.float32))


@in_layouts
def test_native_object_has_the_layout(
    layout: str,
    designs: dict[str, Architecture],
    images: Array,
    weights: Weights,
    oracle: Oracle,
    assert_close: Close,
) -> None:
    """Keras's own way: every layer knows where its channels are, and so does the model's input."""
    network = build(designs["slim"], layout=layout)
    assert network.native.input_shape == ((None, None, None, 3) if layout == "NHWC" else (None, 3, None, None))
    network.load(weights(designs["slim"]))
    logits = keras.ops.convert_to_numpy(network.native(to_native(images, layout)))
    assert_close(logits, oracle(designs["slim"], images)["logits"][:, 0, 0], 1e-5)


@pytest.mark.parametrize(
    "options",
    [*(pytest.param({"layout": layout}, id=f"the layout {layout}") for layout in LAYOUTS), *COMPILED],
)
def test_training_goes_on_in(
    options: dict[str, Any], small: Architecture, images: Array, labels: Array, assert_close: Close
) -> None:
    network = build(small, training=True, **options)
    native = network.native
    before, first = network.tensors(), network.answer(images)
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    native.compile(keras.optimizers.SGD(0.01), entropy, jit_compile=network.options.compiled)
    x = to_native(images, network.options.layout)
    loss = native.train_on_batch(x, labels)
    assert entropy(labels, native(x, training=True)) < loss
    after = network.tensors()
    assert [name for name in before if np.array_equal(before[name], after[name])] == []
    answer = network.answer(images)
    assert not np.allclose(answer, first), "the answer is that of the weights before the step"
    assert_close(answer, network.end_points(images)["logits"][:, 0, 0], 1e-5)


@in_layouts
def test_a_pool_is_padded_with_what_the_convention_says(
    layout: str, pool: Architecture, images: Array, oracle: Oracle
) -> None:
    """Zeros around a map are its maximum where all else is negative; a maximum has no rounding."""
    negative = -1 - np.abs(images).astype(np.float32)
    native = build(pool, layout=layout).native
    stem = keras.Model(native.inputs, native.get_layer("pool1").output)
    found = keras.ops.convert_to_numpy(stem(to_native(negative, layout)))
    found = found if layout == "NHWC" else found.transpose(0, 2, 3, 1)
    assert np.array_equal(found, oracle(pool, negative)["pool1"])
    assert (found.max() == 0) == (pool.convention.pool_fill == "zero")


def test_a_last_gamma_of_zero_makes_a_unit_its_shortcut(design: Architecture, images: Array) -> None:
    network = build(design.with_options(last_gamma=0.0))
    native, unit = network.native, next(network.plan.units)
    layers = {layer.name: layer for layer in native.layers}
    names = [f"{convolution.scope.replace('/', '_')}_BatchNorm" for convolution in unit.parametrised]
    *inner, last = [keras.ops.convert_to_numpy(layers[name].gamma) for name in names]
    assert not last.any()
    assert all((gamma == 1).all() for gamma in inner)
    joined, result = (
        native.get_layer(f"{unit.scope.replace('/', '_')}_add"),
        native.get_layer(unit.scope.replace("/", "_")),
    )
    found = keras.Model(native.inputs, [joined.input[0], result.output])(to_native(images, network.options.layout))
    shortcut, whole = (keras.ops.convert_to_numpy(value) for value in found)
    assert np.array_equal(whole, np.maximum(shortcut, 0))
