"""Each operation of a trace is one of the specification's, with the numbers that TensorFlow used."""

from collections import Counter
from collections.abc import Callable
from math import inf
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from keras import layers, ops

from isomorph.backends import load_backend
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.keras.tracing.tracer import Tracer
from isomorph.spec.operations import (
    RELU,
    RELU6,
    Affine,
    AveragePool,
    BatchNorm,
    Cast,
    Concatenation,
    Constant,
    Convolution,
    Dense,
    Dropout,
    GroupNorm,
    Input,
    LayerNorm,
    MatrixProduct,
    MaxPool,
    Mean,
    Operation,
    Pad,
    Pointwise,
    Product,
    Quotient,
    Resize,
    Softmax,
    Sum,
    TransposedConvolution,
    Unknown,
)

Array = npt.NDArray[Any]
SelfCheck = Callable[..., None]

pytestmark = pytest.mark.usefixtures("float64")


class Applied(keras.Model):  # type: ignore[misc]  # Keras's classes are Any
    """Somebody's class: a function of images and of layers."""

    def __init__(self, function: Callable[..., Any], *parts: Any) -> None:
        super().__init__()
        self.function, self.parts = function, list(parts)

    def call(self, x: Any) -> Any:
        return self.function(x, *self.parts)


def trace(model: Any, images: Array, shuffle: Callable[[Any], None]) -> Graph:
    model(tf.constant(images))
    shuffle(model)
    return load_backend("keras").model(model).trace(images)


def operations(graph: Graph) -> list[Operation]:
    return [node.operation for node in graph.nodes.values() if node.kind is not Input]


# The factors of Keras's GELU are float32 in every dtype.
ROOT_OF_HALF = float(np.float32(0.7071067811865476))
GELU: list[Operation] = [
    *(Pointwise("linear", (0.5, 0.0)), Pointwise("linear", (-1.0, 0.0)), Pointwise("linear", (ROOT_OF_HALF, 0.0))),
    *(Pointwise("erf"), Pointwise("linear", (-1.0, 1.0)), Product()),
]
SPREAD: list[Operation] = [Sum((1.0, -1.0)), Pointwise("power", (2.0,)), Mean()]

