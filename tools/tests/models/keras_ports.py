"""Networks as people write them by hand in Keras and TensorFlow, each in the habits of one of them."""

from typing import Any

import keras
import tensorflow as tf
from keras import layers


class Residual(keras.Model):
    """Layers in another order than that in which they are used; padding is left to Keras."""

    def __init__(self, before: int, filters: int, stride: int) -> None:
        super().__init__()
        self.norm_b = layers.BatchNormalization(epsilon=1e-5)
        self.conv_b = layers.Conv2D(filters, 3, padding="same", use_bias=False)
        self.conv_a = layers.Conv2D(filters, 3, stride, padding="same", use_bias=False)
        self.norm_a = layers.BatchNormalization(epsilon=1e-5)
        self.stride, self.more = stride, (filters - before) // 2

    def call(self, x: Any) -> Any:
        y = self.norm_b(self.conv_b(tf.nn.relu(self.norm_a(self.conv_a(x)))))
        x = tf.pad(x[:, :: self.stride, :: self.stride], [[0, 0], [0, 0], [0, 0], [self.more, self.more]])
        return tf.nn.relu(x + y)


class Cifar(keras.Model):
    """cifar/resnet20 of such units; it answers with a dictionary, and has no shapes before it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = layers.Dense(10)
        shapes = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2
        self.units = [Residual(*shape) for shape in shapes]
        self.first = layers.Conv2D(16, 3, padding="same", use_bias=False)
        self.norm = layers.BatchNormalization(epsilon=1e-5)

    def call(self, x: Any) -> Any:
        x = tf.nn.relu(self.norm(self.first(x)))
        for unit in self.units:
            x = unit(x)
        return {"scores": self.answer(tf.reduce_mean(x, [1, 2])), "features": x}


def subclassed_cifar() -> Any:
    """Pads its strided convolutions as Keras does."""
    return Cifar()


def flattened_lenet() -> Any:
    """A sequence in a sequence in a sequence; its map is flattened with the channels last."""
    features = keras.Sequential(
        [
            keras.Sequential([layers.Conv2D(6, 3, padding="same", activation="relu"), layers.MaxPooling2D()]),
            keras.Sequential([layers.Conv2D(16, 5), layers.ReLU(), layers.MaxPooling2D(2, 2)]),
        ]
    )
    head = keras.Sequential([layers.Flatten(), layers.Dense(120), layers.Dense(84), layers.Dense(10)])
    return keras.Sequential([keras.Input((28, 28, 1)), features, head])


def normalising_resnet8() -> Any:
    """Normalises its images itself, by a layer that is written for it."""
    images = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 0.25, offset=-0.3 / 0.25)(images)
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(16, 3, padding="same")(x)))
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        y = layers.Conv2D(filters, 3, stride, padding="same")(x)
        y = layers.ReLU()(layers.BatchNormalization()(y))
        y = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(y))
        if stride > 1:
            x = layers.Conv2D(filters, 1, stride)(x)
        x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.Flatten()(layers.AveragePooling2D(8)(x))
    return keras.Model(images, layers.Dense(10)(x))


class Handmade(keras.layers.Layer):
    """A convolution and a batch norm in TensorFlow's own operations."""

    def __init__(self, before: int, filters: int, stride: int, **more: Any) -> None:
        super().__init__(**more)
        draw = keras.initializers.HeNormal(seed=0)
        self.kernel = self.add_weight(shape=(3, 3, before, filters), initializer=draw, name="k")
        self.scale = self.add_weight(shape=(filters,), initializer="ones", name="s")
        self.offset = self.add_weight(shape=(filters,), initializer="zeros", name="o")
        self.mean = self.add_weight(shape=(filters,), initializer="zeros", trainable=False, name="m")
        self.spread = self.add_weight(shape=(filters,), initializer="ones", trainable=False, name="v")
        self.stride = stride

    def call(self, x: Any) -> Any:
        x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        y = tf.nn.conv2d(x, self.kernel, self.stride, "VALID")
        return tf.nn.batch_normalization(y, self.mean, self.spread, self.offset, self.scale, 1e-3)


class HandmadeCifar(keras.Model):
    """cifar/resnet20 of such layers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Handmade(3, 16, 1)
        shapes = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2
        self.pairs = [(Handmade(a, b, s), Handmade(b, b, 1)) for a, b, s in shapes]
        self.head = layers.Dense(10)

    def call(self, x: Any) -> Any:
        x = tf.nn.relu(self.stem(x))
        for first, second in self.pairs:
            y = second(tf.nn.relu(first(x)))
            more = (y.shape[-1] - x.shape[-1]) // 2
            x = x[:, :: first.stride, :: first.stride]
            x = tf.nn.relu(tf.concat([tf.zeros_like(x[..., :more]), x, tf.zeros_like(x[..., :more])], -1) + y)
        return self.head(tf.reduce_mean(x, (1, 2)))


def handmade_cifar() -> Any:
    """Knows no layers but its own; its epsilon is Keras's."""
    return HandmadeCifar()
