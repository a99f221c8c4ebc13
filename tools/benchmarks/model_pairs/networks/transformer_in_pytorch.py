"""The vision transformer as one writes it in PyTorch: modules of modules, and attention in four handwritings."""

from collections import OrderedDict

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.model_pairs.networks.transformer_design import CLASSES, HEADS, HIDDEN, PATCH, TOKENS, WIDTH, ported

SCALE = {"missing-scale": 1.0, "scale-by-width": WIDTH**-0.5}

# Faults that nn.MultiheadAttention cannot have, one that fused attention cannot, and one that separate layers cannot.
WRITTEN_OUT = {*SCALE, "interleaved-heads", "unmerged-heads", "exchanged-query-and-key", "missing-qkv-bias"}
STYLES = {fault: {"": "matmul"} for fault in WRITTEN_OUT}
STYLES["softmax-over-queries"] = {"": "matmul", "sdpa": "matmul"}
STYLES["qkv-by-head"] = {"": "matmul", "einsum": "matmul"}


class HandWrittenNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))
        self.bias = nn.Parameter(torch.zeros(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(x, -1, keepdim=True)  # unbiased, unless told otherwise
        return (x - mean) / torch.sqrt(variance + 1e-6) * self.weight + self.bias


class QuickGELU(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


def norm(fault: str) -> nn.Module:
    if fault == "unbiased-variance":
        return HandWrittenNorm()
    return nn.LayerNorm(WIDTH) if fault == "default-epsilon" else nn.LayerNorm(WIDTH, eps=1e-6)


def mlp(fault: str) -> nn.Module:
    gelu = QuickGELU() if fault == "quick-gelu" else nn.GELU("tanh" if fault == "gelu-tanh" else "none")
    layers = OrderedDict[str, nn.Module](fc1=nn.Linear(WIDTH, HIDDEN), gelu=gelu, fc2=nn.Linear(HIDDEN, WIDTH))
    if fault == "gelu-after-both-layers":
        layers["gelu2"] = nn.GELU()
    return nn.Sequential(layers)


class PackedAttention(nn.Module):
    def __init__(self, heads: int, fused: bool, fault: str) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=fault != "missing-qkv-bias")
        self.out_proj = nn.Linear(WIDTH, WIDTH)
        self.heads, self.fused, self.fault = heads, fused, fault
        self.scale = SCALE.get(fault, (WIDTH // heads) ** -0.5)

    def split(self, qkv: Tensor) -> tuple[Tensor, ...]:
        b, n, _ = qkv.shape
        if self.fault == "qkv-by-head":
            return qkv.view(b, n, self.heads, 3, -1).permute(3, 0, 2, 1, 4).unbind()
        if self.fault == "interleaved-heads":
            return qkv.view(b, n, 3, -1, self.heads).permute(2, 0, 4, 1, 3).unbind()
        return qkv.view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind()

    def merge(self, x: Tensor) -> Tensor:
        b, h, n, d = x.shape
        if self.fault == "unmerged-heads":
            return x.reshape(b, n, h * d)
        x = x.permute(0, 2, 3, 1) if self.fault == "interleaved-heads" else x.transpose(1, 2)
        return x.reshape(b, n, h * d)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.split(self.qkv(x))
        if self.fault == "exchanged-query-and-key":
            q, k = k, q
        if self.fused:
            x = F.scaled_dot_product_attention(q, k, v, scale=SCALE.get(self.fault))
        else:
            attention = q * self.scale @ k.transpose(-2, -1)
            x = attention.softmax(-2 if self.fault == "softmax-over-queries" else -1) @ v
        out: Tensor = self.out_proj(self.merge(x))
        return out


class EinsumAttention(nn.Module):
    def __init__(self, heads: int, fault: str) -> None:
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(WIDTH, WIDTH, fault != "missing-qkv-bias") for _ in "qkv")
        self.out_proj = nn.Linear(WIDTH, WIDTH)
        self.heads, self.fault = heads, fault
        self.scale = SCALE.get(fault, (WIDTH // heads) ** -0.5)

    def forward(self, x: Tensor) -> Tensor:
        b, n, c = x.shape
        hd, shape = ("dh", (-1, self.heads)) if self.fault == "interleaved-heads" else ("hd", (self.heads, -1))
        q, k, v = (layer(x).unflatten(-1, shape) for layer in (self.q_proj, self.k_proj, self.v_proj))
        if self.fault == "exchanged-query-and-key":
            q, k = k, q
        scores = torch.einsum(f"bi{hd},bj{hd}->bhij", q, k) * self.scale
        scores = scores.softmax(2 if self.fault == "softmax-over-queries" else 3)
        x = torch.einsum(f"bhij,bj{hd}->" + ("bhid" if self.fault == "unmerged-heads" else f"bi{hd}"), scores, v)
        out: Tensor = self.out_proj(x.reshape(b, n, c))
        return out


def attention(style: str, fault: str) -> nn.Module:
    heads = 4 if fault == "four-heads" else HEADS
    match style:
        case "":
            return nn.MultiheadAttention(WIDTH, heads, batch_first=True)
        case "matmul" | "sdpa":
            return PackedAttention(heads, style == "sdpa", fault)
        case "einsum":
            return EinsumAttention(heads, fault)
    raise ValueError(f"no style {style!r}")


class Block(nn.Module):
    def __init__(self, style: str, fault: str) -> None:
        super().__init__()
        self.norm1 = norm(fault)
        self.attention = attention(style, fault)
        self.norm2 = norm(fault)
        self.mlp = mlp(fault)
        self.fault = fault

    def attend(self, x: Tensor) -> Tensor:
        if isinstance(self.attention, nn.MultiheadAttention):
            x, _ = self.attention(x, x, x, need_weights=False)
        else:
            x = self.attention(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        if self.fault == "post-norm":
            x = self.norm1(x + self.attend(x))
            x = self.norm2(x + self.mlp(x))
        elif self.fault == "residual-of-norm":
            x = self.norm1(x)
            x = self.norm2(x + self.attend(x))
            x = x + self.mlp(x)
        elif self.fault == "mlp-beside-attention":
            x = x + self.attend(self.norm1(x)) + self.mlp(self.norm2(x))
        else:
            x = x + self.attend(self.norm1(x))
            x = x + self.mlp(self.norm2(x))
        return x


class Embedding(nn.Module):
    def __init__(self, fault: str) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, kernel_size=PATCH, stride=PATCH)
        self.class_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.positions = nn.Parameter(torch.zeros(1, TOKENS, WIDTH))
        self.fault = fault

    def forward(self, images: Tensor) -> Tensor:
        x = self.patches(images)
        if self.fault == "column-major-tokens":
            x = x.transpose(2, 3)
        x = x.flatten(2).transpose(1, 2)
        token = self.class_token.expand(len(x), -1, -1)
        if self.fault == "positions-before-class-token":
            return torch.cat([token, x + self.positions[:, 1:]], dim=1)
        tokens = [x, token] if self.fault == "class-token-appended" else [token, x]
        return torch.cat(tokens, dim=1) + self.positions


class VisionTransformer(nn.Module):
    def __init__(self, style: str, fault: str) -> None:
        super().__init__()
        self.embedding = Embedding(fault)
        self.block1 = Block(style, fault)
        self.block2 = self.block1 if fault == "shared-blocks" else Block(style, fault)
        self.norm = nn.Identity() if fault == "missing-final-norm" else norm(fault)
        self.head = nn.Linear(WIDTH, CLASSES)
        self.fault = fault

    def forward(self, images: Tensor) -> Tensor:
        x = self.norm(self.block2(self.block1(self.embedding(images))))
        logits: Tensor = self.head(x[:, 1:].mean(1) if self.fault == "mean-pool" else x[:, 0])
        return logits


NAMES = {"gamma": "weight", "beta": "bias"}


def turned(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy((values.transpose(3, 2, 0, 1) if values.ndim == 4 else values.T).copy())


def state(seed: int, style: str, fault: str) -> dict[str, Tensor]:
    kept = {}
    for name, values in ported(seed, fault).items():
        module, _, tensor = name.rpartition(".")
        kept[f"{module}.{NAMES.get(tensor, tensor)}"] = torch.from_numpy(values) if values.ndim == 3 else turned(values)
    if style != "einsum":
        for block in ("block1.attention", "block2.attention"):
            for tensor in ("weight", "bias"):
                parts = [kept.pop(f"{block}.{layer}.{tensor}") for layer in ("q_proj", "k_proj", "v_proj")]
                kept[f"{block}.qkv.{tensor}" if style else f"{block}.in_proj_{tensor}"] = torch.cat(parts)
    if fault == "shared-blocks":
        return {name: values for name, values in kept.items() if not name.startswith("block2")}
    return kept


def make(seed: int = 0, fault: str = "", style: str = "") -> nn.Module:
    """The network, or the network with a fault; attention in the style, or in one that can have the fault."""
    style = STYLES.get(fault, {}).get(style, style)
    model = VisionTransformer(style, fault)
    model.load_state_dict(state(seed, style, fault), strict=not fault)
    return model.eval()
