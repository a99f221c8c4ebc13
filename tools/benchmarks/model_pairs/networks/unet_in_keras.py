"""The U-Net as one writes it in Keras: a subclassed model of subclassed layers, with names."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from benchmarks.model_pairs.networks.unet_design import ported


class DoubleConv(layers.Layer):
    """Twice a convolution, a batch norm and ReLU; gives what goes on, and what is kept for the way up."""

    def __init__(self, width: int, fault: str, name: str, act: str = "relu", strides: int = 1) -> None:
        super().__init__(name=name)
        self.padding = "valid" if fault == "reflected-pads" else "same"
        epsilon = 1e-3 if fault == "epsilon-of-keras" else 1e-5
        self.conv1 = layers.Conv2D(width, 3, strides, self.padding, use_bias=False, name="conv1")
        self.conv2 = layers.Conv2D(width, 3, padding=self.padding, use_bias=False, name="conv2")
        self.norm1 = layers.BatchNormalization(epsilon=epsilon, name="norm1")
        if fault == "missing-norm" and name == "encoder3":
            self.norm2 = layers.Identity(name="norm2")
        elif fault == "shared-norm":
            self.norm2 = self.norm1
        else:
            self.norm2 = layers.BatchNormalization(epsilon=epsilon, name="norm2")
        self.act = layers.Activation(act)
        self.as_trained = {"training": True} if fault == "batch-statistics" else {}
        self.fault = fault

    def pads(self, x: Any) -> Any:
        return x if self.padding == "same" else ops.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], "reflect")

    def call(self, x: Any) -> Any:
        if self.fault == "activation-before-norm":
            x = self.norm1(self.act(self.conv1(x)))
            x = self.norm2(self.act(self.conv2(x)))
            return x, x
        first = self.act(self.norm1(self.conv1(self.pads(x)), **self.as_trained))
        normed = self.norm2(self.conv2(self.pads(first)), **self.as_trained)
        y = self.act(normed)
        return y, {"skip-before-activation": normed, "skip-of-first-convolution": first}.get(self.fault, y)


class AlignedResize(layers.Layer):
    """Twice the height and the width, as TensorFlow 1 could do it."""

    def call(self, x: Any) -> Any:
        size = [2 * x.shape[1], 2 * x.shape[2]]
        return tf.cast(tf.compat.v1.image.resize_bilinear(x, size, align_corners=True), x.dtype)


def pool(name: str, fault: str) -> Any:
    if fault == "mean-pools":
        return layers.AveragePooling2D(2, name=name)
    if fault == "stride-for-pool" and name == "pool2":
        return layers.Identity(name=name)
    if fault == "overlapping-pools":
        return layers.MaxPooling2D(3, 2, "same", name=name)
    return layers.MaxPooling2D(2, name=name)


def upsampling(fault: str) -> Any:
    if fault == "aligned-corners":
        resize = AlignedResize(name="resize")
    else:
        interpolation = "nearest" if fault == "nearest-resize" else "bilinear"
        resize = layers.UpSampling2D(interpolation=interpolation, name="resize")
    conv = layers.Conv2D(8, 3, padding="same", name="conv")
    return keras.Sequential([conv, resize] if fault == "resize-after-convolution" else [resize, conv], name="up1")


class UNet(keras.Model):
    def __init__(self, fault: str) -> None:
        super().__init__(name="unet")
        act = "leaky_relu" if fault == "leaky-relu-in-encoder" else "relu"
        self.encoder1 = DoubleConv(8, fault, "encoder1", act)
        self.encoder2 = DoubleConv(16, fault, "encoder2", act)
        self.encoder3 = DoubleConv(32, fault, "encoder3", act, strides=2 if fault == "stride-for-pool" else 1)
        self.decoder1 = DoubleConv(8, fault, "decoder1")
        self.decoder2 = DoubleConv(16, fault, "decoder2")
        self.pool1, self.pool2 = pool("pool1", fault), pool("pool2", fault)
        self.dropout = layers.Dropout(0.2, name="dropout")
        self.up1 = upsampling(fault)
        padding = "valid" if fault == "crop-of-upsampling" else "same"
        biased = fault != "missing-bias-of-upsampling"
        self.up2 = layers.Conv2DTranspose(16, 4, 2, padding, use_bias=biased, name="up2")
        self.concat1, self.concat2 = layers.Concatenate(name="concat1"), layers.Concatenate(name="concat2")
        self.output_conv = layers.Conv2D(
            5, 1, activation="softmax" if fault == "softmax-in-model" else None, name="output"
        )
        self.fault = fault

    def call(self, x: Any) -> Any:
        x, skip1 = self.encoder1(x)
        x, skip2 = self.encoder2(self.pool1(x))
        x, _ = self.encoder3(self.pool2(x))
        x = 0.8 * x if self.fault == "dropout-scales" else self.dropout(x, training=False)  # else a norm's may reach it
        x = self.up2(x)
        if self.fault == "crop-of-upsampling":
            x = x[:, : skip2.shape[1], : skip2.shape[2]]
        order = -1 if self.fault == "concatenation-order" else 1
        x, _ = self.decoder2(self.concat2([skip2, x][::order]))
        x = self.up1(x)
        x, _ = self.decoder1(self.concat1([x if self.fault == "skip-overwritten" else skip1, x][::order]))
        return self.output_conv(x)


TENSORS = {"kernel": "weight", "moving_mean": "mean", "moving_variance": "variance"}


def make(seed: int = 0, fault: str = "", style: str = "") -> Any:
    """The network, or the network with a fault."""
    tensors = ported(seed, fault, style)
    model = UNet(fault)
    model(np.zeros((1, 28, 36, 3)))  # which makes the variables
    for variable in model.weights:
        _, *module, tensor = variable.path.split("/")
        values = tensors[".".join([*module, TENSORS.get(tensor, tensor)])]
        variable.assign(values.transpose(0, 1, 3, 2) if module == ["up2"] and values.ndim == 4 else values)
    return model
