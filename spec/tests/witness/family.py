"""A family of networks of one zoo that its source gives the same answers to."""

from dataclasses import dataclass
from typing import Any, NamedTuple


class Fact(NamedTuple):
    """What a field of a network's convention or head has to be, and the source that says so: its file and line."""

    value: Any
    source: str


Facts = dict[str, Fact]


@dataclass(frozen=True)
class Family:
    """Networks of one zoo.

    networks: their own names. facts: field -> what it has to be; no field that is left out has an effect on them.
    pools: kernel and stride of every max pool, in order; those of stride 1, in inception units, are left out.
    """

    networks: tuple[str, ...]
    facts: Facts
    pools: tuple[tuple[int, int], ...] = ()


ZEROS = ("zeros", 1.0, "fan_in")
"""Initialisers are (distribution, scale, fan), the variance being scale / fan; of "zeros" nothing else counts."""


# torch/nn of PyTorch 2.13, which all zoos in it leave to its defaults.
TORCH = {
    "batch_norm_epsilon": Fact(1e-5, "torch/nn/modules/batchnorm.py:156, eps"),
    "batch_norm_decay": Fact(0.9, "torch/nn/modules/batchnorm.py:157, momentum 0.1, the complement"),
    "running_variance": Fact("unbiased", "torch/nn/modules/batchnorm.py, BatchNorm2d: the estimator that is stored"),
    "batch_norm_gamma": Fact(True, "torch/nn/modules/batchnorm.py, affine=True"),
    "dropout_mode": Fact("upscale_in_train", "torch/nn/modules/dropout.py, Dropout: scaled by 1 / (1 - p) in training"),
    "logits_initializer": Fact(
        ("uniform", 1 / 3, "fan_in"), "torch/nn/modules/linear.py:124, kaiming_uniform_(a=sqrt(5)): 2 / (1 + 5) / fan"
    ),
    "logits_bias_initializer": Fact(
        ("uniform", 1 / 3, "fan_in"), "torch/nn/modules/linear.py:128, uniform_(-bound, bound), bound 1 / sqrt(fan_in)"
    ),
    "convolution_padding": Fact("explicit", "torch/nn/modules/conv.py, Conv2d: padding on both sides"),
}
