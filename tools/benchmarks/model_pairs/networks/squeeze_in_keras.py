"""The network with squeeze-and-excitation as one writes it in Keras: functions, and layers with names."""

from typing import Any

import keras
from keras import layers, ops

from benchmarks.model_pairs.networks.squeeze_design import ported


class Builder:
    """What blocks have in common, and the fault that they are built with."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.epsilon = 1e-5 if fault == "default-epsilon" else 1e-3
        self.hard_swish = "silu" if fault == "swish-for-hard-swish" else "hard_silu"

    def norm(self, x: Any, name: str) -> Any:
        return layers.BatchNormalization(epsilon=self.epsilon, name=name)(x)

    def pads(self, x: Any, kernel: int, stride: int) -> tuple[Any, str]:
        """Keras pads the right and the lower edge alone where a stride is 2: here, all edges are."""
        if stride == 1 or self.fault == "same-pads-in-strided-convolutions":
            return x, "same"
        return layers.ZeroPadding2D(kernel // 2)(x), "valid"

    def gate(self, x: Any) -> Any:
        if self.fault == "hard-sigmoid-of-old-keras":
            return ops.clip(0.2 * x + 0.5, 0, 1)
        return ops.sigmoid(x) if self.fault == "sigmoid-in-gates" else ops.hard_sigmoid(x)

    def squeeze_layers(self, name: str, width: int, reduced: int) -> tuple[Any, Any]:
        activation = "hard_silu" if self.fault == "hard-swish-in-squeeze" else "relu"
        bias = self.fault != "dropped-bias-of-reduction"
        reduce = layers.Dense(reduced, activation=activation, use_bias=bias, name=f"{name}.reduce")
        return reduce, layers.Dense(width, activation=self.gate, name=f"{name}.excite")

    def squeeze(self, x: Any, reduce: Any, excite: Any) -> Any:
        pool = layers.GlobalMaxPooling2D if self.fault == "squeeze-by-max" else layers.GlobalAveragePooling2D
        rows = self.fault == "squeeze-over-rows"
        mean = ops.mean(x, axis=1, keepdims=True) if rows else pool(keepdims=True)(x)
        return layers.multiply([x, excite(reduce(mean))])

    def block(
        self, x: Any, name: str, width: int, out: int, kernel: int, stride: int, act: str, squeeze: Any = None
    ) -> Any:
        last = name == "block4"
        first = stride if self.fault == "stride-on-expansion" and name == "block2" else 1
        rate = 2 if self.fault == "dilated-last-block" and last else 1
        y = layers.Conv2D(width, 1, first, use_bias=False, name=f"{name}.expand")(x)
        y = layers.Activation(act)(self.norm(y, f"{name}.norm1"))
        y, padding = (y, "same") if first > 1 else self.pads(y, kernel, stride)
        y = layers.DepthwiseConv2D(
            kernel, stride // first, padding, dilation_rate=rate, use_bias=False, name=f"{name}.depthwise"
        )(y)
        y = self.norm(y, f"{name}.norm2")
        if squeeze and self.fault == "squeeze-before-activation":
            y = layers.Activation(act)(self.squeeze(y, *squeeze))
        else:
            y = layers.Activation(act)(y)
            y = self.squeeze(y, *squeeze) if squeeze else y
        y = layers.Conv2D(out, 1, use_bias=False, name=f"{name}.project")(y)
        residual = stride == 1 and x.shape[-1] == out and not (self.fault == "missing-residual" and last)
        if residual and self.fault == "residual-before-norm":
            return self.norm(layers.add([x, y], name=f"{name}.add"), f"{name}.norm3")
        y = self.norm(y, f"{name}.norm3")
        if self.fault == "activation-after-projection":
            y = layers.Activation(act)(y)
        if self.fault == "survival-factor" and last:
            y = 0.8 * y
        return layers.add([x, y], name=f"{name}.add") if residual else y


def network(fault: str) -> Any:
    build = Builder(fault)
    hard_swish = build.hard_swish
    squeezes = {
        name: build.squeeze_layers(f"{name}.squeeze", width, reduced)
        for name, width, reduced in (("block1", 20, 8), ("block3", 48, 12), ("block4", 48, 12))
        if not (fault == "missing-squeeze" and name == "block3")
    }
    if fault == "shared-squeeze":
        squeezes["block4"] = squeezes["block3"]

    images = keras.Input((32, 40, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(images) if fault == "rescaling-in-model" else images
    x, padding = build.pads(x, 3, 2)
    x = layers.Conv2D(12, 3, 2, padding, use_bias=False, name="stem.conv")(x)
    if fault == "activation-before-norm":
        x = build.norm(layers.Activation(hard_swish)(x), "stem.norm")
    else:
        x = layers.Activation(hard_swish)(build.norm(x, "stem.norm"))

    x = build.block(x, "block1", 20, 12, 3, 1, "relu", squeezes["block1"])
    x = build.block(x, "block2", 32, 16, 3, 2, "relu")
    x = build.block(x, "block3", 48, 20, 5, 2, hard_swish, squeezes.get("block3"))
    x = build.block(x, "block4", 48, 20, 5, 1, hard_swish, squeezes["block4"])

    if fault == "mean-after-hidden":
        x = layers.GlobalAveragePooling2D()(layers.Dense(40, activation=hard_swish, name="hidden")(x))
    else:
        x = layers.Dense(40, activation=hard_swish, name="hidden")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(images, layers.Dense(9, name="classifier")(x))


def make(seed: int = 0, fault: str = "", style: str = "") -> Any:
    """The network, or the network with a fault."""
    tensors = ported(seed, fault, style)
    model = network(fault)
    for layer in model.layers:
        kept = ("weight", "bias", "gamma", "beta", "mean", "variance")
        values = [tensors[f"{layer.name}.{tensor}"] for tensor in kept if f"{layer.name}.{tensor}" in tensors]
        layer.set_weights(values[: len(layer.weights)])  # without the bias that a fault leaves out
    return model
