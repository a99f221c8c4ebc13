"""The blocks and names of most zoos' ResNets: the first unit of a block strides, tensors are `layer1.0.conv1.weight`.

He et al. (2015), table 1, lists the numbers of units, but for ResNet-26's, which are timm's; "version 1.5", the stride
in the 3x3, is the convention's.
"""

from collections.abc import Mapping, Sequence

from isomorph.spec.architecture import Architecture, Block, Stem, StemConvolution, StemPool
from isomorph.spec.convention import Convention
from isomorph.spec.naming import NameRule
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

EXPANSION = {"basic": 1, "basic_v2": 1, "bottleneck": 4}


def residual_block(number: int, unit: str, base_depth: int, num_units: int, stride: int) -> Block:
    """Return block `number`, whose first unit strides; units are `EXPANSION` times as deep as their `base_depth`.

    >>> residual_block(2, "bottleneck", base_depth=128, num_units=2, stride=2)
    Block(scope='block2', unit='bottleneck', args=((512, 128, 2), (512, 128, 1)))
    """
    depth = EXPANSION[unit] * base_depth
    return Block(f"block{number}", unit, ((depth, base_depth, stride),) + ((depth, base_depth, 1),) * (num_units - 1))


def imagenet_blocks(depth: int, groups: int = 1, width: int = 64) -> tuple[Block, ...]:
    """Return the blocks of ResNet-`depth`: base depths 64 to 512, the map halved between blocks.

    groups, width: of the 3x3 convolutions, and the channels of each group in the first block: 32 and 4 in ResNeXt 32x4d
    (Xie et al., 2017, table 1), 1 and 128 in the wide ResNet-2 (Zagoruyko and Komodakis, 2016).
    """
    unit, num_units = IMAGENET_RESNETS[depth]
    blocks = []
    for number, units in enumerate(num_units, start=1):
        base_depth, stride = 64 * 2 ** (number - 1), 1 if number == 1 else 2
        if groups * width == 64:
            blocks.append(residual_block(number, unit, base_depth, units, stride))
            continue
        depths = (4 * base_depth, base_depth * groups * width // 64)
        kind, last = ("bottleneck", ()) if groups == 1 else ("grouped_bottleneck", (groups,))
        blocks.append(Block(f"block{number}", kind, ((*depths, stride, *last),) + ((*depths, 1, *last),) * (units - 1)))
    return tuple(blocks)


def imagenet_resnets(
    zoo: str, convention: Convention, depths: Sequence[int] = (18, 34, 50, 101, 152), name: str = "resnet{depth}"
) -> dict[str, Architecture]:
    """Return a zoo's ResNets by their own names, the pattern `name` filled with each depth."""
    return imagenet_variants(zoo, convention, {name.format(depth=depth): (depth, 1, 64) for depth in depths})


def imagenet_variants(
    zoo: str, convention: Convention, variants: Mapping[str, tuple[int, int, int]]
) -> dict[str, Architecture]:
    """Return a zoo's ResNets of other widths by their own names.

    variants: own name -> the arguments (depth, groups, width) of `imagenet_blocks`.
    """
    return {
        name: Architecture(f"{zoo}/{name}", IMAGENET_STEM, imagenet_blocks(*variant), convention=convention)
        for name, variant in variants.items()
    }


# canonical scope -> convolution, batch norm
PYTORCH_SCOPES = (
    NameRule(r"conv1", "conv1", "bn1"),
    NameRule(
        r"block(?P<block>\d+)/unit_(?P<unit>\d+)/\w+/conv(?P<conv>\d)",
        "layer{block}.{unit-1}.conv{conv}",
        "layer{block}.{unit-1}.bn{conv}",
    ),
    NameRule(
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
