"""PyTorch's modules and functions as people write them, traced: every operation gives its own value anew."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .graph_checks import unknown
from .pytorch_models import Of, drawn, kinds, some_images, traced

# ---------------------------------------------------------------------------------------------- what is known


def tokens(x: Tensor) -> Tensor:
    """[N, C, h, w] -> [N, h * w, C]."""
    return x.flatten(2).transpose(1, 2)


def in_place_on_channels(x: Tensor) -> Tensor:
    y = x * 2
    y[:, :3] = x[:, 1:]
    return y * y


def in_place_on_a_view(x: Tensor) -> Tensor:
    y = x * 2
    y.view(x.shape[0], -1).relu_()
    return y + 1


def in_place_through_two_views(x: Tensor) -> Tensor:
    y = x * 2
    first, second = y[:, :2], y[:, 1:3]
    first.mul_(3)
    second.add_(x[:, :2])
    return y * 5 + torch.cat([first, second], 1)


def written_into_zeros(x: Tensor) -> Tensor:
    y = x.new_zeros(x.shape[0], 7, *x.shape[2:])
    y[:, 2:6] = x
    return y * 3


def written_inside_of_zeros(x: Tensor) -> Tensor:
    y = torch.zeros(x.shape[0], 4, x.shape[2] + 3, x.shape[3] + 2, dtype=x.dtype)
    y[:, :, 1:-2, 1:-1] = x
    return y * 3


def written_in_two_halves(x: Tensor) -> Tensor:
    y = torch.empty(x.shape[0], 8, *x.shape[2:], dtype=x.dtype)
    y[:, :4] = x
    y[:, 4:] = x.relu()
    return y * 3


def written_in_a_pattern(x: Tensor) -> Tensor:
    y = x * 2
    y[:, ::2, 1:3] = x[:, ::2, 3:5]
    return y * y


def constants_written_behind(x: Tensor) -> Tensor:
    y = torch.zeros(x.shape[0], 6, *x.shape[2:], dtype=x.dtype)
    y[:, :4] = x
    y[:, 4] = 3
    y[:, 5].fill_(4)
    y[:, 0].copy_(y[:, 5])
    return y * 3


def zeroed_in_part(x: Tensor) -> Tensor:
    y = x * 2
    y[:, 1] = 0
    return y * y


def added_twice(x: Tensor) -> Tensor:
    out = x * 2
    kept = out
    out += x
    out = out.relu()
    kept += out
    return kept


def split_convolution(self: Any, x: Tensor) -> Tensor:
    return torch.cat([conv(part) for conv, part in zip(self.convs, torch.split(x, 2, 1), strict=True)], 1)


def attention(self: Any, x: Tensor) -> Any:
    queries, keys, values = self.qkv(tokens(x)).chunk(3, -1)
    return F.scaled_dot_product_attention(queries, keys, values)


def causal_attention(x: Tensor) -> Tensor:
    y = tokens(x)
    return F.scaled_dot_product_attention(y, y, y, is_causal=True)


def masked_attention(x: Tensor) -> Tensor:
    y = tokens(x)
    scores = y @ y.transpose(1, 2)
    mask = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    return scores.masked_fill(mask, -torch.inf).softmax(-1) @ y


def class_token(self: Any, x: Tensor) -> Any:
    y = torch.cat([self.token.expand(x.shape[0], -1, -1), tokens(x)], 1) + self.position
    return self.encoder(y)[:, 0]


def in_inference_mode(self: Any, x: Tensor) -> Any:
    with torch.inference_mode():
        return self.fc(F.max_pool2d(self.conv(x).relu(), 2).mean((2, 3)))


def spatial_statistics(x: Tensor) -> Tensor:
    variance, mean = torch.var_mean(x, (2, 3), keepdim=True)
    return (x - mean) / (variance + 1e-3).sqrt() + x.std((1, 2, 3), keepdim=True) + x.var(1, correction=0)[:, None]


def maxima(x: Tensor) -> Tensor:
    values, _ = x.max(1)
    return x.amax((2, 3), keepdim=True) + x.amax(1, keepdim=True) + values[:, None] + x.max() + x.amin(2, keepdim=True)


MODELS: dict[str, tuple[Callable[[], nn.Module], set[str]]] = {
    # name -> the module, and some kinds of operation that its graph must have
    "a convolution's channels are split by torch.split": (
        lambda: Of(split_convolution, convs=nn.ModuleList(nn.Conv2d(2, 3, 3) for _ in range(2))),
        {"Convolution", "Concatenation"},
    ),
    "a grouped transposed convolution": (
        lambda: nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2, dilation=2),
        {"TransposedConvolution"},
    ),
    "a convolution padded as same": (lambda: nn.Conv2d(4, 3, (3, 2), padding="same", dilation=2), {"Convolution"}),
    "writing into channels": (lambda: Of(in_place_on_channels), {"Concatenation", "Product"}),
    "ReLU in place on a view": (lambda: Of(in_place_on_a_view), {"Pointwise"}),
    "writing through views that overlap": (lambda: Of(in_place_through_two_views), {"Concatenation"}),
    "writing into zeros": (lambda: Of(written_into_zeros), {"Pad"}),
    "writing inside of zeros": (lambda: Of(written_inside_of_zeros), {"Pad"}),
    "writing two halves": (lambda: Of(written_in_two_halves), {"Concatenation"}),
    "writing in a pattern": (lambda: Of(written_in_a_pattern), {"Concatenation"}),
    "writing constants behind values": (lambda: Of(constants_written_behind), {"Concatenation", "Constant"}),
    "writing zeros": (lambda: Of(zeroed_in_part), {"Concatenation", "Constant"}),
    "adding in place twice": (lambda: Of(added_twice), {"Sum"}),
    "an instance norm": (lambda: nn.InstanceNorm2d(4, affine=True), {"GroupNorm"}),
    "an instance norm without tensors": (lambda: nn.InstanceNorm2d(4), {"GroupNorm"}),
    "an instance norm of running statistics": (lambda: nn.InstanceNorm2d(4, track_running_stats=True), {"BatchNorm"}),
    "F.normalize": (lambda: Of(lambda x: F.normalize(x, dim=1)), {"Quotient"}),
    "a norm of absolutes": (lambda: Of(lambda x: x / torch.linalg.vector_norm(x, 1, 1, keepdim=True)), {"Quotient"}),
    "an RMS norm": (lambda: Of(lambda self, x: self.norm(tokens(x)), norm=nn.RMSNorm(4)), {"Mean"}),
    "einsum of two values": (lambda: Of(lambda x: torch.einsum("nchw,ndhw->ncd", x, x + 1)), {"MatrixProduct"}),
    "einsum with a matrix": (
        lambda: Of(lambda self, x: torch.einsum("nchw,cd->ndhw", x, self.w), w=torch.ones(4, 3)),
        {"Dense"},
    ),
    "a product with matrices": (
        lambda: Of(lambda self, x: x @ self.w, w=torch.ones(4, 6, 5)),
        {"MatrixProduct", "Constant"},
    ),
    "a matrix before a value": (lambda: Of(lambda self, x: self.w @ x, w=torch.ones(5, 8)), {"Dense"}),
    "scaled dot-product attention": (lambda: Of(attention, qkv=nn.Linear(4, 12)), {"Softmax", "MatrixProduct"}),
    "causal attention": (lambda: Of(causal_attention), {"Softmax", "MatrixProduct"}),
    "masked attention": (lambda: Of(masked_attention), {"Softmax", "MatrixProduct"}),
    "nn.MultiheadAttention": (
        lambda: Of(lambda self, x: self.mha(*[tokens(x)] * 3)[0], mha=nn.MultiheadAttention(4, 2, batch_first=True)),
        {"Softmax", "Dense"},
    ),
    "nn.TransformerEncoderLayer": (
        lambda: Of(lambda self, x: self.t(tokens(x)), t=nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)),
        {"LayerNorm", "Softmax", "Dense"},
    ),
    "a class token": (
        lambda: Of(
            class_token,
            token=torch.zeros(1, 1, 4),
            position=torch.zeros(1, 49, 4),
            encoder=nn.TransformerEncoderLayer(4, 2, 8, batch_first=True),
        ),
        {"Constant", "Concatenation", "Affine"},
    ),
    "nn.PReLU of one slope": (nn.PReLU, {"Pointwise"}),
    "nn.PReLU of a slope a channel": (lambda: nn.PReLU(4), {"Affine"}),
    "nearest neighbours": (lambda: Of(lambda x: F.interpolate(x, scale_factor=2.5) * 2), {"Pointwise"}),
    "a bilinear resize": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), {"Resize"}),
    "a bilinear resize of aligned corners": (
        lambda: nn.Upsample((5, 9), mode="bilinear", align_corners=True),
        {"Resize"},
    ),
    "nn.PixelShuffle": (lambda: Of(lambda x: F.pixel_shuffle(x, 2).relu()), {"Pointwise"}),
    "nn.ChannelShuffle": (lambda: Of(lambda x: F.channel_shuffle(x, 2).relu()), {"Pointwise"}),
    "constant padding": (lambda: Of(lambda x: F.pad(x, (1, 2, 0, 3, 1, 1), value=0.5)), {"Pad"}),
    "padding below zero": (lambda: Of(lambda x: F.pad(x, (-1, 2, 1, -2))), {"Pad"}),
    "cropping by padding": (lambda: Of(lambda x: F.pad(x, (-1, -2, -1, -2)) * 2), {"Pointwise"}),
    "padding of tokens": (lambda: Of(lambda x: F.pad(tokens(x), (0, 1, 2, 0))), {"Pad"}),
    "reflecting padding": (lambda: Of(lambda x: F.pad(x, (1, 2, 0, 3), mode="reflect") * 2), {"Pointwise"}),
    "replicating padding": (lambda: Of(lambda x: F.pad(x, (1, 2, 0, 3), mode="replicate") * 2), {"Pointwise"}),
    "circular padding": (lambda: Of(lambda x: F.pad(x, (1, 2, 0, 3), mode="circular") * 2), {"Pointwise"}),
    "norms without tensors": (
        lambda: nn.Sequential(
            nn.BatchNorm2d(4, affine=False), nn.GroupNorm(2, 4, affine=False), nn.LayerNorm(6, elementwise_affine=False)
        ),
        {"BatchNorm", "GroupNorm", "LayerNorm"},
    ),
    "a layer norm without bias": (lambda: nn.LayerNorm(6, bias=False), {"LayerNorm"}),
    "a layer norm over a map": (lambda: nn.LayerNorm((4, 8, 6)), {"LayerNorm"}),
    "nn.BatchNorm1d on features": (
        lambda: Of(lambda self, x: self.norm(x.mean((2, 3))), norm=nn.BatchNorm1d(4)),
        {"BatchNorm", "Mean"},
    ),
    "nn.BatchNorm1d on sequences": (
        lambda: Of(lambda self, x: self.norm(x.flatten(2)), norm=nn.BatchNorm1d(4)),
        {"BatchNorm"},
    ),
    "a group norm on sequences": (
        lambda: Of(lambda self, x: self.norm(x.flatten(2)), norm=nn.GroupNorm(2, 4)),
        {"GroupNorm"},
    ),
    "nn.Linear on sequences": (lambda: Of(lambda self, x: self.fc(tokens(x)), fc=nn.Linear(4, 5)), {"Dense"}),
    "a mean over all": (lambda: Of(lambda x: x.mean()), {"Mean"}),
    "sums": (lambda: Of(lambda x: x.sum((2, 3), keepdim=True) + x.sum(1, keepdim=True) + x.sum()), {"Mean"}),
    "variances and deviations": (lambda: Of(spatial_statistics), {"Mean", "Quotient"}),
    "maxima and minima": (lambda: Of(maxima), {"MaxPool"}),
    "a max pool of ceil_mode": (lambda: nn.MaxPool2d((3, 2), (2, 3), 1, ceil_mode=True), {"MaxPool"}),
    "a dilated max pool": (lambda: nn.MaxPool2d(3, 2, 1, dilation=2), {"MaxPool"}),
    "an average pool": (lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=True), {"AveragePool"}),
    "an average pool without its padding": (
        lambda: nn.AvgPool2d((3, 2), (2, 3), 1, ceil_mode=True, count_include_pad=False),
        {"AveragePool"},
    ),
    "an adaptive pool": (lambda: nn.AdaptiveAvgPool2d((3, 4)), {"AdaptivePool"}),
    "an adaptive max pool of one cell": (lambda: nn.AdaptiveMaxPool2d(1), {"MaxPool"}),
    "an adaptive max pool of even windows": (lambda: nn.AdaptiveMaxPool2d((4, 2)), {"MaxPool"}),
    "nn.LSTM in float64": (lambda: Of(lambda self, x: self.l(tokens(x))[0], l=nn.LSTM(4, 3)), {"Dense", "Product"}),
    "a stack": (lambda: Of(lambda x: torch.stack([x, x + 1], 2)), {"Concatenation"}),
    "channels by their numbers": (lambda: Of(lambda x: x[:, [2, 1, 0]] * 2), {"Pointwise"}),
    "zeros behind the channels": (
        lambda: Of(lambda x: torch.cat([x, x[:, :1] * 0 + 0, torch.zeros_like(x)], 1)),
        set(),
    ),
    "zeros around the channels": (
        lambda: Of(lambda x: torch.cat([torch.zeros_like(x), x, torch.zeros_like(x)], 1)),
        {"Pad"},
    ),
    "a gated linear unit": (lambda: nn.GLU(1), {"Product"}),
    "a constant divided by a value": (lambda: Of(lambda x: 3 / (x * x + 1)), {"Pointwise"}),
    "torch.where of a constant mask": (
        lambda: Of(lambda x: torch.where(torch.arange(6) < 3, x, torch.zeros(()).double())),
        {"Affine"},
    ),
    "products that are added": (
        lambda: Of(lambda x: torch.addcmul(x, x, x, value=0.5) + torch.lerp(x, x * 2, 0.3) + torch.addcdiv(x, x, x)),
        {"Product", "Quotient"},
    ),
    "windows by F.unfold": (lambda: Of(lambda x: F.unfold(x, 3, stride=2).relu()), {"Pointwise"}),
    "inference_mode inside": (
        lambda: Of(in_inference_mode, conv=nn.Conv2d(4, 5, 3), fc=nn.Linear(5, 3)),
        {"Convolution", "MaxPool", "Mean", "Dense"},
    ),
    "functions with constants": (
        lambda: nn.Sequential(
            *(nn.SELU(), nn.CELU(0.7), nn.ELU(0.5), nn.LeakyReLU(0.2), nn.Softplus(2.0), nn.Hardtanh(-0.3, 0.9)),
            *(nn.GELU(), nn.GELU("tanh"), nn.Hardswish(), nn.Hardsigmoid(), nn.Mish(), nn.SiLU(), nn.ReLU6()),
            *(
                nn.LogSigmoid(),
                nn.Softplus(),
                nn.Sigmoid(),
                nn.Tanh(),
                nn.Softsign(),
                nn.Tanhshrink(),
                nn.Threshold(0, 0),
            ),
            *(nn.LogSoftmax(1), nn.Softmin(1), nn.Softmax(2), nn.Hardtanh(0, 1, inplace=True), nn.ReLU6(inplace=True)),
        ),
        {"Pointwise", "Softmax"},
    ),
    "arithmetic in place": (
        lambda: Of(lambda x: x.clone().mul_(2).add_(x, alpha=3).sub_(1).div_(4).clamp_(-1, 1).pow_(2).neg_()),
        {"Sum", "Pointwise"},
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_operation_is_known_of(name: str) -> None:
    make, expected = MODELS[name]
    graph = traced(drawn(make()), some_images())
    graph.remove_unread()
    assert unknown(graph) == []
    assert expected <= set(kinds(graph))
