"""Paddle's networks (paddle/vision/models, 3.3): ResNets of torchvision's design, and others of its own."""

from dataclasses import replace

from isomorph.spec.architecture import Architecture, AuxiliaryHead, Block, Head
from isomorph.spec.convention import ZEROS, Convention, Initializer
from isomorph.spec.families.googlenet import AUXILIARY_UNITS, STEM, googlenet_blocks, inception_names
from isomorph.spec.families.mobile import (
    SEPARABLE_SCOPES,
    divisible,
    inverted_residual_blocks,
    mobile_stem,
    separable_blocks,
)
from isomorph.spec.families.residual import PYTORCH_LEAVES, PYTORCH_SCOPES, imagenet_resnets, imagenet_variants
from isomorph.spec.families.vgg import NO_STEM, vgg
from isomorph.spec.naming import KernelAxes, NameRule, Naming
from isomorph.spec.preprocessing import Preprocessing
from isomorph.spec.tensors import MOVING_MEAN, MOVING_VARIANCE
from isomorph.spec.zoo import Widths, Zoo
from isomorph.spec.zoos import torchvision

CONVENTION = Convention(
    bottleneck_stride="conv2",
    pool_padding="explicit",
    batch_norm_epsilon=1e-5,
    batch_norm_decay=0.9,
    running_variance="biased",
    # paddle/nn/layer/conv.py, `_get_default_param_initializer`: of all input channels, whatever the groups.
    convolution_initializer=Initializer("normal", 2.0, "all_in"),
    logits_initializer=Initializer("uniform", 1.0, "fan_avg"),  # Xavier, the default of nn.Linear
    logits_bias_initializer=ZEROS,
    # PaddleClas's ResNet50.yaml, `Eval`, and ppcls/data/preprocess/ops/operators.py: `ResizeImage` rounds, by OpenCV's
    # default filter; `CropImage` halves by integer division.
    preprocessing=Preprocessing(resampler="opencv", longer_side="round", crop_offset="floor").normalised("torch"),
)

# MobileNet's units, in order; those that halve the map end a row.
SEPARABLE = (
    *(f"conv{row}_{column}" for row in (2, 3, 4) for column in (1, 2)),
    *(f"conv5_{column}" for column in range(1, 7)),
    "conv6",
)

# googlenet.py
BRANCHES = {
    "branch1": "_conv1",
    "branch2_reduce": "_conv3r",
    "branch2": "_conv3",
    "branch3_reduce": "_conv5r",
    "branch3": "_conv5",
    "branch4": "_convprj",
}

GOOGLENET_SCOPES = (
    NameRule(r"aux(?P<aux>\d)/conv", "_conv_o{aux}._conv"),
    NameRule(r"aux(?P<aux>\d)/fc1", "_fc_o{aux}", kernel=KernelAxes("(IHW)O")),
    NameRule(r"aux(?P<aux>\d)/logits", "_out{aux}"),
    NameRule(r".+/inception/logits", "_fc_out"),
    NameRule(r"Conv2d_1a_7x7", "_conv._conv"),
    NameRule(r"Conv2d_2b_1x1", "_conv_1._conv"),
    NameRule(r"Conv2d_2c_3x3", "_conv_2._conv"),
    *(
        NameRule(f"{scope}/{branch}", f"_ince{name}.{module}._conv")
        for scope, name in inception_names("a")
        for branch, module in BRANCHES.items()
    ),
)

# lenet.py and vgg.py: each an nn.Sequential, and a second one for the dense layers, the first of which is given a map
# flattened channel by channel.
FLAT_SCOPES = (
    NameRule(r"fc4/logits", "fc.2"),
    NameRule(r"fc3", "fc.0", kernel=KernelAxes("(IHW)O")),
    NameRule(r"fc4", "fc.1", kernel=KernelAxes("IO")),
    NameRule(r"fc7/logits", "classifier.6"),
    NameRule(r"fc6", "classifier.0", kernel=KernelAxes("(IHW)O")),
    NameRule(r"fc7", "classifier.3", kernel=KernelAxes("IO")),
    NameRule(r"block\d(/block\d_\d)?", "features.{step}", "features.{step+1}"),
)

