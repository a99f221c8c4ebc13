"""What normalises is one operation, whoever wrote it; what nearly does is none."""

from collections.abc import Callable
from typing import Any

import keras
import pytest
import tensorflow as tf
from keras import layers, ops

from isomorph.spec.operations import (
    RELU,
    Affine,
    BatchNorm,
    GroupNorm,
    LayerNorm,
    Mean,
    Operation,
    Sum,
)

from .applied import Applied, Array, Normalized, SelfCheck, Shuffle, operations, trace

pytestmark = pytest.mark.usefixtures("float64")


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


@pytest.mark.parametrize(
    "function",
    [_by_root, _by_scale, _without_gamma, _by_keras, _channels_first],
    ids=["by a root and a quotient", "by scale and shift", "without gamma", "by keras.ops", "on channels first"],
)
def test_batch_norm_by_hand_is_one(
    function: Callable[..., Any], images: Array, shuffle: Shuffle, self_check: SelfCheck
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
    function: Callable[..., Any], images: Array, shuffle: Shuffle, self_check: SelfCheck
) -> None:
    graph = trace(Normalized(function), images, shuffle)
    assert set(map(type, operations(graph))) == {Affine}
    self_check(graph)


def test_batch_norm_whose_parts_are_read_elsewhere_keeps_them(
    images: Array, shuffle: Shuffle, self_check: SelfCheck
) -> None:
    def function(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any) -> Any:
        centred = x - mean
        return tf.nn.relu(centred) + centred * tf.math.rsqrt(variance + 1e-4)

    graph = trace(Normalized(function), images, shuffle)
    assert operations(graph) == [Affine(), RELU, BatchNorm(1e-4), Sum()]
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
    shuffle: Shuffle,
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
    function: Callable[..., Any], images: Array, shuffle: Shuffle, self_check: SelfCheck
) -> None:
    graph = trace(Applied(function), images, shuffle)
    assert not {LayerNorm, GroupNorm, BatchNorm} & set(map(type, operations(graph)))
    self_check(graph)


def test_batch_norm_in_training_has_the_statistics_of_the_batch(
    images: Array, shuffle: Shuffle, self_check: SelfCheck
) -> None:
    model = Applied(lambda x, norm: norm(x, training=True), layers.BatchNormalization())
    graph = trace(model, images, shuffle)
    assert operations(graph) == [BatchNorm(1e-3, batch_statistics=True)]
    self_check(graph)


@pytest.mark.parametrize("training", [False, True], ids=["at inference", "in training"])
@pytest.mark.parametrize("axes", ["NHWC", "NCHW"])
def test_fused_batch_norm(axes: str, training: bool, images: Array, shuffle: Shuffle, self_check: SelfCheck) -> None:
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
