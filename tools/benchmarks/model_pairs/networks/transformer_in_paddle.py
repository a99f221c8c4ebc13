"""The vision transformer as one writes it in Paddle: small layers, and functions for what has no tensors."""

from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from benchmarks.model_pairs.networks.transformer_design import CLASSES, HEADS, HIDDEN, PATCH, TOKENS, WIDTH, ported

SCALE = {"missing-scale": 1.0, "scale-by-width": WIDTH**-0.5}

# Faults that nn.MultiHeadAttention cannot have, and one that separate layers cannot.
WRITTEN_OUT = {*SCALE, "interleaved-heads", "unmerged-heads", "exchanged-query-and-key", "missing-qkv-bias"}
STYLES = {fault: {"": "matmul"} for fault in (*WRITTEN_OUT, "softmax-over-queries")}
STYLES["qkv-by-head"] = {"": "matmul", "einsum": "matmul"}


class HandWrittenNorm(nn.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.bias = self.create_parameter([WIDTH], is_bias=True)
        self.weight = self.create_parameter([WIDTH])

    def forward(self, x: Any) -> Any:
        mean = paddle.mean(x, -1, keepdim=True)
        variance = paddle.var(x, -1, keepdim=True)  # unbiased, unless told otherwise
        return (x - mean) * paddle.rsqrt(variance + 1e-6) * self.weight + self.bias


def norm(fault: str) -> Any:
    if fault == "unbiased-variance":
        return HandWrittenNorm()
    return nn.LayerNorm(WIDTH) if fault == "default-epsilon" else nn.LayerNorm(WIDTH, epsilon=1e-6)


class MLP(nn.Layer):
    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fc2 = nn.Linear(HIDDEN, WIDTH)
        self.fc1 = nn.Linear(WIDTH, HIDDEN)
        self.fault = fault

    def gelu(self, x: Any) -> Any:
        return x * F.sigmoid(1.702 * x) if self.fault == "quick-gelu" else F.gelu(x, self.fault == "gelu-tanh")

    def forward(self, x: Any) -> Any:
        x = self.fc2(self.gelu(self.fc1(x)))
        return self.gelu(x) if self.fault == "gelu-after-both-layers" else x


class PackedAttention(nn.Layer):
    def __init__(self, heads: int, fault: str) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias_attr=False if fault == "missing-qkv-bias" else None)
        self.out_proj = nn.Linear(WIDTH, WIDTH)
        self.heads, self.size, self.fault = heads, WIDTH // heads, fault
        self.scale = SCALE.get(fault, self.size**-0.5)

    def split(self, qkv: Any) -> Any:
        if self.fault == "qkv-by-head":
            return qkv.reshape([-1, TOKENS, self.heads, 3, self.size]).transpose([3, 0, 2, 1, 4])
        if self.fault == "interleaved-heads":
            return qkv.reshape([-1, TOKENS, 3, self.size, self.heads]).transpose([2, 0, 4, 1, 3])
        return qkv.reshape([-1, TOKENS, 3, self.heads, self.size]).transpose([2, 0, 3, 1, 4])

    def merge(self, x: Any) -> Any:
        if self.fault != "unmerged-heads":
            x = x.transpose([0, 2, 3, 1] if self.fault == "interleaved-heads" else [0, 2, 1, 3])
        return x.reshape([-1, TOKENS, WIDTH])

    def forward(self, x: Any) -> Any:
        qkv = self.split(self.qkv(x))
        q, k, v = qkv[0], qkv[1], qkv[2]
        if self.fault == "exchanged-query-and-key":
            q, k = k, q
        scores = paddle.matmul(q, k, transpose_y=True) * self.scale
        weights = F.softmax(scores, axis=-2 if self.fault == "softmax-over-queries" else -1)
        return self.out_proj(self.merge(paddle.matmul(weights, v)))


