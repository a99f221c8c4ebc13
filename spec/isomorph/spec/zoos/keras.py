"""Keras's networks (keras/src/applications, 3.15). Its ResNets (resnet.py) are biased and stride in the first 1x1.

That is the design of He et al. (2015) as its authors released it, strides included, in Caffe.
"""

from dataclasses import replace

from isomorph.spec.architecture import Architecture, Head
from isomorph.spec.convention import ZEROS, Convention, Initializer
from isomorph.spec.families.mobile import at_least, divisible, inverted_residual_blocks, mobile_stem, separable_blocks
from isomorph.spec.families.residual import imagenet_resnets
from isomorph.spec.families.vgg import vgg
from isomorph.spec.naming import KernelAxes, NameRule, Naming
from isomorph.spec.preprocessing import Preprocessing
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS
from isomorph.spec.zoo import Widths, Zoo
from isomorph.spec.zoos import slim

GLOROT = Initializer("uniform", 1.0, "fan_avg")  # Keras's default

CONVENTION = Convention(
    bottleneck_stride="conv1",
    convolution_padding="explicit",  # ZeroPadding2D(3) before the 7x7; "SAME" at stride 1 is the same
    pool_padding="explicit",
    pool_fill="zero",  # ZeroPadding2D(1)
    convolution_bias=True,
    batch_norm_epsilon=1.001e-5,
    batch_norm_decay=0.99,
    running_variance="biased",
    convolution_initializer=GLOROT,
    logits_initializer=GLOROT,
    logits_bias_initializer=ZEROS,
    # imagenet_utils.py, `preprocess_input(mode="caffe")`; keras/src/utils/image_utils.py, `load_img(target_size=...)`.
    preprocessing=Preprocessing(fit="stretch", interpolation="nearest").normalised("caffe"),
)

NAMING = Naming(
    scopes=(
        NameRule(r".+/separable/logits", "conv_preds", kernel=KernelAxes("HWIO")),
        NameRule(r".*logits", "predictions"),
        NameRule(r"conv1", "conv1_conv", "conv1_bn"),
        NameRule(
            r"block(?P<block>\d+)/unit_(?P<unit>\d+)/\w+/conv(?P<conv>\d)",
            "conv{block+1}_block{unit}_{conv}_conv",
            "conv{block+1}_block{unit}_{conv}_bn",
        ),
        NameRule(
            r"block(?P<block>\d+)/unit_(?P<unit>\d+)/\w+/shortcut",
            "conv{block+1}_block{unit}_0_conv",
            "conv{block+1}_block{unit}_0_bn",
        ),
        NameRule(r"block(?P<block>\d+)/unit_(?P<unit>\d+)/\w+/preact", "", "conv{block+1}_block{unit}_preact_bn"),
        NameRule(r"postnorm", "", "post_bn"),
        NameRule(r"Conv2d_0", "conv1", "conv1_bn"),
        NameRule(r"block\d+/unit_\d+/separable/depthwise", "conv_dw_{index+1}", "conv_dw_{index+1}_bn"),
        NameRule(r"block\d+/unit_\d+/separable/pointwise", "conv_pw_{index+1}", "conv_pw_{index+1}_bn"),
        NameRule(r"Conv", "Conv1", "bn_Conv1"),
        NameRule(r"block1/unit_1/inverted_residual/(?P<name>\w+)", "expanded_conv_{name}", "expanded_conv_{name}_BN"),
        NameRule(
            r"block\d+/unit_\d+/inverted_residual/(?P<name>\w+)", "block_{index}_{name}", "block_{index}_{name}_BN"
        ),
        NameRule(r"Conv_1", "Conv_1", "Conv_1_bn"),
        NameRule(r"block(?P<block>\d)/block\d_(?P<unit>\d)", "block{block}_conv{unit}"),
        NameRule(r"fc6", "fc1", kernel=KernelAxes("(HWI)O")),
        NameRule(r"fc7", "fc2", kernel=KernelAxes("IO")),
    ),
    leaves={
        WEIGHTS: "kernel",
        BIASES: "bias",
        GAMMA: "gamma",
        BETA: "beta",
        MOVING_MEAN: "moving_mean",
        MOVING_VARIANCE: "moving_variance",
    },
    separator="/",
    kernel=KernelAxes("HWIO"),
    logits=KernelAxes("IO"),
    depthwise=KernelAxes("HWOI"),
)

# resnet_v2.py: slim's design of pre-activation, whose pool's zeros no ReLU has been before.
CONVENTION_V2 = replace(
    CONVENTION,
    bottleneck_stride="conv2",
    convolution_bias=False,
    preprocessing=CONVENTION.preprocessing.normalised("tf"),
)

RESNET_V2 = {
    f"ResNet{depth}V2": Architecture(
        f"keras/ResNet{depth}V2", slim.STEM_V2, slim.resnet_v2_blocks(depth), convention=CONVENTION_V2
    )
    for depth in (50, 101, 152)
}

# mobilenet.py: TensorFlow's SAME for the first convolution; behind alone where a depthwise one strides.
MOBILE = Convention(
    activation="relu6",
    convolution_padding="same",
    depthwise_padding="after",
    batch_norm_epsilon=1e-3,
    batch_norm_decay=0.99,
    running_variance="biased",
    convolution_initializer=GLOROT,
    logits_initializer=GLOROT,
    preprocessing=CONVENTION.preprocessing.normalised("tf"),
)


def mobilenet(width: float) -> Architecture:
    """MobileNet, its depths cut off to integers; the classifier is a convolution."""
    head = Head(dropout=1e-3)
    blocks = separable_blocks(width, at_least(0))
    return Architecture("keras/MobileNet", mobile_stem("Conv2d_0", int(32 * width)), blocks, head, MOBILE)


def mobilenet_v2(width: float) -> Architecture:
    """MobileNetV2 (mobilenet_v2.py): depths are cut off before they are rounded; padding goes by parity."""
    convention = replace(MOBILE, depthwise_padding="same", batch_norm_decay=0.999)
    blocks = inverted_residual_blocks(width, lambda depth: divisible(int(depth)))
    return Architecture("keras/MobileNetV2", mobile_stem("Conv", divisible(32 * width)), blocks, convention=convention)


MOBILENETS = {
    "MobileNet": Widths(mobilenet, (0.25, 0.5, 0.75, 1.0)),
    "MobileNetV2": Widths(mobilenet_v2, (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)),
}

# vgg16.py, whose dense layers are given a map flattened cell by cell; it has no dropout.
VGG = replace(
    CONVENTION,
    dense_initializer=GLOROT,
    pool_padding="valid",
    pool_fill="lowest",
    batch_norm=False,
)

ZOO = Zoo(
    "keras",
    "keras.applications",
    "keras",
    imagenet_resnets("keras", CONVENTION, (50, 101, 152), "ResNet{depth}")
    | RESNET_V2
    | {name: widths.build(1.0) for name, widths in MOBILENETS.items()}
    | {"VGG16": vgg("keras/VGG16", 16, VGG, adaptive=False, dropout=0.0)},
    NAMING,
    options={"alpha": lambda width: {"width_multiplier": width}},
    widths=MOBILENETS,
    constructor="keras.applications.{name}(weights=None, classes={classes})",
)
