"""Each layer of Keras is the specification's operations, with the numbers that TensorFlow used."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from isomorph.spec.operations import (
    RELU,
    RELU6,
    Affine,
    AveragePool,
    BatchNorm,
    Concatenation,
    Constant,
    Convolution,
    Dense,
    GroupNorm,
    LayerNorm,
    MatrixProduct,
    MaxPool,
    Mean,
    Operation,
    Pad,
    Pointwise,
    Product,
    Resize,
    Softmax,
    Sum,
    TransposedConvolution,
)

from .applied import Applied, Array, SelfCheck, Shuffle, operations, trace

pytestmark = pytest.mark.usefixtures("float64")


# The factors of Keras's GELU are float32 in every dtype.
ROOT_OF_HALF = float(np.float32(0.7071067811865476))
GELU: list[Operation] = [
    *(Pointwise("linear", (0.5, 0.0)), Pointwise("linear", (-1.0, 0.0)), Pointwise("linear", (ROOT_OF_HALF, 0.0))),
    *(Pointwise("erf"), Pointwise("linear", (-1.0, 1.0)), Product()),
]


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
def test_layer_is(case: str, images: Array, shuffle: Shuffle, self_check: SelfCheck) -> None:
    make, expected = LAYERS[case]
    layer = make()
    graph = trace(layer, images, shuffle)
    assert operations(graph) == expected
    self_check(graph)
    np.testing.assert_allclose(graph.take(graph.outputs[""]), layer(images).numpy(), 0, 1e-14)


def test_bilinear_resizing_is_told_with_what_float32_leaves_of_it(
    images: Array, shuffle: Shuffle, self_check: SelfCheck
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
    rule: dict[str, bool], corners: str, images: Array, shuffle: Shuffle, self_check: SelfCheck
) -> None:
    model = Applied(lambda x: tf.raw_ops.ResizeBilinear(images=x, size=(7, 23), **rule))
    graph = trace(model, images.astype("float32"), shuffle)
    assert operations(graph) == [Resize((7, 23), corners)]
    self_check(graph, 1e-5)


def test_attention_is_products_and_dense_layers_under_their_names(
    images: Array, shuffle: Shuffle, self_check: SelfCheck
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


def test_class_token_is_a_constant_under_its_name(images: Array, shuffle: Shuffle, self_check: SelfCheck) -> None:
    model = Transformer()
    graph = trace(model, images, shuffle)
    kinds = Counter(map(type, operations(graph)))
    once = (Convolution, Constant, Concatenation, Affine, LayerNorm, Pointwise, Softmax)
    assert kinds == dict.fromkeys(once, 1) | {Dense: 5, MatrixProduct: 2, Sum: 1}
    names = {tensor.name for node in graph.nodes.values() for tensor in node.tensors.values()}
    assert names == {variable.path for variable in model.weights}
    self_check(graph)


def test_squeeze_and_excitation(images: Array, shuffle: Shuffle, self_check: SelfCheck) -> None:
    def function(x: Any, reduce: Any, expand: Any) -> Any:
        return x * ops.sigmoid(expand(ops.relu(reduce(ops.mean(x, (1, 2), keepdims=True)))))

    graph = trace(Applied(function, layers.Conv2D(2, 1), layers.Conv2D(4, 1)), images, shuffle)
    assert operations(graph) == [Mean(), Convolution(), RELU, Convolution(), Pointwise("sigmoid"), Product()]
    self_check(graph)