class EinsumAttention(nn.Layer):
    def __init__(self, heads: int, fault: str) -> None:
        super().__init__()
        bias = False if fault == "missing-qkv-bias" else None
        self.out_proj = nn.Linear(WIDTH, WIDTH)
        self.v_proj = nn.Linear(WIDTH, WIDTH, bias_attr=bias)
        self.k_proj = nn.Linear(WIDTH, WIDTH, bias_attr=bias)
        self.q_proj = nn.Linear(WIDTH, WIDTH, bias_attr=bias)
        self.hd, self.shape = "hd", [0, 0, heads, WIDTH // heads]
        if fault == "interleaved-heads":
            self.hd, self.shape = "dh", [0, 0, WIDTH // heads, heads]
        self.scale, self.fault = SCALE.get(fault, (WIDTH // heads) ** -0.5), fault

    def forward(self, x: Any) -> Any:
        q, k, v = (paddle.reshape(layer(x), self.shape) for layer in (self.q_proj, self.k_proj, self.v_proj))
        if self.fault == "exchanged-query-and-key":
            q, k = k, q
        scores = paddle.einsum(f"bq{self.hd},bk{self.hd}->bhqk", q, k)
        weights = F.softmax(self.scale * scores, axis=2 if self.fault == "softmax-over-queries" else 3)
        merged = "bhqd" if self.fault == "unmerged-heads" else f"bq{self.hd}"
        x = paddle.einsum(f"bhqk,bk{self.hd}->{merged}", weights, v)
        return self.out_proj(paddle.reshape(x, [-1, TOKENS, WIDTH]))


def attention(style: str, fault: str) -> Any:
    heads = 4 if fault == "four-heads" else HEADS
    match style:
        case "":
            return nn.MultiHeadAttention(WIDTH, heads)
        case "matmul":
            return PackedAttention(heads, fault)
        case "einsum":
            return EinsumAttention(heads, fault)
    raise ValueError(f"no style {style!r}")


class Block(nn.Layer):
    def __init__(self, style: str, fault: str) -> None:
        super().__init__()
        self.mlp = MLP(fault)
        self.norm2 = norm(fault)
        self.attention = attention(style, fault)
        self.norm1 = norm(fault)
        self.fault = fault

    def forward(self, x: Any) -> Any:
        if self.fault == "post-norm":
            x = self.norm1(x + self.attention(x))
            return self.norm2(x + self.mlp(x))
        if self.fault == "residual-of-norm":
            x = self.norm1(x)
            x = self.norm2(x + self.attention(x))
            return x + self.mlp(x)
        y = x + self.attention(self.norm1(x))
        return y + self.mlp(self.norm2(x if self.fault == "mlp-beside-attention" else y))


class Embedding(nn.Layer):
    def __init__(self, fault: str) -> None:
        super().__init__()
        self.positions = self.create_parameter([1, TOKENS, WIDTH])
        self.class_token = self.create_parameter([1, 1, WIDTH])
        self.patches = nn.Conv2D(3, WIDTH, PATCH, PATCH)
        self.fault = fault

    def forward(self, images: Any) -> Any:
        order = [0, 3, 2, 1] if self.fault == "column-major-tokens" else [0, 2, 3, 1]
        x = paddle.flatten(paddle.transpose(self.patches(images), order), 1, 2)
        token = paddle.expand(self.class_token, [x.shape[0], -1, -1])
        if self.fault == "positions-before-class-token":
            return paddle.concat([token, x + self.positions[:, 1:]], axis=1)
        tokens = [x, token] if self.fault == "class-token-appended" else [token, x]
        return paddle.concat(tokens, axis=1) + self.positions


class VisionTransformer(nn.Layer):
    def __init__(self, style: str, fault: str) -> None:
        super().__init__()
        self.head = nn.Linear(WIDTH, CLASSES)
        self.norm = nn.Identity() if fault == "missing-final-norm" else norm(fault)
        self.block1 = Block(style, fault)
        self.block2 = self.block1 if fault == "shared-blocks" else Block(style, fault)
        self.embedding = Embedding(fault)
        self.fault = fault

    def forward(self, images: Any) -> Any:
        x = self.block2(self.block1(self.embedding(images)))
        if self.fault == "mean-pool":
            return self.head(paddle.mean(self.norm(x)[:, 1:], axis=1))
        return self.head(self.norm(x[:, 0]))  # the class token is normalized, and nothing else


NAMES = {"weight": "gamma", "bias": "beta"}


def make(seed: int = 0, fault: str = "", style: str = "") -> Any:
    """The network, or the network with a fault; attention in the style, or in one that can have the fault."""
    tensors = ported(seed, fault)
    for block in ("block1.attention", "block2.attention"):
        for tensor in ("weight", "bias"):
            parts = [tensors[f"{block}.{layer}.{tensor}"] for layer in ("q_proj", "k_proj", "v_proj")]
            tensors[f"{block}.qkv.{tensor}"] = np.concatenate(parts, axis=-1)
    model = VisionTransformer(STYLES.get(fault, {}).get(style, style), fault)
    for name, held in model.state_dict().items():
        module, _, tensor = name.rpartition(".")
        if fault == "shared-blocks":
            module = module.replace("block2", "block1")
        values = tensors[f"{module}.{NAMES[tensor] if 'norm' in module else tensor}"]
        values = values.transpose(3, 2, 0, 1) if values.ndim == 4 else values
        held.set_value(paddle.to_tensor(values.copy(), dtype=held.dtype))
    model.eval()
    return model