LAYERS: dict[str, tuple[Callable[[], Any], list[Operation]]] = {
    "a convolution, padded as TensorFlow does": (
        lambda: layers.Conv2D(6, 3, 2, "same"),
        [Convolution((2, 2), ((0, 1), (1, 1)))],
    ),
    "a convolution without pads or bias": (lambda: layers.Conv2D(6, (3, 2), use_bias=False), [Convolution()]),
    "a dilated convolution": (
        lambda: layers.Conv2D(6, 3, dilation_rate=2, padding="same"),
        [Convolution(pads=((2, 2), (2, 2)), rate=(2, 2))],
    ),
    "a grouped convolution": (lambda: layers.Conv2D(6, 3, groups=2), [Convolution(groups=2)]),
    "a depthwise convolution of two results each": (
        lambda: layers.DepthwiseConv2D(3, 2, "same", depth_multiplier=2),
        [Convolution((2, 2), ((0, 1), (1, 1)), groups=4)],
    ),
    "a dilated depthwise convolution": (
        lambda: layers.DepthwiseConv2D(3, dilation_rate=2, padding="same"),
        [Convolution(pads=((2, 2), (2, 2)), rate=(2, 2), groups=4)],
    ),
    "a dilated depthwise convolution without pads": (
        lambda: layers.DepthwiseConv2D(3, dilation_rate=3),
        [Convolution(rate=(3, 3), groups=4)],
    ),
    "a separable convolution": (
        lambda: layers.SeparableConv2D(6, 3, padding="same"),
        [Convolution(pads=((1, 1), (1, 1)), groups=4), Convolution()],
    ),
    "a transposed convolution": (
        lambda: layers.Conv2DTranspose(5, 3, 2, "same"),
        [TransposedConvolution((2, 2), (0, 0), (24, 22))],
    ),
    "a transposed convolution that is cut off in front": (
        lambda: layers.Conv2DTranspose(5, 4, 2, "same"),
        [TransposedConvolution((2, 2), (1, 1), (24, 22))],
    ),
    "a transposed convolution that is not cut off": (
        lambda: layers.Conv2DTranspose(5, 4, 3, "valid"),
        [TransposedConvolution((3, 3), (0, 0), (37, 34))],
    ),
    "a dense layer": (lambda: layers.Dense(3), [Dense()]),
    "a dense layer by einsum": (
        lambda: layers.EinsumDense("...x,xy->...y", output_shape=(12, 11, 6), bias_axes="y"),
        [Dense()],
    ),
    "a batch norm": (lambda: layers.BatchNormalization(epsilon=1.001e-5), [BatchNorm(1.001e-5)]),
    "a batch norm without gamma or beta": (
        lambda: layers.BatchNormalization(scale=False, center=False),
        [BatchNorm(1e-3)],
    ),
    "a layer norm": (layers.LayerNormalization, [LayerNorm(1e-3)]),
    "a group norm": (lambda: layers.GroupNormalization(2), [GroupNorm(2, 1e-3)]),
    "an instance norm": (lambda: layers.GroupNormalization(-1, epsilon=1e-5), [GroupNorm(4, 1e-5)]),
    "a max pool": (lambda: layers.MaxPooling2D(3, 2, "same"), [MaxPool((3, 3), (2, 2), ((0, 1), (1, 1)))]),
    "an average pool whose padding does not count": (
        lambda: layers.AveragePooling2D(3, 2, "same"),
        [AveragePool((3, 3), (2, 2), ((0, 1), (1, 1)))],
    ),
    "a global average": (layers.GlobalAveragePooling2D, [Mean()]),
    "a global maximum": (layers.GlobalMaxPooling2D, [MaxPool((12, 11), (12, 11))]),
    "zeros around": (lambda: layers.ZeroPadding2D(((1, 2), (0, 3))), [Pad(((1, 2), (0, 3), (0, 0)))]),
    "cells left out": (lambda: layers.Cropping2D(1), []),
    "the nearest cells": (lambda: layers.UpSampling2D(2), []),
    "cells resized by the nearest": (lambda: layers.Resizing(7, 9, "nearest"), []),
    "a softmax over the rows": (lambda: layers.Softmax(1), [Softmax()]),
    "a dropout at inference": (lambda: layers.Dropout(0.5), []),
    "ReLU": (layers.ReLU, [RELU]),
    "ReLU6": (lambda: layers.ReLU(6.0), [RELU6]),
    "a leaky ReLU": (lambda: layers.LeakyReLU(0.2), [Pointwise("leaky_relu", (float(np.float32(0.2)),))]),
    "a PReLU": (
        lambda: layers.PReLU(shared_axes=[1, 2]),
        [RELU, Pointwise("linear", (-1.0, 0.0)), RELU, Affine(), Sum()],
    ),
    "a GELU": (lambda: layers.Activation("gelu"), GELU),
    "a GELU behind a dense layer": (lambda: layers.Dense(3, activation="gelu"), [Dense(), *GELU]),
    "a SiLU": (lambda: layers.Activation("silu"), [Pointwise("sigmoid"), Product()]),
    "a hard SiLU": (
        lambda: layers.Activation("hard_silu"),
        [Pointwise("linear", (1.0, 3.0)), RELU6, Pointwise("linear", (1 / 6, 0.0)), Product()],
    ),
    "an ELU": (lambda: layers.Activation("elu"), [Pointwise("elu", (1.0,))]),
    "a SELU": (
        lambda: layers.Activation("selu"),
        [Pointwise("elu", (1.6732632423543772,)), Pointwise("linear", (1.0507009873554805, 0.0))],
    ),
    "a softplus": (lambda: layers.Activation("softplus"), [Pointwise("softplus")]),
    "images scaled": (
        lambda: layers.Rescaling(1 / 127.5, -1),
        [Pointwise("linear", (float(np.float32(1 / 127.5)), 0.0)), Pointwise("linear", (1.0, -1.0))],
    ),
}


@pytest.mark.parametrize("case", LAYERS)
def test_layer_is(case: str, images: Array, shuffle: Callable[[Any], None], self_check: SelfCheck) -> None:
    make, expected = LAYERS[case]
    layer = make()
    graph = trace(layer, images, shuffle)
    assert operations(graph) == expected
    self_check(graph)
    np.testing.assert_allclose(graph.take(graph.outputs[""]), layer(images).numpy(), 0, 1e-14)


def _by_root(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any) -> Any:
    return gamma * (x - mean) / tf.sqrt(variance + 1e-4) + beta


def _by_scale(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any) -> Any:
    scale = gamma / (variance + 1e-4) ** 0.5
    return x * scale + (beta - mean * scale)


def _without_gamma(x: Any, _gamma: Any, beta: Any, mean: Any, variance: Any) -> Any:
    return beta + (x - mean) * tf.math.rsqrt(1e-4 + variance)


def _by_keras(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any) -> Any:
    return ops.batch_normalization(x, mean, variance, -1, beta, gamma, 1e-4)


