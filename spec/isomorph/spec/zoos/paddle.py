"""Paddle's ResNets (paddle/vision/models/resnet.py, 3.3): torchvision's design, Paddle's names and initialisers."""

from dataclasses import replace

from isomorph.spec.architecture import Architecture, Head
from isomorph.spec.convention import ZEROS, Convention, Initializer
from isomorph.spec.mobile import SEPARABLE_SCOPES, divisible, inverted_residual_blocks, mobile_stem, separable_blocks
from isomorph.spec.naming import Layout, Naming
from isomorph.spec.preprocessing import Preprocessing
from isomorph.spec.residual import PYTORCH_LEAVES, PYTORCH_SCOPES, imagenet_resnets, imagenet_variants
from isomorph.spec.tensors import MOVING_MEAN, MOVING_VARIANCE
from isomorph.spec.zoo import Widths, Zoo
from isomorph.spec.zoos import torchvision

CONVENTION = Convention(
    bottleneck_stride="conv2",
    pool_padding="explicit",
    batch_norm_epsilon=1e-5,
    batch_norm_decay=0.9,
    running_variance="biased",
    convolution_initializer=Initializer("normal", 2.0),  # paddle/nn/layer/conv.py, `_get_default_param_initializer`
    logits_initializer=Initializer("uniform", 1.0, "fan_avg"),  # Xavier, the default of nn.Linear
    logits_bias_initializer=ZEROS,
    preprocessing=Preprocessing().normalised("torch"),  # PaddleClas's ResNet configuration
)

# MobileNet's units, in order; those that halve the map end a row.
SEPARABLE = (
    *(f"conv{row}_{column}" for row in (2, 3, 4) for column in (1, 2)),
    *(f"conv5_{column}" for column in range(1, 7)),
    "conv6",
)

NAMING = Naming(
    scopes=(
        *PYTORCH_SCOPES,
        (r"Conv2d_0", "conv1.0", "conv1.1"),
        *(
            (rf"{scope}/(?P<part>\w+)", f"{name}._{{part}}_conv.0", f"{name}._{{part}}_conv.1")
            for scope, name in zip(SEPARABLE_SCOPES, SEPARABLE, strict=True)
        ),
        *torchvision.MOBILE_SCOPES,
        (r"logits", "fc", ""),
    ),
    leaves=PYTORCH_LEAVES | {MOVING_MEAN: "_mean", MOVING_VARIANCE: "_variance"},
    logits=Layout("IO"),
    left_out=r"StructuredToParameterName@@",
    classifiers={"inverted_residual": ("classifier.1", Layout("IO"))},
)

# depth, groups, channels of a group in the first block
VARIANTS = {
    "resnext50_32x4d": (50, 32, 4),
    "resnext50_64x4d": (50, 64, 4),
    "resnext101_32x4d": (101, 32, 4),
    "resnext101_64x4d": (101, 64, 4),
    "resnext152_32x4d": (152, 32, 4),
    "resnext152_64x4d": (152, 64, 4),
    "wide_resnet50_2": (50, 1, 128),
    "wide_resnet101_2": (101, 1, 128),
}


def mobilenet_v1(width: float) -> Architecture:
    """MobileNet (paddle/vision/models/mobilenetv1.py): ReLU, explicit padding, depths cut off."""
    blocks = separable_blocks(width, int)
    return Architecture("paddle/mobilenet_v1", mobile_stem("Conv2d_0", int(32 * width)), blocks, convention=CONVENTION)


def mobilenet_v2(width: float) -> Architecture:
    """MobileNetV2 (paddle/vision/models/mobilenetv2.py)."""
    blocks, head = inverted_residual_blocks(width, divisible), Head(dropout=0.2)
    stem, convention = mobile_stem("Conv", divisible(32 * width)), replace(CONVENTION, activation="relu6")
    return Architecture("paddle/mobilenet_v2", stem, blocks, head, convention)


MOBILENETS = {
    "mobilenet_v1": Widths(mobilenet_v1, (0.25, 0.5, 0.75, 1.0)),
    "mobilenet_v2": Widths(mobilenet_v2, (0.25, 0.5, 0.75, 1.0)),
}

ZOO = Zoo(
    "paddle",
    "paddle.vision",
    imagenet_resnets("paddle", CONVENTION)
    | imagenet_variants("paddle", CONVENTION, VARIANTS)
    | {name: widths.build(1.0) for name, widths in MOBILENETS.items()},
    NAMING,
    options={"scale": lambda width: {"width_multiplier": width}},
    widths=MOBILENETS,
    design_of="torchvision",
)
