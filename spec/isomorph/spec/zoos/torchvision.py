"""torchvision's networks (torchvision/models, 0.28). In its ResNets the 3x3 of a block's first unit strides."""

from collections.abc import Sequence
from dataclasses import replace

from isomorph.spec.architecture import Architecture, AuxiliaryHead, Head, InputTransform
from isomorph.spec.convention import ZEROS, Convention, Initializer
from isomorph.spec.errors import BadInput
from isomorph.spec.families.googlenet import AUXILIARY_UNITS, STEM, googlenet_blocks, inception_names
from isomorph.spec.families.mobile import divisible, inverted_residual_blocks, mobile_stem
from isomorph.spec.families.residual import (
    PYTORCH_LEAVES,
    PYTORCH_LEFT_OUT,
    PYTORCH_SCOPES,
    imagenet_resnets,
    imagenet_variants,
)
from isomorph.spec.families.vgg import VGGS, vgg
from isomorph.spec.naming import KernelAxes, NameRule, Naming
from isomorph.spec.preprocessing import Preprocessing
from isomorph.spec.zoo import Widths, Zoo, switch

CONVENTION = Convention(
    bottleneck_stride="conv2",
    pool_padding="explicit",
    batch_norm_epsilon=1e-5,
    batch_norm_decay=0.9,
    running_variance="unbiased",
    convolution_initializer=Initializer("normal", 2.0, "fan_out"),  # kaiming_normal_(mode="fan_out")
    logits_initializer=Initializer("uniform", 1 / 3),  # nn.Linear's own: limit 1 / sqrt(fan_in)
    logits_bias_initializer=Initializer("uniform", 1 / 3),
    preprocessing=Preprocessing().normalised("torch"),  # torchvision/transforms/_presets.py
)


def output_stride(replace_stride_with_dilation: Sequence[bool]) -> dict[str, int]:
    """Translate torchvision's three switches, one for each block after the first, into an output_stride.

    Raises BadInput unless there are three, and all behind the first true one are true: else the network's map is not
    the nominal one made denser, and no output_stride describes it.

    >>> output_stride([False, True, True])
    {'output_stride': 8}
    """
    value = replace_stride_with_dilation
    switches = list(value) if isinstance(value, Sequence) else []
    if len(switches) != 3 or any(switch not in (False, True) for switch in switches) or switches != sorted(switches):
        raise BadInput(
            f"replace_stride_with_dilation is {list(value) if isinstance(value, tuple) else value!r}; expected three"
            " switches of which all behind the first true one are true, such as [False, True, True]."
        )
    return {"output_stride": 32 >> sum(switches)}


# In an inverted residual the activations, and what is not widened, count in its nn.Sequential.
UNWIDENED = r"block1/unit_1/inverted_residual"
INVERTED = r"block\d+/unit_\d+/inverted_residual"
FEATURE = "features.{index+1}.conv"

MOBILE_SCOPES = (
    NameRule(r"Conv_1/logits", "classifier.1"),
    NameRule(r"Conv", "features.0.0", "features.0.1"),
    NameRule(rf"{UNWIDENED}/depthwise", f"{FEATURE}.0.0", f"{FEATURE}.0.1"),
    NameRule(rf"{UNWIDENED}/project", f"{FEATURE}.1", f"{FEATURE}.2"),
    NameRule(rf"{INVERTED}/expand", f"{FEATURE}.0.0", f"{FEATURE}.0.1"),
    NameRule(rf"{INVERTED}/depthwise", f"{FEATURE}.1.0", f"{FEATURE}.1.1"),
    NameRule(rf"{INVERTED}/project", f"{FEATURE}.2", f"{FEATURE}.3"),
    NameRule(r"Conv_1", "features.18.0", "features.18.1"),
)

# A VGG's features are one nn.Sequential, and so is its classifier, whose first layer sees a flattened map.
VGG_SCOPES = (
    NameRule(r"fc7/logits", "classifier.6"),
    NameRule(r"block\d(/block\d_\d)?", "features.{step}", "features.{step+1}"),
    NameRule(r"fc6", "classifier.0", kernel=KernelAxes("O(IHW)")),
    NameRule(r"fc7", "classifier.3", kernel=KernelAxes("OI")),
)

# Its branches are numbered from 1, and what stands in a branch from 0.
BRANCHES = {
    "branch1": "branch1",
    "branch2_reduce": "branch2.0",
    "branch2": "branch2.1",
    "branch3_reduce": "branch3.0",
    "branch3": "branch3.1",
    "branch4": "branch4.1",
}

