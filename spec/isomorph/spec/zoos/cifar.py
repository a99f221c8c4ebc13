"""The CIFAR-10 ResNets of He et al. (2015), section 4.2, as akamaster/pytorch_resnet_cifar10 names them.

Three blocks of basic units with 16, 32 and 64 channels behind a 3x3 convolution, 6n + 2 layers in all, and shortcuts
without parameters (option A): every second row and column, between channels of zeros on both sides (resnet.py).
"""

from dataclasses import replace

from isomorph.spec.architecture import Architecture, Head, Stem, StemConvolution
from isomorph.spec.convention import Convention, Initializer
from isomorph.spec.families.residual import PYTORCH_LEAVES, PYTORCH_LEFT_OUT, PYTORCH_SCOPES, residual_block
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


NAMING = Naming(
    scopes=(*PYTORCH_SCOPES, NameRule(r".*logits", "linear")),
    leaves=PYTORCH_LEAVES,
    left_out=PYTORCH_LEFT_OUT,
)

PLAIN = {f"plain{depth}": plain(depth) for depth in (20, 56)}

ZOO = Zoo(
    "cifar",
    "He et al. (2015), section 4.2, for CIFAR-10",
    "pytorch",
    {f"resnet{depth}": resnet(depth) for depth in (20, 32, 44, 56, 110, 1202)} | PLAIN,
    NAMING,
    unpublished=frozenset(PLAIN),  # their tensors are those of the ResNets, whose shortcuts have none
)