NAMING = Naming(
    scopes=(
        *PYTORCH_SCOPES,
        NameRule(r"Conv2d_0", "conv1.0", "conv1.1"),
        *(
            NameRule(rf"{scope}/(?P<part>depthwise|pointwise)", f"{name}._{{part}}_conv.0", f"{name}._{{part}}_conv.1")
            for scope, name in zip(SEPARABLE_SCOPES, SEPARABLE, strict=True)
        ),
        *torchvision.MOBILE_SCOPES,
        *GOOGLENET_SCOPES,
        *FLAT_SCOPES,
        NameRule(r".*logits", "fc"),
    ),
    leaves=PYTORCH_LEAVES | {MOVING_MEAN: "_mean", MOVING_VARIANCE: "_variance"},
    logits=KernelAxes("IO"),
    left_out=r"StructuredToParameterName@@",
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

FLAT = Convention(
    pool_padding="valid",
    convolution_bias=True,
    batch_norm=False,
    convolution_initializer=CONVENTION.convolution_initializer,
    dense_initializer=CONVENTION.logits_initializer,
    logits_initializer=CONVENTION.logits_initializer,
    logits_bias_initializer=ZEROS,
    preprocessing=CONVENTION.preprocessing,
)

# LeCun et al. (1998), with pools for subsampling and nothing between the dense layers.
LENET = Architecture(
    "paddle/LeNet",
    NO_STEM,
    (
        Block("block1", "convolution", ((6, 3, 1),)),
        Block("pool1", "max_pool", ((2, 2),)),
        Block("block2", "valid_convolution", ((16, 5, 1),)),
        Block("pool2", "max_pool", ((2, 2),)),
        Block("fc3", "linear", ((120, 5),)),
        Block("fc4", "linear", ((84, 1),)),
    ),
    Head(num_classes=10),
    replace(FLAT, preprocessing=Preprocessing(resize=None, size=(28, 28), mean=(127.5,), std=(127.5,))),
    in_channels=1,
)

# No batch norm, no bias, and an activation behind concatenations alone.
GOOGLENET = replace(
    FLAT,
    activation_after="joins",
    convolution_bias=False,
    dropout_mode="downscale_in_infer",
    dense_initializer=Initializer("uniform", 1 / 2048, "one"),  # for the 4x4 cells that padded pools would leave
    logits_initializer=Initializer("uniform", 1.0),  # `xavier`, which is fan-in alone
    logits_bias_initializer=ZEROS,
)

GOOGLENET_HEADS = tuple(
    AuxiliaryHead(
        scope,
        "block4",
        unit,
        cells=3,
        rectified=scope == "aux1",
        dropout=(0.0, 0.7),
    )
    for scope, unit in AUXILIARY_UNITS.items()
)

ZOO = Zoo(
    "paddle",
    "paddle.vision",
    "paddle",
    imagenet_resnets("paddle", CONVENTION)
    | imagenet_variants("paddle", CONVENTION, VARIANTS)
    | {name: widths.build(1.0) for name, widths in MOBILENETS.items()}
    | {
        "vgg16": vgg("paddle/vgg16", 16, FLAT, adaptive=True, dropout=0.5),
        "LeNet": LENET,
        "googlenet": Architecture(
            "paddle/googlenet", STEM, googlenet_blocks(), Head(dropout=0.4), GOOGLENET, auxiliary=GOOGLENET_HEADS
        ),
    },
    NAMING,
    options={"scale": lambda width: {"width_multiplier": width}, "aux_logits": torchvision.AUX_LOGITS},
    widths=MOBILENETS,
    design_of="torchvision",
    constructor="paddle.vision.models.{name}(num_classes={classes})",
)
