"""What most zoos' ResNets share: the stride in the first unit of a block, and PyTorch's `layer1.0.conv1` names.

He et al. (2015), table 1, lists the numbers of units, but for ResNet-26's, which are timm's; "version 1.5", the stride
in the 3x3, is the convention's.
"""

from collections.abc import Sequence

from isomorph.spec.architecture import Architecture, Block, Stem, StemConvolution, StemPool
from isomorph.spec.convention import Convention
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS

IMAGENET_STEM = Stem((StemConvolution("conv1", 64, 7, stride=2), StemPool("pool1", 3, stride=2)))

# depth -> unit kind and the number of units in each of the four blocks
IMAGENET_RESNETS: dict[int, tuple[str, tuple[int, ...]]] = {
    18: ("basic", (2, 2, 2, 2)),
    26: ("bottleneck", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
}

EXPANSION = {"basic": 1, "bottleneck": 4}


def residual_block(number: int, unit: str, base_depth: int, num_units: int, stride: int) -> Block:
    """Block `number`, whose first unit strides; units are `EXPANSION` times as deep as their `base_depth`."""
    depth = EXPANSION[unit] * base_depth
    return Block(f"block{number}", unit, ((depth, base_depth, stride),) + ((depth, base_depth, 1),) * (num_units - 1))


def imagenet_blocks(depth: int) -> tuple[Block, ...]:
    """The blocks of ResNet-`depth`: base depths 64 to 512, halving the map between blocks."""
    unit, num_units = IMAGENET_RESNETS[depth]
    return tuple(
        residual_block(number, unit, 64 * 2 ** (number - 1), units, 1 if number == 1 else 2)
        for number, units in enumerate(num_units, start=1)
    )


def imagenet_resnets(
    zoo: str, convention: Convention, depths: Sequence[int] = (18, 34, 50, 101, 152), name: str = "resnet{depth}"
) -> dict[str, Architecture]:
    """A zoo's ResNets by their own names, the pattern `name` filled with each depth."""
    return {
        name.format(depth=depth): Architecture(
            f"{zoo}/{name.format(depth=depth)}", IMAGENET_STEM, imagenet_blocks(depth), convention=convention
        )
        for depth in depths
    }


# canonical scope -> convolution, batch norm
PYTORCH_SCOPES = (
    (r"conv1", "conv1", "bn1"),
    (
        r"block(?P<block>\d+)/unit_(?P<unit>\d+)/\w+/conv(?P<conv>\d)",
        "layer{block}.{unit-1}.conv{conv}",
        "layer{block}.{unit-1}.bn{conv}",
    ),
    (
        r"block(?P<block>\d+)/unit_(?P<unit>\d+)/\w+/shortcut",
        "layer{block}.{unit-1}.downsample.0",
        "layer{block}.{unit-1}.downsample.1",
    ),
)

PYTORCH_LEAVES = {
    WEIGHTS: "weight",
    BIASES: "bias",
    GAMMA: "weight",
    BETA: "bias",
    MOVING_MEAN: "running_mean",
    MOVING_VARIANCE: "running_var",
}

PYTORCH_LEFT_OUT = r".*num_batches_tracked"