GOOGLENET_SCOPES = (
    NameRule(r"(?P<aux>aux\d)/conv", "{aux}.conv.conv", "{aux}.conv.bn"),
    NameRule(r"(?P<aux>aux\d)/fc1", "{aux}.fc1", kernel=KernelAxes("O(IHW)")),
    NameRule(r"(?P<aux>aux\d)/logits", "{aux}.fc2"),
    NameRule(r"Conv2d_1a_7x7", "conv1.conv", "conv1.bn"),
    NameRule(r"Conv2d_2b_1x1", "conv2.conv", "conv2.bn"),
    NameRule(r"Conv2d_2c_3x3", "conv3.conv", "conv3.bn"),
    *(
        NameRule(f"{scope}/{branch}", f"inception{name}.{module}.conv", f"inception{name}.{module}.bn")
        for scope, name in inception_names("a")
        for branch, module in BRANCHES.items()
    ),
)

NAMING = Naming(
    scopes=(
        *PYTORCH_SCOPES,
        *MOBILE_SCOPES,
        *VGG_SCOPES,
        *GOOGLENET_SCOPES,
        NameRule(r".*logits", "fc"),
    ),
    leaves=PYTORCH_LEAVES,
    left_out=PYTORCH_LEFT_OUT,
)

# A deviation of 0.01: of every dense layer but ResNets', and of all that googlenet.py draws.
NARROW = Initializer("normal", 1e-4, "one")

# depth, groups, channels of a group in the first block
VARIANTS = {
    "resnext50_32x4d": (50, 32, 4),
    "resnext101_32x8d": (101, 32, 8),
    "resnext101_64x4d": (101, 64, 4),
    "wide_resnet50_2": (50, 1, 128),
    "wide_resnet101_2": (101, 1, 128),
}


def mobilenet_v2(width: float) -> Architecture:
    """MobileNetV2 (torchvision/models/mobilenetv2.py)."""
    convention = replace(
        CONVENTION,
        activation="relu6",
        logits_initializer=NARROW,
        logits_bias_initializer=ZEROS,
    )
    blocks = inverted_residual_blocks(width, divisible)
    stem, head = mobile_stem("Conv", divisible(32 * width)), Head(dropout=0.2)
    return Architecture("torchvision/mobilenet_v2", stem, blocks, head, convention)


VGG = replace(
    CONVENTION,
    pool_padding="valid",
    convolution_bias=True,
    batch_norm=False,
    dense_initializer=NARROW,
    logits_initializer=NARROW,
    logits_bias_initializer=ZEROS,
)

VGG_BN = replace(VGG, batch_norm=True)

GOOGLENET = replace(
    CONVENTION,
    pool_padding="ceil",
    inception_kernel=3,  # a known bug, which its weights were trained with (googlenet.py, `Inception`)
    batch_norm_epsilon=1e-3,
    convolution_initializer=NARROW,
    dense_initializer=NARROW,
    logits_initializer=NARROW,
)

TRANSFORM_INPUT = InputTransform(
    scale=(0.229 / 0.5, 0.224 / 0.5, 0.225 / 0.5),
    shift=((0.485 - 0.5) / 0.5, (0.456 - 0.5) / 0.5, (0.406 - 0.5) / 0.5),
)
"""From images normalised as torchvision does to those of -1..1, for which its GoogLeNet's weights were trained."""

GOOGLENET_HEADS = tuple(
    AuxiliaryHead(scope, "block4", unit, pool=None, dropout=(0.0, 0.7)) for scope, unit in AUXILIARY_UNITS.items()
)


AUX_LOGITS = switch("aux_logits", {}, {"auxiliary": ()})

# torchvision switches it on where it loads weights.
TRANSFORMED = switch("transform_input", {"input_transform": TRANSFORM_INPUT}, {"input_transform": None})

ZOO = Zoo(
    "torchvision",
    "torchvision (PyTorch)",
    "pytorch",
    imagenet_resnets("torchvision", CONVENTION)
    | imagenet_variants("torchvision", CONVENTION, VARIANTS)
    | {"mobilenet_v2": mobilenet_v2(1.0)}
    | {f"vgg{depth}": vgg(f"torchvision/vgg{depth}", depth, VGG, adaptive=True, dropout=0.5) for depth in VGGS}
    | {f"vgg{depth}_bn": vgg(f"torchvision/vgg{depth}_bn", depth, VGG_BN, adaptive=True, dropout=0.5) for depth in VGGS}
    | {
        "googlenet": Architecture(
            "torchvision/googlenet",
            STEM,
            googlenet_blocks(last_pool=2),
            Head(dropout=0.2),
            GOOGLENET,
            auxiliary=GOOGLENET_HEADS,
        )
    },
    NAMING,
    options={
        "replace_stride_with_dilation": output_stride,
        "width_mult": lambda width: {"width_multiplier": width},
        "aux_logits": AUX_LOGITS,
        "transform_input": TRANSFORMED,
    },
    widths={"mobilenet_v2": Widths(mobilenet_v2, (1.0,))},
    constructor="torchvision.models.{name}(num_classes={classes})",
)