def _channels_first(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any) -> Any:
    x = tf.transpose(x, [0, 3, 1, 2])
    gamma, beta, mean, variance = (tf.reshape(each, [1, -1, 1, 1]) for each in (gamma, beta, mean, variance))
    return tf.transpose(tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-4), [0, 2, 3, 1])


class Normalized(keras.Model):  # type: ignore[misc]  # Keras's classes are Any
    """A batch norm by hand, with tensors in an order of its own."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function
        names = ("variance", "gamma", "mean", "beta")
        self.own = {name: self.add_weight((4,), name=name, initializer="ones") for name in names}

    def call(self, x: Any) -> Any:
        own = (self.own[name].value for name in ("gamma", "beta", "mean", "variance"))
        return self.function(x, *own)


@pytest.mark.parametrize(
    "function",
    [_by_root, _by_scale, _without_gamma, _by_keras, _channels_first],
    ids=["by a root and a quotient", "by scale and shift", "without gamma", "by keras.ops", "on channels first"],
)
def test_batch_norm_by_hand_is_one(
    function: Callable[..., Any], images: Array, shuffle: Callable[[Any], None], self_check: SelfCheck
) -> None:
    model = Normalized(function)
    graph = trace(model, images, shuffle)
    assert operations(graph) == [BatchNorm(1e-4)]
    *_, norm = graph.nodes.values()
    leaves = {leaf: (tensor.name or "").rpartition("/")[2] for leaf, tensor in norm.tensors.items()}
    expected = {"gamma": "gamma", "beta": "beta", "moving_mean": "mean", "moving_variance": "variance"}
    if function is _without_gamma:
        del expected["gamma"]
    assert leaves == expected
    self_check(graph)


def _times_two_means(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any) -> Any:
    return (x - 2.0 * mean) * tf.math.rsqrt(variance + 1e-4) * gamma + beta


def _plus_the_mean(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any) -> Any:
    return (x + mean) * tf.math.rsqrt(variance + 1e-4) * gamma + beta


def _by_the_variance(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any) -> Any:
    return (x - mean) / (variance + 1e-4) * gamma + beta


@pytest.mark.parametrize("function", [_times_two_means, _plus_the_mean, _by_the_variance])
def test_what_is_nearly_a_batch_norm_is_none(
    function: Callable[..., Any], images: Array, shuffle: Callable[[Any], None], self_check: SelfCheck
) -> None:
    graph = trace(Normalized(function), images, shuffle)
    assert set(map(type, operations(graph))) == {Affine}
    self_check(graph)


def test_batch_norm_whose_parts_are_read_elsewhere_keeps_them(
    images: Array, shuffle: Callable[[Any], None], self_check: SelfCheck
) -> None:
    def function(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any) -> Any:
        centred = x - mean
        return tf.nn.relu(centred) + centred * tf.math.rsqrt(variance + 1e-4)

    graph = trace(Normalized(function), images, shuffle)
    assert operations(graph) == [Affine(), RELU, BatchNorm(1e-4), Sum()]
    self_check(graph)


def test_bias_that_is_read_without_keeps_the_convolution(
    images: Array, shuffle: Callable[[Any], None], self_check: SelfCheck
) -> None:
    def function(x: Any, convolution: Any, other: Any) -> Any:
        x = convolution(x)
        return tf.nn.relu(x) + tf.nn.bias_add(x, other.gamma.value)

    model = Applied(function, layers.Conv2D(4, 1, use_bias=False), layers.BatchNormalization())
    model.parts[1].build((None, None, None, 4))
    graph = trace(model, images, shuffle)
    assert operations(graph) == [Convolution(), RELU, Convolution(), Sum()]
    self_check(graph)


def _layer_norm(x: Any, gamma: Any, beta: Any) -> Any:
    mean, variance = tf.nn.moments(x, [-1], keepdims=True)
    return gamma * (x - mean) / tf.sqrt(variance + 1e-4) + beta


def _layer_norm_by_squares(x: Any, gamma: Any, beta: Any) -> Any:
    centred = x - tf.reduce_mean(x, -1, keepdims=True)
    deviation = (tf.reduce_mean(centred * centred, -1, keepdims=True) + 1e-4) ** 0.5
    return centred / deviation * gamma + beta


def _layer_norm_of_means(x: Any, gamma: Any, beta: Any) -> Any:
    return _layer_norm(tf.reduce_mean(x, [1, 2]), gamma, beta)


def _standardised(x: Any, gamma: Any, beta: Any) -> Any:
    mean = tf.reduce_mean(x, -1, keepdims=True)
    return (x - mean) * tf.math.rsqrt(tf.math.reduce_variance(x, -1, keepdims=True) + 1e-4)


def _instance_norm(x: Any, gamma: Any, beta: Any) -> Any:
    mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-4)


def _image_norm(x: Any, gamma: Any, beta: Any) -> Any:
    mean, variance = tf.nn.moments(x, [1, 2, 3], keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-4)


def _group_norm(x: Any, gamma: Any, beta: Any) -> Any:
    grouped = tf.reshape(x, [2, 12, 11, 2, 2])
    mean, variance = tf.nn.moments(grouped, [1, 2, 4], keepdims=True)
    gamma, beta = (tf.reshape(each, [2, 2]) for each in (gamma, beta))
    return tf.reshape(tf.nn.batch_normalization(grouped, mean, variance, beta, gamma, 1e-4), tf.shape(x))


def _batch_statistics(x: Any, gamma: Any, beta: Any) -> Any:
    mean, variance = tf.nn.moments(x, [0, 1, 2])
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-4)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (_layer_norm, [LayerNorm(1e-4)]),
        (_layer_norm_by_squares, [LayerNorm(1e-4)]),
        (_layer_norm_of_means, [Mean(), LayerNorm(1e-4)]),
        (_standardised, [LayerNorm(1e-4)]),
        (lambda x, gamma, beta: ops.layer_normalization(x, gamma, beta, epsilon=1e-4), [LayerNorm(1e-4)]),
        (_instance_norm, [GroupNorm(4, 1e-4)]),
        (_image_norm, [GroupNorm(1, 1e-4)]),
        (_group_norm, [GroupNorm(2, 1e-4)]),
        (_batch_statistics, [BatchNorm(1e-4, batch_statistics=True)]),
    ],
    ids=[
        *("a layer norm", "a layer norm by squares", "a layer norm of means", "a layer norm without gamma"),
        *("a layer norm by keras.ops", "an instance norm", "a norm of the image", "a group norm"),
        "a batch norm in training",
    ],
)
def test_norm_by_hand_is_one(
    function: Callable[..., Any],
    expected: list[Operation],
    images: Array,
    shuffle: Callable[[Any], None],
    self_check: SelfCheck,
) -> None:
    graph = trace(Normalized(lambda x, gamma, beta, mean, variance: function(x, gamma, beta)), images, shuffle)
    assert operations(graph) == expected
    *_, norm = graph.nodes.values()
    leaves = {leaf: (tensor.name or "").rpartition("/")[2] for leaf, tensor in norm.tensors.items()}
    assert leaves == ({} if function is _standardised else {"gamma": "gamma", "beta": "beta"})
    self_check(graph)


def _epsilon_behind_the_root(x: Any) -> Any:
    mean, variance = tf.nn.moments(x, [-1], keepdims=True)
    return (x - mean) / (tf.sqrt(variance) + 1e-4)


def _mean_of_other_axes(x: Any) -> Any:
    _, variance = tf.nn.moments(x, [-1], keepdims=True)
    return (x - tf.reduce_mean(x, [1, 2], keepdims=True)) * tf.math.rsqrt(variance + 1e-4)


def _mean_of_another_value(x: Any) -> Any:
    mean, variance = tf.nn.moments(tf.nn.relu(x), [-1], keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + 1e-4)


def _without_mean(x: Any) -> Any:
    return x * tf.math.rsqrt(tf.reduce_mean(tf.square(x), -1, keepdims=True) + 1e-4)


def _unbiased(x: Any) -> Any:
    mean, variance = tf.nn.moments(x, [-1], keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance * (4 / 3) + 1e-4)


def _mean_that_does_not_stretch_to_its_cells(x: Any) -> Any:
    x = x[:, :11, :, :]
    mean, variance = tf.nn.moments(x[:, :, :, 0], [1])
    return (x[:, :, :, 0] - mean[:1]) * tf.math.rsqrt(variance[:1] + 1e-4)


@pytest.mark.parametrize(
    "function",
    [
        *(_epsilon_behind_the_root, _mean_of_other_axes, _mean_of_another_value, _without_mean, _unbiased),
        _mean_that_does_not_stretch_to_its_cells,
    ],
)
def test_what_is_nearly_a_norm_is_none(
    function: Callable[..., Any], images: Array, shuffle: Callable[[Any], None], self_check: SelfCheck
) -> None:
    graph = trace(Applied(function), images, shuffle)
    assert not {LayerNorm, GroupNorm, BatchNorm} & set(map(type, operations(graph)))
    self_check(graph)


FUNCTIONS: dict[str, tuple[Callable[..., Any], list[Operation]]] = {
    "a convolution with pads of one's own": (
        lambda x: tf.nn.conv2d(x, tf.ones((3, 3, 4, 2), tf.float64), 2, [[0, 0], [1, 2], [0, 1], [0, 0]]),
        [Convolution((2, 2), ((1, 2), (0, 1)))],
    ),
    "strided slices": (lambda x: x[:, ::2, 1:-1][..., tf.newaxis, 0, 1:3], []),
    "cells turned, rolled and cut out": (
        lambda x: tf.slice(tf.reverse(tf.roll(x, 2, 1), [2]), [0, 1, 2, 0], [-1, 5, 3, 4]),
        [],
    ),
    "cells mirrored": (lambda x: tf.pad(x, [[0, 0], [1, 1], [2, 0], [0, 0]], "REFLECT"), []),
    "cells to channels and back": (lambda x: tf.nn.depth_to_space(tf.nn.space_to_depth(x[:, :, :10], 2), 2), []),
    "channels shuffled": (
        lambda x: tf.reshape(tf.transpose(tf.reshape(x, [-1, 12, 11, 2, 2]), [0, 1, 2, 4, 3]), [-1, 12, 11, 4]),
        [],
    ),
    "channels gathered and repeated": (lambda x: tf.tile(tf.gather(x, [3, 1], axis=-1), [1, 1, 1, 2]), []),
    "channels split and joined": (
        lambda x: tf.concat(tf.split(x, 2, -1)[::-1] + tf.split(x, [1, 3], -1), -1),
        [Concatenation()],
    ),
    "rows joined": (lambda x: tf.concat([x, x], 1), [Concatenation()]),
    "rows unstacked and stacked": (lambda x: tf.stack(tf.unstack(x, axis=1), 2), [Concatenation()]),
    "filled with -1": (
        lambda x: tf.pad(x, [[0, 0], [1, 0], [0, 2], [0, 3]], constant_values=-1.0),
        [Pad(((1, 0), (0, 2), (0, 3)), -1.0)],
    ),
    "bounds": (
        lambda x: tf.clip_by_value(x, -1.0, 2.0),
        [Pointwise("clip", (-inf, 2.0)), Pointwise("clip", (-1.0, inf))],
    ),
    "a bound that no number exceeds": (lambda x: tf.minimum(x, np.inf), []),
    "powers": (
        lambda x: tf.pow(tf.exp(x), 0.3),
        [Pointwise("exp"), Pointwise("power", (0.3,))],
    ),
    "one by a value": (lambda x: 1.0 / tf.exp(x), [Pointwise("exp"), Pointwise("power", (-1.0,))]),
    "two by a value": (lambda x: 2.0 / tf.exp(x), [Pointwise("exp"), Constant(), Quotient()]),
    "a constant before a value": (
        lambda x: tf.concat([tf.ones((2, 1, 11, 4), tf.float64), x], 1),
        [Constant(), Concatenation()],
    ),
    "a value beside a constant": (
        lambda x: tf.stack([x, tf.ones((2, 12, 11, 4), tf.float64)], -1),
        [Constant(), Concatenation()],
    ),
    "a product with a matrix for each channel": (
        lambda x: tf.linalg.matmul(tf.transpose(x, [0, 3, 1, 2]), tf.ones((4, 11, 5), tf.float64)),
        [Constant(), MatrixProduct()],
    ),
    "a matrix for each channel by einsum": (
        lambda x: tf.einsum("nhwc,cwk->nhkc", x, tf.ones((4, 11, 5), tf.float64)),
        [Constant(), MatrixProduct()],
    ),
    "a matrix transposed times a value transposed": (
        lambda x: tf.linalg.matmul(np.arange(20.0).reshape(4, 5), x, transpose_a=True, transpose_b=True),
        [Dense()],
    ),
    "a product with a matrix transposed": (
        lambda x: tf.linalg.matmul(x, tf.ones((3, 4), tf.float64), transpose_b=True),
        [Dense()],
    ),
    "a softsign": (
        tf.nn.softsign,
        [Pointwise("leaky_relu", (-1.0,)), Pointwise("linear", (1.0, 1.0)), Quotient()],
    ),
    "an exponential less one": (tf.math.expm1, [Pointwise("exp"), Pointwise("linear", (1.0, -1.0))]),
    "a quotient of values": (lambda x: x / tf.exp(x), [Pointwise("exp"), Quotient()]),
    "a difference of values": (lambda x: x - tf.tanh(x), [Pointwise("tanh"), Sum((1.0, -1.0))]),
    "a number less a value": (lambda x: 3.0 - x, [Pointwise("linear", (-1.0, 3.0))]),
    "a constant less a value": (lambda x: tf.constant(np.arange(4.0)) - x, [Affine()]),
    "a sum of three": (lambda x: tf.add_n([x, tf.nn.relu(x), x]), [RELU, Sum((1.0, 1.0, 1.0))]),
    "a sum over cells": (lambda x: tf.reduce_sum(x, [1, 2]), [Mean(), Pointwise("linear", (132.0, 0.0))]),
    "a maximum over channels": (lambda x: tf.reduce_max(x, -1, keepdims=True), [MaxPool((4, 1), (4, 1))]),
    "a mean over channels": (lambda x: tf.reduce_mean(x, -1, keepdims=True), [Mean()]),
    "a logarithm of a softmax": (tf.nn.log_softmax, [Softmax(), Pointwise("log")]),
    "a product of a value and itself": (
        lambda x: tf.linalg.matmul(x, x, transpose_b=True),
        [MatrixProduct()],
    ),
    "a constant times a value": (lambda x: tf.linalg.matmul(tf.ones((3, 11), tf.float64), x), [Dense()]),
    "a product by einsum": (lambda x: tf.einsum("nhwc,nhvc->nhwv", x, x), [MatrixProduct()]),
    "a dense layer over rows and columns": (
        lambda x: tf.einsum("hwk,nhwc->nkc", tf.ones((12, 11, 5), tf.float64), x),
        [Dense()],
    ),
    "a length of one": (
        lambda x: tf.nn.l2_normalize(x, -1),
        [
            *(Pointwise("power", (2.0,)), Mean(), Pointwise("linear", (4.0, 0.0))),
            *(Pointwise("clip", (1e-12, inf)), Pointwise("power", (-0.5,)), Product()),
        ],
    ),
    "a mean and a variance": (lambda x: tf.nn.moments(x, [1, 2])[1], [Mean(), *SPREAD]),
    "a function of TensorFlow's own graphs": (
        tf.function(lambda x: tf.nn.relu(x * 2.0)),
        [Pointwise("linear", (2.0, 0.0)), RELU],
    ),
    "what has no word": (tf.math.sin, [Unknown("Sin")]),
}


@pytest.mark.parametrize("case", FUNCTIONS)
def test_function_is(case: str, images: Array, shuffle: Callable[[Any], None], self_check: SelfCheck) -> None:
    function, expected = FUNCTIONS[case]
    graph = trace(Applied(function), images, shuffle)
    assert operations(graph) == expected
    np.testing.assert_allclose(graph.take(graph.outputs[""]), function(tf.constant(images)).numpy(), 0, 1e-14)
    if not any(isinstance(each, Unknown) for each in expected):
        self_check(graph)


def test_bilinear_resizing_is_told_with_what_float32_leaves_of_it(
    images: Array, shuffle: Callable[[Any], None], self_check: SelfCheck
) -> None:
    graph = trace(layers.UpSampling2D(2, interpolation="bilinear"), images, shuffle)
    assert operations(graph) == [Resize((24, 22), "half")]
    self_check(graph, 1e-6)
    assert {node.value.dtype.name for node in graph.nodes.values() if node.value is not None} == {"float64"}


@pytest.mark.parametrize(
    ("rule", "corners"),
    [({"align_corners": True}, "aligned"), ({}, "asymmetric"), ({"half_pixel_centers": True}, "half")],
)
def test_cells_of_resizing_lie(
    rule: dict[str, bool], corners: str, images: Array, shuffle: Callable[[Any], None], self_check: SelfCheck
) -> None:
    model = Applied(lambda x: tf.raw_ops.ResizeBilinear(images=x, size=(7, 23), **rule))
    graph = trace(model, images.astype("float32"), shuffle)
    assert operations(graph) == [Resize((7, 23), corners)]
    self_check(graph, 1e-5)


def test_attention_is_products_and_dense_layers_under_their_names(
    images: Array, shuffle: Callable[[Any], None], self_check: SelfCheck
) -> None:
    def function(x: Any, flatten: Any, attention: Any) -> Any:
        x = flatten(x)
        return attention(x, x)

    model = Applied(function, layers.Reshape((132, 4)), layers.MultiHeadAttention(2, 3))
    graph = trace(model, images, shuffle)
    kinds = Counter(map(type, operations(graph)))
    assert kinds == {Dense: 4, Pointwise: 1, MatrixProduct: 2, Softmax: 1}
    factor = next(each for each in operations(graph) if isinstance(each, Pointwise))
    assert factor.constants[0] == pytest.approx(3**-0.5, rel=1e-7)
    names = {tensor.name for node in graph.nodes.values() for tensor in node.tensors.values()}
    assert names == {variable.path for variable in model.weights}
    self_check(graph)


class Transformer(keras.Model):  # type: ignore[misc]  # Keras's classes are Any
    """A class token before patches, at learned positions, and one block of attention."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = layers.Conv2D(6, 4, 4, name="patches")
        self.token = self.add_weight((1, 1, 6), name="token")
        self.positions = self.add_weight((1, 7, 6), name="positions")
        self.norm = layers.LayerNormalization(name="norm")
        self.attention = layers.MultiHeadAttention(2, 3, name="attention")
        self.classifier = layers.Dense(3, name="classifier")

    def call(self, x: Any) -> Any:
        x = ops.reshape(self.patches(x), (-1, 6, 6))
        x = tf.concat([tf.tile(self.token, [tf.shape(x)[0], 1, 1]), x], 1) + self.positions
        normal = self.norm(x)
        return self.classifier((x + self.attention(normal, normal))[:, 0])


