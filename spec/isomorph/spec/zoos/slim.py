"""TF-slim's ResNets (google-research/tf-slim, nets/resnet_v1.py, resnet_v2.py): the last unit of a block strides."""

from dataclasses import replace

from isomorph.spec.architecture import Architecture, Block, Head, Stem, StemConvolution, StemPool
from isomorph.spec.convention import ZEROS, Convention, Initializer
from isomorph.spec.families.googlenet import STEM as STEM_INCEPTION
from isomorph.spec.families.googlenet import googlenet_blocks, inception_names
from isomorph.spec.families.mobile import at_least, mobile_stem, separable_blocks
from isomorph.spec.naming import KernelAxes, NameRule, Naming
from isomorph.spec.preprocessing import Preprocessing
from isomorph.spec.tensors import BIASES, OF_BATCH_NORM, WEIGHTS
from isomorph.spec.zoo import Widths, Zoo

# resnet_utils.py, `resnet_arg_scope`. The variance scaling initializer's truncated normal has the standard deviation
# sqrt(1.3 * factor / fan_in), factor 2 (initializers.py). Preprocessing: models/research/slim, vgg_preprocessing.py:
# `_smallest_size_at_least` rounds, `_central_crop` cuts its offset to a whole number.
CONVENTION = Convention(
    bottleneck_stride="conv2",
    convolution_padding="explicit",  # `conv2d_same`
    pool_padding="same",
    batch_norm_epsilon=1e-5,
    batch_norm_decay=0.997,
    running_variance="unbiased",  # of fused batch norm, the default
    convolution_initializer=Initializer("truncated_normal", 2.6),
    logits_initializer=Initializer("truncated_normal", 2.6),
    logits_bias_initializer=ZEROS,
    preprocessing=Preprocessing(
        mean=(123.68, 116.78, 103.94),
        std=(1.0, 1.0, 1.0),
        resampler="tensorflow1",
        longer_side="round",
        crop_offset="floor",
    ),
)

# models/research/slim/preprocessing/inception_preprocessing.py, `preprocess_for_eval`: values -1..1.
INCEPTION = Preprocessing(fit="stretch", central_fraction=0.875, resampler="tensorflow1").normalised("tf")

# The README of models/research/slim: "ResNet V2 models use Inception pre-processing and input image size of 299".
CONVENTION_V2 = replace(CONVENTION, preprocessing=replace(INCEPTION, size=(299, 299)))

STEM = Stem((StemConvolution("conv1", 64, 7, stride=2), StemPool("pool1", 3, stride=2)))


# The convolution of the stem has a bias instead of batch norm and ReLU, which the units bring (resnet_v2.py).
STEM_V2 = Stem((StemConvolution("conv1", 64, 7, stride=2, linear=True), StemPool("pool1", 3, stride=2)))

NUM_UNITS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3), 200: (3, 24, 36, 3)}


def resnet_block(scope: str, base_depth: int, num_units: int, stride: int, unit: str = "bottleneck") -> Block:
    """Bottleneck units of depth 4 * `base_depth`, the last of which strides."""
    depth = 4 * base_depth
    return Block(scope, unit, ((depth, base_depth, 1),) * (num_units - 1) + ((depth, base_depth, stride),))


def resnet_blocks(depth: int, unit: str = "bottleneck") -> tuple[Block, ...]:
    """The four blocks of ResNet-`depth`."""
    return tuple(
        resnet_block(f"block{number}", 64 * 2 ** (number - 1), units, stride, unit)
        for number, (units, stride) in enumerate(zip(NUM_UNITS[depth], (2, 2, 2, 1), strict=True), start=1)
    )


def resnet_v2_blocks(depth: int) -> tuple[Block, ...]:
    """The four blocks of ResNet-`depth` v2, and the batch norm behind them."""
    return (*resnet_blocks(depth, "bottleneck_v2"), Block("postnorm", "batch_norm", ((),)))


# inception_v1.py, which names the second convolution of a branch 0b, but for one.
BRANCHES = {
    "branch1": "Branch_0/Conv2d_0a_1x1",
    "branch2_reduce": "Branch_1/Conv2d_0a_1x1",
    "branch2": "Branch_1/Conv2d_0b_3x3",
    "branch3_reduce": "Branch_2/Conv2d_0a_1x1",
    "branch3": "Branch_2/Conv2d_0b_3x3",
    "branch4": "Branch_3/Conv2d_0b_1x1",
}
MISNAMED = {("5b", "branch3"): "Branch_2/Conv2d_0a_3x3"}
INCEPTION_SCOPE = "InceptionV1"

