"""What holds where nobody says anything else, written out: of conventions, photographs, heads, stems and layers."""

from dataclasses import MISSING, fields
from typing import Any

import pytest

from isomorph.spec import Architecture, Convention, Head, StemConvolution
from isomorph.spec.architecture import AuxiliaryHead
from isomorph.spec.convention import ZEROS, Initializer
from isomorph.spec.layers import (
    Affine,
    AveragePool,
    BatchNorm,
    Convolution,
    Dropout,
    MaxPool,
    Subsample,
    ZeroChannels,
)
from isomorph.spec.preprocessing import Preprocessing

READS_INPUT = {"source": "input"}

# What has no place here has no default. Convention's are PyTorch's, where that has one: eps 1e-5, momentum 0.1, an
# unbiased running variance, `nn.Linear`'s uniform weights within sqrt(1 / fan_in), whose variance is a third of that.
DEFAULTS: dict[type, dict[str, Any]] = {
    Convention: {
        "bottleneck_stride": "conv2",
        "shortcut": "projection",
        "shortcut_batch_norm": True,
        "activation": "relu",
        "activation_after": "convolutions",
        "inception_kernel": 5,
        "convolution_padding": "explicit",
        "depthwise_padding": "explicit",
        "pool_padding": "explicit",
        "pool_fill": "lowest",
        "convolution_bias": False,
        "linear_bias": True,
        "batch_norm": True,
        "batch_norm_gamma": True,
        "batch_norm_epsilon": 0.00001,
        "batch_norm_decay": 1 - 0.1,
        "running_variance": "unbiased",
        "dropout_mode": "upscale_in_train",
        "convolution_initializer": Initializer("normal", 2, "fan_in"),
        "convolution_bias_initializer": Initializer("zeros", 1, "fan_in"),
        "dense_initializer": Initializer("uniform", 1 / 3, "fan_in"),
        "logits_initializer": Initializer("uniform", 1 / 3, "fan_in"),
        "logits_bias_initializer": Initializer("zeros", 1, "fan_in"),
        "last_gamma": 1,
        "preprocessing": Preprocessing(),
    },
    # torchvision's evaluation: the shorter side to 256, the middle 224x224; pixels in 0 .. 1.
    Preprocessing: {
        "fit": "crop",
        "resize": 256,
        "size": (224, 224),
        "interpolation": "bilinear",
        "channels": "RGB",
        "mean": (0, 0, 0),
        "std": (255, 255, 255),
        "central_fraction": 1,
        "resampler": "pillow",
        "longer_side": "floor",
        "crop_offset": "round",
    },
    Architecture: {
        "output_stride": None,
        "include_root_block": True,
        "in_channels": 3,
        "auxiliary": (),
        "input_transform": None,
        "head": Head(1000, True, 0.0),
        "convention": Convention(),
    },
    Head: {"num_classes": 1000, "global_pool": True, "dropout": 0},
    StemConvolution: {"stride": 1, "linear": False},
    # Szegedy et al. (2015), section 5: 5x5 at stride 3, 128 filters of 1x1, 1024 units.
    AuxiliaryHead: {
        "pool": (5, 3),
        "cells": 4,
        "depth": 128,
        "hidden": 1024,
        "rectified": True,
        "dropout": (0, 0),
    },
    Initializer: {"scale": 1, "fan": "fan_in"},
    Dropout: {"downscaled": False},
    Convolution: READS_INPUT
    | {
        "kernel": 1,
        "stride": 1,
        "rate": 1,
        "groups": 1,
        "padding": "explicit",
        "bias": False,
        "batch_norm": True,
        "dense": False,
        "activation": "relu",
        "initializer": ZEROS,
        "bias_initializer": ZEROS,
        "gamma": 1,
        "dropout": None,
    },
    BatchNorm: READS_INPUT | {"activation": "relu", "gamma": 1},
    MaxPool: READS_INPUT,
    AveragePool: READS_INPUT,
    Affine: READS_INPUT,
    Subsample: READS_INPUT,
    ZeroChannels: READS_INPUT,
}


def defaults(kind: Any) -> dict[str, Any]:
    """The fields of a dataclass that have defaults."""
    made = {field.name: field.default for field in fields(kind) if field.default is not MISSING}
    return made | {f.name: f.default_factory() for f in fields(kind) if f.default_factory is not MISSING}


@pytest.mark.parametrize("kind", DEFAULTS, ids=lambda kind: kind.__name__)
def test_its_defaults(kind: type) -> None:
    assert defaults(kind) == DEFAULTS[kind]
