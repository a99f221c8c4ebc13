"""ResNets for CIFAR's images of 32x32: the paper's own, ImageNet's behind a smaller stem, and wide ones.

Those of He et al. (2015), section 4.2, are named as in akamaster/pytorch_resnet_cifar10: three blocks of basic units
with 16, 32 and 64 channels behind a 3x3 convolution, 6n + 2 layers in all, and shortcuts without parameters (option A):
every second row and column, between channels of zeros on both sides (resnet.py).

ResNet-18 to 152 are kuangliu/pytorch-cifar's: ImageNet's blocks behind a 3x3 convolution, without a pool.

Wide ResNets are those of Zagoruyko and Komodakis (2016), table 4, as xternalz/WideResNet-pytorch names them: three
blocks of pre-activated basic units, 6n + 4 layers in all, of 16k, 32k and 64k channels.
"""

from dataclasses import replace

from isomorph.spec.architecture import Architecture, Block, Head, Stem, StemConvolution
from isomorph.spec.convention import ZEROS, Convention, Initializer
from isomorph.spec.families.residual import (
    PYTORCH_LEAVES,
    PYTORCH_LEFT_OUT,
    PYTORCH_SCOPES,
    imagenet_blocks,
    residual_block,
)
from isomorph.spec.naming import NameRule, Naming
from isomorph.spec.preprocessing import Preprocessing
from isomorph.spec.zoo import Zoo

CONVENTION = Convention(
    shortcut="zero_channels",
    batch_norm_epsilon=1e-5,
    batch_norm_decay=0.9,
    running_variance="unbiased",
    convolution_initializer=Initializer("normal", 2.0),  # kaiming_normal_, also for the classifier
    logits_initializer=Initializer("normal", 2.0),
    logits_bias_initializer=Initializer("uniform", 1 / 3),
    preprocessing=Preprocessing(resize=None, size=(32, 32)).normalised("torch"),  # trainer.py: nothing is resized
)

STEM = Stem((StemConvolution("conv1", 16, 3),))


def resnet(depth: int) -> Architecture:
    """ResNet-`depth`, of (depth - 2) / 6 units in each block."""
    units = (depth - 2) // 6
    blocks = tuple(residual_block(number, "basic", 8 * 2**number, units, min(number, 2)) for number in (1, 2, 3))
    return Architecture(f"cifar/resnet{depth}", STEM, blocks, Head(num_classes=10), CONVENTION)


def plain(depth: int) -> Architecture:
    """ResNet-`depth` without shortcuts, where training degrades with depth (section 4.2, figure 6)."""
    return replace(resnet(depth).with_options(shortcut="none"), name=f"cifar/plain{depth}")


# nn.Conv2d and nn.Linear draw both kernels and biases uniformly within 1 / sqrt(fan_in).
PYTORCHS_OWN = Initializer("uniform", 1 / 3)

KUANGLIU = Convention(
    bottleneck_stride="conv2",
    batch_norm_epsilon=1e-5,
    batch_norm_decay=0.9,
    running_variance="unbiased",
    convolution_initializer=PYTORCHS_OWN,
    logits_initializer=PYTORCHS_OWN,
    logits_bias_initializer=PYTORCHS_OWN,
    preprocessing=Preprocessing(  # main.py: CIFAR-10's own mean
        resize=None,
        size=(32, 32),
        mean=tuple(255 * mean for mean in (0.4914, 0.4822, 0.4465)),
        std=tuple(255 * std for std in (0.2023, 0.1994, 0.2010)),
    ),
)


def imagenet_resnet(depth: int) -> Architecture:
    """ResNet-`depth` with ImageNet's blocks behind a 3x3 convolution that keeps CIFAR's 32x32 cells."""
    stem = Stem((StemConvolution("conv1", 64, 3),))
    return Architecture(f"cifar/resnet{depth}", stem, imagenet_blocks(depth), Head(num_classes=10), KUANGLIU)


WIDE = Convention(
    linear_bias=False,
    batch_norm_epsilon=1e-5,
    batch_norm_decay=0.9,
    running_variance="unbiased",
    convolution_initializer=Initializer("normal", 2.0, "fan_out"),  # wideresnet.py: of 9 times the output channels
    logits_initializer=PYTORCHS_OWN,
    logits_bias_initializer=ZEROS,
    preprocessing=Preprocessing(  # train.py: CIFAR-10's own mean, on the scale 0..255
        resize=None, size=(32, 32), mean=(125.3, 123.0, 113.9), std=(63.0, 62.1, 66.7)
    ),
)


def wide_resnet(depth: int, width: int) -> Architecture:
    """WRN-`depth`-`width`, of (depth - 4) / 6 units in each block, `width` times as wide as ResNets for CIFAR."""
    units = (depth - 4) // 6
    stem = Stem((StemConvolution("conv1", 16, 3, linear=True),))
    blocks = tuple(
        residual_block(number, "basic_v2", 8 * 2**number * width, units, min(number, 2)) for number in (1, 2, 3)
    )
    last = Block("postnorm", "batch_norm", ((),))
    return Architecture(f"cifar/wide_resnet{depth}_{width}", stem, (*blocks, last), Head(num_classes=10), WIDE)


WIDE_SCOPES = (
    NameRule(r"block(?P<block>\d+)/unit_(?P<unit>\d+)/basic_v2/preact", "", "block{block}.layer.{unit-1}.bn1"),
    NameRule(
        r"block(?P<block>\d+)/unit_(?P<unit>\d+)/basic_v2/conv(?P<conv>\d)",
        "block{block}.layer.{unit-1}.conv{conv}",
        "block{block}.layer.{unit-1}.bn{conv+1}",
    ),
    NameRule(r"block(?P<block>\d+)/unit_(?P<unit>\d+)/basic_v2/shortcut", "block{block}.layer.{unit-1}.convShortcut"),
    NameRule(r"postnorm", "", "bn1"),
    NameRule(r"postnorm/logits", "fc"),
)

SHORTCUT = NameRule(
    r"block(?P<block>\d+)/unit_(?P<unit>\d+)/\w+/shortcut",
    "layer{block}.{unit-1}.shortcut.0",
    "layer{block}.{unit-1}.shortcut.1",
)

NAMING = Naming(
    scopes=(*WIDE_SCOPES, SHORTCUT, *PYTORCH_SCOPES, NameRule(r".*logits", "linear")),
    leaves=PYTORCH_LEAVES,
    left_out=PYTORCH_LEFT_OUT,
)

# Table 4 of the paper, from the fewest layers on.
WIDE_RESNETS = (
    (16, 8),
    (16, 10),
    (22, 8),
    (22, 10),
    (28, 10),
    (28, 12),
    (40, 1),
    (40, 2),
    (40, 4),
    (40, 8),
)

PLAIN = {f"plain{depth}": plain(depth) for depth in (20, 56)}

ZOO = Zoo(
    "cifar",
    "ResNets for CIFAR-10 (PyTorch)",
    "pytorch",
    {f"resnet{depth}": resnet(depth) for depth in (20, 32, 44, 56, 110, 1202)}
    | PLAIN
    | {f"resnet{depth}": imagenet_resnet(depth) for depth in (18, 34, 50, 101, 152)}
    | {f"wide_resnet{depth}_{width}": wide_resnet(depth, width) for depth, width in WIDE_RESNETS},
    NAMING,
    unpublished=frozenset(PLAIN),  # their tensors are those of the ResNets, whose shortcuts have none
)
