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
@pytest.mark.parametrize("design", ["slim", "inceptions", "dense"], indirect=True)
def test_native_object_has_the_layout(
    layout: str,
    design: Architecture,
    images: Array,
    weights: Weights,
    oracle: Oracle,
    assert_close: Close,
) -> None:
    """Keras's own way: every layer knows where its channels are, and so does the model's input."""
    network = build(design, layout=layout)
    assert network.native.input_shape == ((None, None, None, 3) if layout == "NHWC" else (None, 3, None, None))
    network.load(weights(design))
    logits = keras.ops.convert_to_numpy(network.native(to_native(images, layout)))
    assert_close(logits, oracle(design, images)["logits"][:, 0, 0], 1e-5)


@in_layouts
def test_training_answers_with_auxiliary_heads_and_inference_without(
    layout: str,
    deterministic: Architecture,
    images: Array,
    weights: Weights,
    oracle: Oracle,
    assert_close: Close,
) -> None:
    """A Keras model has as many answers whether it trains or not: these are two models."""
    expected = oracle(deterministic, images)
    network = build(deterministic, layout=layout, training=True)
    network.load(weights(deterministic))
    answers = network.native(to_native(images, layout), training=True)
    for answer, name in zip(answers, ("logits", "aux1", "aux2"), strict=True):
        assert_close(keras.ops.convert_to_numpy(answer), expected[name].mean((1, 2)), 1e-5)
    other = build(deterministic, layout=layout)
    other.load(network.tensors())
    logits = keras.ops.convert_to_numpy(other.native(to_native(images, layout)))
    assert_close(logits, expected["logits"][:, 0, 0], 1e-5)


def test_dropout_scales_inference_down_in_one_mode_alone(
    dropping: Architecture, images: Array, weights: Weights, assert_close: Close
) -> None:
    """Paddle, whose modes these are, multiplies by float32's 1 - 0.3 in every dtype."""
    given = weights(dropping) | {"logits/biases": np.zeros(10)}
    dtype, rounding = ("float64", 1e-14) if ENGINE == "tensorflow" else ("float32", 1e-6)
    found = []
    for architecture in (dropping, dropping.with_options(dropout=0.0)):
        network = build(architecture, dtype=dtype, layout="NHWC")
        network.load(given)
        answer = network.native(keras.ops.convert_to_tensor(images.astype(dtype)))
        found.append(keras.ops.convert_to_numpy(answer))
    scale = float(np.float32(1) - np.float32(0.3)) if dropping.convention.dropout_mode == "downscale_in_infer" else 1
    assert_close(found[0], scale * found[1], rounding)


def test_dropout_drops_in_training(dropping: Architecture) -> None:
    native = build(dropping, training=True).native
    names = [layer.name for layer in native.layers if layer.name in ("logits_dropout", "logits_scale")]
    x = keras.ops.ones((100, 100))
    for name in names:
        x = native.get_layer(name)(x, **({"training": True} if name == "logits_dropout" else {}))
    found = keras.ops.convert_to_numpy(x)
    kept = 1.0 if dropping.convention.dropout_mode == "downscale_in_infer" else 1 / 0.7
    assert np.allclose(found[found != 0], kept)
    assert np.mean(found == 0) == pytest.approx(0.3, abs=0.02)  # four of its deviations


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
    native.compile(keras.optimizers.SGD(0.01), entropy, jit_compile=network.options.compiled == "xla")
    x = to_native(images, network.options.layout)
    loss = native.train_on_batch(x, labels)
    assert entropy(labels, native(x, training=True)) < loss
    after = network.tensors()
    assert [name for name in before if np.array_equal(before[name], after[name])] == []
    answer = network.answer(images)
    assert not np.allclose(answer, first), "the answer is that of the weights before the step"
    assert_close(answer, network.end_points(images)["logits"][:, 0, 0], 1e-5)


def test_frozen_batch_norms_stay_as_they_are(small: Architecture, images: Array, labels: Array) -> None:
    """In Keras's own loop."""
    network = build(small, layout="NHWC", training=True, freeze_batch_norm=True)
    native, before = network.native, network.tensors()
    assert [layer.name for layer in native.layers] == [layer.name for layer in build(small).native.layers]
    native.compile(keras.optimizers.SGD(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    native.train_on_batch(to_native(images, "NHWC"), labels)
    after = network.tensors()
    changed = [name for name in before if not np.array_equal(before[name], after[name])]
    assert changed == [name for name in before if "BatchNorm" not in name]


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


# What has a batch norm of its own gamma at the end of a unit.
@pytest.mark.parametrize("design", ["slim", "torchvision", "cifar", "others"], indirect=True)
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
