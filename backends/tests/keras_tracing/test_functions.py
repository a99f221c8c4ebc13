"""Each function of TensorFlow is the specification's operations, with the numbers that it used."""

from collections.abc import Callable
from math import inf
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from isomorph.backends.keras.tracing.tracer import Tracer
from isomorph.spec.operations import (
    RELU,
    Affine,
    AveragePool,
    BatchNorm,
    Cast,
    Concatenation,
    Constant,
    Convolution,
    Dense,
    Dropout,
    MatrixProduct,
    MaxPool,
    Mean,
    Operation,
    Pad,
    Pointwise,
    Product,
    Quotient,
    Softmax,
    Sum,
    Unknown,
)

from .applied import Applied, Array, SelfCheck, Shuffle, operations, trace

pytestmark = pytest.mark.usefixtures("float64")


SPREAD: list[Operation] = [Sum((1.0, -1.0)), Pointwise("power", (2.0,)), Mean()]


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
def test_function_is(case: str, images: Array, shuffle: Shuffle, self_check: SelfCheck) -> None:
    function, expected = FUNCTIONS[case]
    graph = trace(Applied(function), images, shuffle)
    assert operations(graph) == expected
    np.testing.assert_allclose(graph.take(graph.outputs[""]), function(tf.constant(images)).numpy(), 0, 1e-14)
    if not any(isinstance(each, Unknown) for each in expected):
        self_check(graph)


def test_bias_that_is_read_without_keeps_the_convolution(
    images: Array, shuffle: Shuffle, self_check: SelfCheck
) -> None:
    def function(x: Any, convolution: Any, other: Any) -> Any:
        x = convolution(x)
        return tf.nn.relu(x) + tf.nn.bias_add(x, other.gamma.value)

    model = Applied(function, layers.Conv2D(4, 1, use_bias=False), layers.BatchNormalization())
    model.parts[1].build((None, None, None, 4))
    graph = trace(model, images, shuffle)
    assert operations(graph) == [Convolution(), RELU, Convolution(), Sum()]
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
    drop: Callable[[Any], Any], images: Array, shuffle: Shuffle
) -> None:
    assert operations(trace(Applied(drop), images, shuffle)) == [Dropout(0.3)]


def test_a_dropout_of_a_few_numbers_is_told_with_its_share(images: Array, shuffle: Shuffle) -> None:
    """Of four numbers any share may be dropped: it is read from the limit, and not from what was drawn."""
    for _ in range(5):
        model = Applied(lambda x: layers.Dropout(0.3)(x[:, :2, :1, :1], training=True))
        assert operations(trace(model, images, shuffle)) == [Dropout(0.3)]


def test_bias_on_channels_first_is_the_convolutions(images: Array, shuffle: Shuffle, self_check: SelfCheck) -> None:
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
    function: Callable[[Any], Any], expected: list[Operation], images: Array, shuffle: Shuffle
) -> None:
    assert operations(trace(Applied(function), images, shuffle)) == expected


def test_dropout_that_makes_up_for_nothing_is_told_with_the_share_that_was_dropped(
    images: Array, shuffle: Shuffle
) -> None:
    def function(x: Any) -> Any:
        return tf.where(tf.random.uniform(x.shape) < 0.3, 2.0 * x, tf.zeros_like(x))

    scale, dropout = operations(trace(Applied(function), images, shuffle))
    assert scale == Pointwise("linear", (2.0, 0.0))
    assert dropout == Dropout(0.7)


def test_half_precision_inside_is_told(images: Array, shuffle: Shuffle, self_check: SelfCheck) -> None:
    keras.config.set_dtype_policy("mixed_float16")
    model = Applied(lambda x, dense: dense(x), layers.Dense(3))
    graph = trace(model, images.astype("float32"), shuffle)
    assert operations(graph)[0] == Cast("float16")
    assert Dense() in operations(graph)
    self_check(graph, 1e-2)


def test_numbers_in_float32_are_the_shortest_that_are_the_same(
    images: Array, shuffle: Shuffle, self_check: SelfCheck
) -> None:
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    model = keras.Sequential([layers.BatchNormalization(), layers.LeakyReLU(0.2), layers.Rescaling(0.1)])
    graph = trace(model, images.astype("float32"), shuffle)
    expected = [BatchNorm(0.001), Pointwise("leaky_relu", (0.2,)), Pointwise("linear", (0.1, 0.0))]
    assert operations(graph) == expected
    self_check(graph, 1e-6)