def test_class_token_is_a_constant_under_its_name(
    images: Array, shuffle: Callable[[Any], None], self_check: SelfCheck
) -> None:
    model = Transformer()
    graph = trace(model, images, shuffle)
    kinds = Counter(map(type, operations(graph)))
    once = (Convolution, Constant, Concatenation, Affine, LayerNorm, Pointwise, Softmax)
    assert kinds == dict.fromkeys(once, 1) | {Dense: 5, MatrixProduct: 2, Sum: 1}
    names = {tensor.name for node in graph.nodes.values() for tensor in node.tensors.values()}
    assert names == {variable.path for variable in model.weights}
    self_check(graph)


def test_squeeze_and_excitation(images: Array, shuffle: Callable[[Any], None], self_check: SelfCheck) -> None:
    def function(x: Any, reduce: Any, expand: Any) -> Any:
        return x * ops.sigmoid(expand(ops.relu(reduce(ops.mean(x, (1, 2), keepdims=True)))))

    graph = trace(Applied(function, layers.Conv2D(2, 1), layers.Conv2D(4, 1)), images, shuffle)
    assert operations(graph) == [Mean(), Convolution(), RELU, Convolution(), Pointwise("sigmoid"), Product()]
    self_check(graph)


def test_batch_norm_in_training_has_the_statistics_of_the_batch(
    images: Array, shuffle: Callable[[Any], None], self_check: SelfCheck
) -> None:
    model = Applied(lambda x, norm: norm(x, training=True), layers.BatchNormalization())
    graph = trace(model, images, shuffle)
    assert operations(graph) == [BatchNorm(1e-3, batch_statistics=True)]
    self_check(graph)