INCEPTION_SCOPES = (
    *(
        NameRule(
            f"{scope}/{branch}",
            f"{INCEPTION_SCOPE}/Mixed_{name}/{inner_scope}",
            f"{INCEPTION_SCOPE}/Mixed_{name}/{inner_scope}/BatchNorm",
        )
        for scope, name in inception_names("b")
        for branch, usual in BRANCHES.items()
        for inner_scope in (MISNAMED.get((name, branch), usual),)
    ),
    NameRule(r"Conv2d_(1a|2b|2c)_.+", f"{INCEPTION_SCOPE}/{{own}}", f"{INCEPTION_SCOPE}/{{own}}/BatchNorm"),
)

NAMING = Naming(
    scopes=(
        NameRule(r".+/separable/logits", "MobilenetV1/Logits/Conv2d_1c_1x1"),
        NameRule(r".+/inception/logits", "InceptionV1/Logits/Conv2d_0c_1x1"),
        *INCEPTION_SCOPES,
        NameRule(r".+/preact|postnorm", "", "{network}/{own}"),
        NameRule(r"Conv2d_0", "MobilenetV1/Conv2d_0", "MobilenetV1/Conv2d_0/BatchNorm"),
        NameRule(
            r".+/separable/(?P<part>\w+)",
            "MobilenetV1/Conv2d_{index+1}_{part}",
            "MobilenetV1/Conv2d_{index+1}_{part}/BatchNorm",
        ),
        NameRule(r".+", "{network}/{own}", "{network}/{own}/BatchNorm"),
    ),
    leaves={leaf: leaf for leaf in (WEIGHTS, BIASES, *OF_BATCH_NORM)},
    separator="/",
    kernel=KernelAxes("HWIO"),
    logits=KernelAxes("HWIO"),
    depthwise=KernelAxes("HWOI"),
    depthwise_weights="depthwise_weights",
    left_out=r"global_step|.*/(Momentum|RMSProp|RMSProp_1|ExponentialMovingAverage)",
)

RESNET_V1 = {
    f"resnet_v1_{depth}": Architecture(f"slim/resnet_v1_{depth}", STEM, resnet_blocks(depth), convention=CONVENTION)
    for depth in NUM_UNITS
}

# Its checkpoints have a class for the background, the first (resnet_v2.py, the table of the README).
RESNET_V2 = {
    f"resnet_v2_{depth}": Architecture(
        f"slim/resnet_v2_{depth}", STEM_V2, resnet_v2_blocks(depth), Head(num_classes=1001), CONVENTION_V2
    )
    for depth in NUM_UNITS
}

# mobilenet_v1.py, `mobilenet_v1_arg_scope`; preprocessing_factory.py gives it the preprocessing of Inception.
MOBILE = Convention(
    activation="relu6",
    convolution_padding="same",
    depthwise_padding="same",
    batch_norm_epsilon=1e-3,
    batch_norm_decay=0.9997,
    running_variance="unbiased",
    convolution_initializer=Initializer("truncated_normal", 0.09**2, "one"),
    logits_initializer=Initializer("truncated_normal", 0.09**2, "one"),
    preprocessing=INCEPTION,
)


def mobilenet_v1(width: float) -> Architecture:
    """MobileNet, no depth below 8; a class for the background, the first."""
    rounded = at_least(8)
    stem, head = mobile_stem("Conv2d_0", rounded(32 * width)), Head(num_classes=1001, dropout=1e-3)
    return Architecture("slim/mobilenet_v1", stem, separable_blocks(width, rounded), head, MOBILE)


MOBILENETS = {"mobilenet_v1": Widths(mobilenet_v1, (0.25, 0.5, 0.75, 1.0))}

# inception_v1.py: batch norm has no gamma. Its arguments' scope is inception_utils.py.
INCEPTION_V1 = Architecture(
    "slim/inception_v1",
    STEM_INCEPTION,
    googlenet_blocks(last_pool=2),
    Head(num_classes=1001, dropout=0.2),
    Convention(
        inception_kernel=3,
        convolution_padding="same",
        pool_padding="same",
        batch_norm_gamma=False,
        batch_norm_epsilon=1e-3,
        batch_norm_decay=0.9997,
        running_variance="unbiased",
        convolution_initializer=Initializer("truncated_normal", 0.01**2, "one"),
        logits_initializer=Initializer("truncated_normal", 2.6),
        preprocessing=INCEPTION,
    ),
)

ZOO = Zoo(
    "slim",
    "TF-slim (TensorFlow 1)",
    "tensorflow",
    RESNET_V1
    | RESNET_V2
    | {"inception_v1": INCEPTION_V1}
    | {name: widths.build(1.0) for name, widths in MOBILENETS.items()},
    NAMING,
    options={"depth_multiplier": lambda width: {"width_multiplier": width}},
    widths=MOBILENETS,
)
