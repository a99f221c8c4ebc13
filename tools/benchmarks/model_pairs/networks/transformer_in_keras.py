"""The vision transformer as one writes it in Keras: layers that hold layers, chained by functional calls."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from benchmarks.model_pairs.networks.transformer_design import CLASSES, HEADS, HIDDEN, PATCH, TOKENS, WIDTH, ported

SCALE = {"missing-scale": 1.0, "scale-by-width": WIDTH**-0.5}

# Faults that layers.MultiHeadAttention cannot have, and one that separate layers cannot.
WRITTEN_OUT = {*SCALE, "interleaved-heads", "unmerged-heads", "exchanged-query-and-key", "missing-qkv-bias"}
STYLES = {fault: {"": "matmul"} for fault in (*WRITTEN_OUT, "softmax-over-queries")}
STYLES["qkv-by-head"] = {"": "matmul", "einsum": "matmul"}


class HandWrittenNorm(layers.Layer):
    def build(self, shape: Any) -> None:
        self.gamma = self.add_weight(shape=(shape[-1],), name="gamma")
        self.beta = self.add_weight(shape=(shape[-1],), name="beta")

    def call(self, x: Any) -> Any:
        x = x - ops.mean(x, axis=-1, keepdims=True)
        variance = ops.sum(ops.square(x), axis=-1, keepdims=True) / (WIDTH - 1)
        return x / ops.sqrt(variance + 1e-6) * self.gamma + self.beta


def norm(name: str, fault: str) -> Any:
    if fault == "unbiased-variance":
        return HandWrittenNorm(name=name)
    return layers.LayerNormalization(name=name, **({} if fault == "default-epsilon" else {"epsilon": 1e-6}))


def gelu(fault: str) -> Any:
    if fault == "quick-gelu":
        return lambda x: x * ops.sigmoid(1.702 * x)
    return lambda x: keras.activations.gelu(x, approximate=fault == "gelu-tanh")


class PackedAttention(layers.Layer):
    def __init__(self, heads: int, fault: str, **options: Any) -> None:
        super().__init__(**options)
        self.out_proj = layers.Dense(WIDTH, name="out_proj")
        self.qkv = layers.Dense(3 * WIDTH, use_bias=fault != "missing-qkv-bias", name="qkv")
        self.heads, self.size, self.fault = heads, WIDTH // heads, fault
        self.scale = SCALE.get(fault, self.size**-0.5)

    def split(self, qkv: Any) -> Any:
        if self.fault == "qkv-by-head":
            qkv = tf.reshape(qkv, [-1, TOKENS, self.heads, 3, self.size])
            return tf.unstack(tf.transpose(qkv, [3, 0, 2, 1, 4]), num=3)
        if self.fault == "interleaved-heads":
            qkv = tf.reshape(qkv, [-1, TOKENS, 3, self.size, self.heads])
            return tf.unstack(tf.transpose(qkv, [2, 0, 4, 1, 3]), num=3)
        qkv = tf.reshape(qkv, [-1, TOKENS, 3, self.heads, self.size])
        return tf.unstack(tf.transpose(qkv, [2, 0, 3, 1, 4]), num=3)

    def merge(self, x: Any) -> Any:
        if self.fault != "unmerged-heads":
            x = tf.transpose(x, [0, 2, 3, 1] if self.fault == "interleaved-heads" else [0, 2, 1, 3])
        return tf.reshape(x, [-1, TOKENS, WIDTH])

    def call(self, x: Any) -> Any:
        q, k, v = self.split(self.qkv(x))
        if self.fault == "exchanged-query-and-key":
            q, k = k, q
        scores = tf.matmul(q, k, transpose_b=True) * self.scale
        scores = tf.nn.softmax(scores, axis=-2 if self.fault == "softmax-over-queries" else -1)
        return self.out_proj(self.merge(tf.matmul(scores, v)))


class EinsumAttention(layers.Layer):
    def __init__(self, heads: int, fault: str, **options: Any) -> None:
        super().__init__(**options)
        bias = fault != "missing-qkv-bias"
        self.q_proj = layers.Dense(WIDTH, use_bias=bias, name="q_proj")
        self.k_proj = layers.Dense(WIDTH, use_bias=bias, name="k_proj")
        self.v_proj = layers.Dense(WIDTH, use_bias=bias, name="v_proj")
        self.out_proj = layers.Dense(WIDTH, name="out_proj")
        self.hd, self.heads = ("dh", (WIDTH // heads, heads)), heads
        if fault != "interleaved-heads":
            self.hd = ("hd", (heads, WIDTH // heads))
        self.scale, self.fault = SCALE.get(fault, (WIDTH // heads) ** -0.5), fault

    def call(self, x: Any) -> Any:
        hd, shape = self.hd
        q = ops.reshape(self.q_proj(x) * self.scale, (-1, TOKENS, *shape))
        k = ops.reshape(self.k_proj(x), (-1, TOKENS, *shape))
        v = ops.reshape(self.v_proj(x), (-1, TOKENS, *shape))
        if self.fault == "exchanged-query-and-key":
            q, k = k, q
        scores = ops.einsum(f"bq{hd},bk{hd}->bhqk", q, k)
        scores = ops.softmax(scores, axis=-2 if self.fault == "softmax-over-queries" else -1)
        merged = "bhqd" if self.fault == "unmerged-heads" else f"bq{hd}"
        x = ops.einsum(f"bhqk,bk{hd}->{merged}", scores, v)
        return self.out_proj(ops.reshape(x, (-1, TOKENS, WIDTH)))


def attention(style: str, fault: str) -> Any:
    heads = 4 if fault == "four-heads" else HEADS
    match style:
        case "":
            return layers.MultiHeadAttention(heads, WIDTH // heads, name="attention")
        case "matmul":
            return PackedAttention(heads, fault, name="attention")
        case "einsum":
            return EinsumAttention(heads, fault, name="attention")
    raise ValueError(f"no style {style!r}")


class MLP(layers.Layer):
    def __init__(self, fault: str, **options: Any) -> None:
        super().__init__(**options)
        last = gelu(fault) if fault == "gelu-after-both-layers" else None
        self.fc1 = layers.Dense(HIDDEN, activation=gelu(fault), name="fc1")
        self.fc2 = layers.Dense(WIDTH, activation=last, name="fc2")

    def call(self, x: Any) -> Any:
        return self.fc2(self.fc1(x))


class Block(layers.Layer):
    def __init__(self, style: str, fault: str, **options: Any) -> None:
        super().__init__(**options)
        self.attention = attention(style, fault)
        self.mlp = MLP(fault, name="mlp")
        self.norm1, self.norm2 = norm("norm1", fault), norm("norm2", fault)
        self.fault = fault

    def attend(self, x: Any) -> Any:
        return self.attention(x, x) if isinstance(self.attention, layers.MultiHeadAttention) else self.attention(x)

    def call(self, x: Any) -> Any:
        if self.fault == "post-norm":
            x = self.norm1(x + self.attend(x))
            return self.norm2(x + self.mlp(x))
        if self.fault == "residual-of-norm":
            x = self.norm1(x)
            x = self.norm2(self.attend(x) + x)
            return self.mlp(x) + x
        if self.fault == "mlp-beside-attention":
            return self.mlp(self.norm2(x)) + (self.attend(self.norm1(x)) + x)
        x = self.attend(self.norm1(x)) + x
        return self.mlp(self.norm2(x)) + x


class Embedding(layers.Layer):
    def __init__(self, fault: str, **options: Any) -> None:
        super().__init__(**options)
        self.patches = layers.Conv2D(WIDTH, PATCH, strides=PATCH, name="patches")
        self.fault = fault

    def build(self, shape: Any) -> None:
        self.patches.build(shape)
        self.positions = self.add_weight(shape=(1, TOKENS, WIDTH), name="positions")
        self.class_token = self.add_weight(shape=(1, 1, WIDTH), name="class_token")

    def call(self, images: Any) -> Any:
        x = self.patches(images)
        if self.fault == "column-major-tokens":
            x = ops.transpose(x, (0, 2, 1, 3))
        x = ops.reshape(x, (-1, TOKENS - 1, WIDTH))
        token = ops.tile(self.class_token, (ops.shape(x)[0], 1, 1))
        if self.fault == "positions-before-class-token":
            return ops.concatenate([token, x + self.positions[:, 1:]], axis=1)
        tokens = [x, token] if self.fault == "class-token-appended" else [token, x]
        return ops.concatenate(tokens, axis=1) + self.positions


def network(style: str, fault: str) -> Any:
    blocks = [Block(style, fault, name=name) for name in ("block1", "block2")]
    if fault == "shared-blocks":
        blocks = [blocks[0]] * 2
    images = keras.Input((32, 40, 3))
    x = Embedding(fault, name="embedding")(images)
    for block in blocks:
        x = block(x)
    if fault != "missing-final-norm":
        x = norm("norm", fault)(x)
    x = ops.mean(x[:, 1:], axis=1) if fault == "mean-pool" else x[:, 0]
    return keras.Model(images, layers.Dense(CLASSES, name="head")(x))


NAMES = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "attention_output": "out_proj", "kernel": "weight"}


def make(seed: int = 0, fault: str = "", style: str = "") -> Any:
    """The network, or the network with a fault; attention in the style, or in one that can have the fault."""
    tensors = ported(seed, fault)
    for block in ("block1.attention", "block2.attention"):
        for tensor in ("weight", "bias"):
            parts = [tensors[f"{block}.{layer}.{tensor}"] for layer in ("q_proj", "k_proj", "v_proj")]
            tensors[f"{block}.qkv.{tensor}"] = np.concatenate(parts, axis=-1)
    model = network(STYLES.get(fault, {}).get(style, style), fault)
    for variable in model.weights:
        name = ".".join(NAMES.get(part, part) for part in variable.path.split("/"))
        variable.assign(tensors[name].reshape(variable.shape))
    return model