@pytest.mark.parametrize(
    "drop",
    [
        lambda x: layers.Dropout(0.3)(x, training=True),
        lambda x: tf.nn.dropout(x, 0.3),
        lambda x: tf.nn.experimental.stateless_dropout(x, 0.3, seed=(1, 2)),
    ],
    ids=["a layer", "a function", "a function with a seed"],
)
def test_dropout_in_training_is_told_with_its_share(
    drop: Callable[[Any], Any], images: Array, shuffle: Callable[[Any], None]
) -> None:
    assert operations(trace(Applied(drop), images, shuffle)) == [Dropout(0.3)]


@pytest.mark.parametrize("training", [False, True], ids=["at inference", "in training"])
@pytest.mark.parametrize("axes", ["NHWC", "NCHW"])
def test_fused_batch_norm(
    axes: str, training: bool, images: Array, shuffle: Callable[[Any], None], self_check: SelfCheck
) -> None:
    def function(x: Any) -> Any:
        statistics = [] if training else [[0.5, 0.6, 0.7, 0.8], [1.5, 1.6, 1.7, 1.8]]
        x = x if axes == "NHWC" else tf.transpose(x, [0, 3, 1, 2])
        given = [tf.constant(each, tf.float32) for each in ([1.0, 2, 3, 4], [5.0, 6, 7, 8], *(statistics or [[], []]))]
        y, *_ = tf.raw_ops.FusedBatchNormV3(
            **dict(zip(("x", "scale", "offset", "mean", "variance"), [x, *given], strict=True)),
            epsilon=1e-3,
            is_training=training,
            data_format=axes,
        )
        return y

    keras.config.set_dtype_policy("float32")  # it has no other
    graph = trace(Applied(function), images.astype("float32"), shuffle)
    assert operations(graph) == [BatchNorm(0.001, training)]
    assert len(list(graph.nodes.values())[1].tensors) == (2 if training else 4)
    self_check(graph, 1e-5)


