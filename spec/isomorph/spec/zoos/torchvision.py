"""torchvision's ResNets (torchvision/models/resnet.py, 0.28): the stride sits in the 3x3 of a block's first unit."""

from collections.abc import Sequence
from dataclasses import replace

from isomorph.spec.architecture import Architecture, Head
from isomorph.spec.convention import ZEROS, Convention, Initializer
from isomorph.spec.errors import BadInput
from isomorph.spec.mobile import divisible, inverted_residual_blocks, mobile_stem
from isomorph.spec.naming import Layout, Naming
from isomorph.spec.preprocessing import Preprocessing
from isomorph.spec.residual import (
    PYTORCH_LEAVES,
    PYTORCH_LEFT_OUT,
    PYTORCH_SCOPES,
    imagenet_resnets,
    imagenet_variants,
)
from isomorph.spec.zoo import Widths, Zoo

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
    """torchvision's three switches, one for each block after the first, as an output_stride.

    Raises BadInput unless there are three and no block strides behind one that does not: such a network's map is not
    the nominal one made denser, and no output_stride names it.
    """
    switches = tuple(bool(switch) for switch in replace_stride_with_dilation)
    if len(switches) != 3 or switches != tuple(sorted(switches)):
        raise BadInput(
            f"replace_stride_with_dilation is {list(replace_stride_with_dilation)}; expected three switches of which"
            " all behind the first true one are true, such as [False, True, True]."
        )
    return {"output_stride": 32 >> sum(switches)}


# In an inverted residual the activations, and what is not widened, count in its nn.Sequential.
UNWIDENED = r"block1/unit_1/inverted_residual"
INVERTED = r"block\d+/unit_\d+/inverted_residual"
FEATURE = "features.{index+1}.conv"

MOBILE_SCOPES = (
    (r"Conv", "features.0.0", "features.0.1"),
    (rf"{UNWIDENED}/depthwise", f"{FEATURE}.0.0", f"{FEATURE}.0.1"),
    (rf"{UNWIDENED}/project", f"{FEATURE}.1", f"{FEATURE}.2"),
    (rf"{INVERTED}/expand", f"{FEATURE}.0.0", f"{FEATURE}.0.1"),
    (rf"{INVERTED}/depthwise", f"{FEATURE}.1.0", f"{FEATURE}.1.1"),
    (rf"{INVERTED}/project", f"{FEATURE}.2", f"{FEATURE}.3"),
    (r"Conv_1", "features.18.0", "features.18.1"),
)

NAMING = Naming(
    scopes=(
        *PYTORCH_SCOPES,
        *MOBILE_SCOPES,
        (r"logits", "fc", ""),
    ),
    leaves=PYTORCH_LEAVES,
    left_out=PYTORCH_LEFT_OUT,
    classifiers={"inverted_residual": ("classifier.1", Layout("OI"))},
)

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
        logits_initializer=Initializer("normal", 1e-4, "one"),
        logits_bias_initializer=ZEROS,
    )
    blocks = inverted_residual_blocks(width, divisible)
    stem, head = mobile_stem("Conv", divisible(32 * width)), Head(dropout=0.2)
    return Architecture("torchvision/mobilenet_v2", stem, blocks, head, convention)


ZOO = Zoo(
    "torchvision",
    "torchvision (PyTorch)",
    imagenet_resnets("torchvision", CONVENTION)
    | imagenet_variants("torchvision", CONVENTION, VARIANTS)
    | {"mobilenet_v2": mobilenet_v2(1.0)},
    NAMING,
    options={"replace_stride_with_dilation": output_stride, "width_mult": lambda width: {"width_multiplier": width}},
    widths={"mobilenet_v2": Widths(mobilenet_v2, (1.0,))},
)