def test_bias_on_channels_first_is_the_convolutions(
    images: Array, shuffle: Callable[[Any], None], self_check: SelfCheck
) -> None:
    def function(x: Any, convolution: Any) -> Any:
        x = tf.transpose(convolution(x), [0, 3, 1, 2])
        return tf.nn.bias_add(x, tf.constant([1.0, 2.0, 3.0], tf.float64), "NCHW")

    graph = trace(Applied(function, layers.Conv2D(3, 2, use_bias=False)), images, shuffle)
    assert operations(graph) == [Convolution()]
    (biases,) = (node.tensors["biases"].value for node in graph.nodes.values() if node.kind is Convolution)
    np.testing.assert_array_equal(biases, [1, 2, 3])
    self_check(graph)


@pytest.mark.parametrize(
    ("name", "attributes", "expected"),
    [
        ("MaxPool", {"ksize": [1, 3, 2, 1]}, MaxPool((3, 2), (2, 1), ((0, 1), (0, 1)))),
        ("AvgPool", {"ksize": [1, 3, 2, 1]}, AveragePool((3, 2), (2, 1), ((0, 1), (0, 1)))),
    ],
)
def test_map_of_channels_first_is(
    name: str, attributes: dict[str, Any], expected: Operation, images: Array, self_check: SelfCheck
) -> None:
    """As on a GPU: TensorFlow has such pools there alone, so that the call is told of by hand."""
    tracer = Tracer(images.dtype, {})
    x = tf.constant(images)
    result = getattr(tf.raw_ops, name)(**{"value" if name == "AvgPool" else "input": x}, **attributes, **SAME)
    first, second = (tf.transpose(each, [0, 3, 1, 2]) for each in (x, result))
    tracer.recorder.images(tracer.key(first), images, lambda x: x.transpose(0, 3, 1, 2))
    first_axes = {key: [1, 1, *value[1:3]] for key, value in (attributes | {"strides": SAME["strides"]}).items()}
    told = {**first_axes, "padding": "SAME", "data_format": "NCHW"}
    tracer.told(name, [first], [each for pair in told.items() for each in pair], [second])
    tracer.recorder.output("", tracer.key(second))
    graph = tracer.recorder.graph
    assert operations(graph) == [expected]
    np.testing.assert_array_equal(graph.take(graph.outputs[""]), second.numpy())
    self_check(graph)


SAME: dict[str, Any] = {"strides": [1, 2, 1, 1], "padding": "SAME"}


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: layers.GaussianDropout(0.3)(x, training=True), [Unknown("Mul")]),
        (lambda x: layers.GaussianNoise(0.3)(x, training=True), [Unknown("AddV2")]),
    ],
    ids=["noise that multiplies", "noise that is added"],
)
def test_what_is_drawn_is(
    function: Callable[[Any], Any], expected: list[Operation], images: Array, shuffle: Callable[[Any], None]
) -> None:
    assert operations(trace(Applied(function), images, shuffle)) == expected


def test_dropout_that_makes_up_for_nothing_is_told_with_the_share_that_was_dropped(
    images: Array, shuffle: Callable[[Any], None]
) -> None:
    def function(x: Any) -> Any:
        return tf.where(tf.random.uniform(x.shape) < 0.3, 2.0 * x, tf.zeros_like(x))

    scale, dropout = operations(trace(Applied(function), images, shuffle))
    assert scale == Pointwise("linear", (2.0, 0.0))
    assert isinstance(dropout, Dropout)
    assert dropout.share == pytest.approx(0.7, abs=0.1)


def test_half_precision_inside_is_told(images: Array, shuffle: Callable[[Any], None], self_check: SelfCheck) -> None:
    keras.config.set_dtype_policy("mixed_float16")
    model = Applied(lambda x, dense: dense(x), layers.Dense(3))
    graph = trace(model, images.astype("float32"), shuffle)
    assert operations(graph)[0] == Cast("float16")
    assert Dense() in operations(graph)
    self_check(graph, 1e-2)


def test_numbers_in_float32_are_the_shortest_that_are_the_same(
    images: Array, shuffle: Callable[[Any], None], self_check: SelfCheck
) -> None:
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    model = keras.Sequential([layers.BatchNormalization(), layers.LeakyReLU(0.2), layers.Rescaling(0.1)])
    graph = trace(model, images.astype("float32"), shuffle)
    expected = [BatchNorm(0.001), Pointwise("leaky_relu", (0.2,)), Pointwise("linear", (0.1, 0.0))]
    assert operations(graph) == expected
    self_check(graph, 1e-6)
