"""Small networks: slim's own test network, the same with other units and conventions, and single layers and units."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from isomorph.backends.protocol import Array
from isomorph.spec import Architecture, Block, Convention, Head, Stem, StemConvolution, StemPool, plan, tensor_shapes
from isomorph.spec.architecture import AuxiliaryHead, InputTransform
from isomorph.spec.convention import as_float32
from isomorph.spec.tensors import GAMMA, MOVING_VARIANCE, split

STEM = Stem((StemConvolution("conv1", 64, 7, stride=2), StemPool("pool1", 3, stride=2)))
NO_HEAD = Head(None, global_pool=False)

# (base depth, units, stride) of each block, of slim's `_resnet_small` and of its testAtrousValuesBottleneck
SMALL = ((1, 3, 2), (2, 3, 2), (4, 3, 2), (8, 2, 1))
PAIRS = ((1, 2, 2), (2, 2, 2), (4, 2, 2), (8, 2, 1))


def blocks(unit: str, shape: tuple[tuple[int, int, int], ...], last: bool = True) -> tuple[Block, ...]:
    """Return blocks of `unit`, four times as deep as their base depth, whose last (or first) unit strides."""
    blocks = []
    for number, (base_depth, units, stride) in enumerate(shape, start=1):
        strides = [1] * (units - 1) + [stride] if last else [stride] + [1] * (units - 1)
        blocks.append(Block(f"block{number}", unit, tuple((4 * base_depth, base_depth, each) for each in strides)))
    return tuple(blocks)


def slim_small(**options: Any) -> Architecture:
    """Return slim's test network (resnet_v1_test.py, `_resnet_small`) of ten classes, with options."""
    convention = Convention(pool_padding="same", batch_norm_decay=0.997)
    return Architecture("slim/resnet", STEM, blocks("bottleneck", SMALL), Head(10), convention).with_options(**options)


# (depth, stride) of each unit, of blocks that stride in their first unit or in their last
DEPTHS = (((4, 2), (8, 1)), ((8, 1), (8, 2)), ((16, 2), (16, 1)), ((32, 1), (32, 1)))


def mobile(unit: str, *expansion: int) -> tuple[Block, ...]:
    """Return blocks of `unit` of DEPTHS, with an expansion if the kind has one."""
    return tuple(
        Block(f"block{number}", unit, tuple((*expansion, *each) for each in units))
        for number, units in enumerate(DEPTHS, start=1)
    )


def grouped(blocks: tuple[Block, ...], groups: int) -> tuple[Block, ...]:
    """Return the bottlenecks, `groups` times as wide inside, in as many groups of base-depth channels each."""
    return tuple(
        replace(
            block,
            unit="grouped_bottleneck",
            args=tuple((depth, groups * width, stride, groups) for depth, width, stride in block.args),
        )
        for block in blocks
    )


# Networks that can have rates for strides, by their description. The one of zero channels has a stem that its first
# shortcut does not narrow.
KIN = {
    "slim's bottlenecks": slim_small(),
    "bottlenecks that stride in conv1": slim_small(bottleneck_stride="conv1"),
    "basic units, the last striding": Architecture("kin/basic", STEM, blocks("basic", SMALL), Head(10)),
    "basic units, the first striding": Architecture("kin/first", STEM, blocks("basic", SMALL, last=False), Head(10)),
    "zero channels": Architecture(
        "kin/zeros",
        Stem((StemConvolution("conv1", 4, 7, stride=2), StemPool("pool1", 3, stride=2))),
        blocks("basic", SMALL, last=False),
        Head(10),
        Convention(shortcut="zero_channels"),
    ),
    "grouped bottlenecks": Architecture("kin/grouped", STEM, grouped(blocks("bottleneck", SMALL), 4), Head(10)),
    "pre-activated bottlenecks": Architecture("kin/v2", STEM, blocks("bottleneck_v2", SMALL), Head(10)),
    "pre-activated basic units, without biases": Architecture(
        "kin/basic_v2",
        Stem((StemConvolution("conv1", 16, 7, stride=2, linear=True), StemPool("pool1", 3, stride=2))),
        (*blocks("basic_v2", SMALL), Block("postnorm", "batch_norm", ((),))),
        Head(10),
        Convention(linear_bias=False),
    ),
    "separable units": Architecture(
        "kin/separable", STEM, mobile("separable"), Head(10), Convention(activation="relu6")
    ),
    "inverted residuals": Architecture(
        "kin/inverted", STEM, mobile("inverted_residual", 3), Head(10), Convention(activation="relu6")
    ),
}


# Networks without an atrous form. Images of 49x64 are large enough for the auxiliary heads' pools.
RIGID = {
    "inceptions": Architecture(
        "rigid/inceptions",
        Stem((StemConvolution("conv1", 8, 7, stride=2),)),
        (
            Block("block1", "inception", ((4, 2, 6, 2, 3, 3), (6, 3, 4, 2, 5, 3))),
            Block("pool1", "max_pool", ((3, 2),)),
            Block("block2", "inception", ((4, 2, 6, 2, 3, 3),)),
        ),
        Head(10, dropout=0.2),
        Convention(pool_padding="ceil", inception_kernel=3, batch_norm_gamma=False, batch_norm_epsilon=1e-3),
        auxiliary=(AuxiliaryHead("aux1", "block1", 2, pool=None, depth=5, hidden=7, dropout=(0.0, 0.7)),),
    ),
    "inceptions that activate what they join": Architecture(
        "rigid/joins",
        Stem((StemConvolution("conv1", 8, 7, stride=2), StemPool("pool1", 3, stride=2))),
        (Block("block1", "inception", ((4, 2, 6, 2, 3, 3), (6, 3, 4, 2, 5, 3))),),
        Head(10, dropout=0.4),
        Convention(pool_padding="valid", batch_norm=False, activation_after="joins", dropout_mode="downscale_in_infer"),
        auxiliary=(
            AuxiliaryHead("aux1", "block1", 1, depth=5, hidden=7, cells=2, dropout=(0.5, 0.7)),
            AuxiliaryHead("aux2", "block1", 2, depth=5, hidden=7, cells=2, rectified=False),
        ),
        input_transform=InputTransform((0.458, 0.448, 0.45), (-0.03, -0.088, -0.188)),
    ),
    "dense layers behind a flattened map": Architecture(
        "rigid/dense",
        Stem(()),
        (
            Block("block1", "convolution", ((6, 3, 1),) * 2),
            Block("pool1", "max_pool", ((2, 2),)),
            Block("block2", "valid_convolution", ((8, 5, 1),)),
            Block("adaptive_pool", "adaptive_pool", ((7,),)),
            Block("fc6", "dense", ((16, 7),)),
            Block("fc7", "linear", ((12, 1),)),
        ),
        Head(10, dropout=0.5),
        Convention(pool_padding="valid", convolution_bias=True, batch_norm=False),
    ),
}


def narrowed(network: Architecture, depth: int = 32) -> Architecture:
    """Return the network with dense layers of `depth`, where nearly all of a VGG's values are."""
    blocks = (
        replace(block, args=tuple((depth, kernel) for _, kernel in block.args)) if block.unit == "dense" else block
        for block in network.blocks
    )
    return replace(network, blocks=tuple(blocks))


def shortened(network: Architecture) -> Architecture:
    """Return the network with the first and the last unit of each block alone: all that it has, at half the cost."""
    blocks = (replace(block, args=(*block.args[:1], *block.args[1:][-1:])) for block in network.blocks)
    return replace(network, blocks=tuple(blocks))


def alone(*layers: StemConvolution | StemPool, **convention: Any) -> Architecture:
    """Return a network of these layers alone, on images of one channel."""
    return Architecture("isomorph/alone", Stem(layers), (), NO_HEAD, Convention(**convention), in_channels=1)


def one_unit(unit: str, depth: int, stride: int, **convention: Any) -> Architecture:
    """Return a network of one unit, whose convolutions but the last have one channel, on images of one channel."""
    block = Block("block1", unit, ((depth, 1, stride),))
    return Architecture("isomorph/unit", Stem(()), (block,), NO_HEAD, Convention(**convention), in_channels=1)


def plain_tensors(architecture: Architecture, kernels: Mapping[str, Array]) -> dict[str, Array]:
    """Return float64 tensors whose batch norms change nothing: gamma and variance + epsilon are one, all else is zero.

    kernels: scope -> the kernel of the convolution there; the others' are zero.
    """
    tensors = {name: np.zeros(shape) for name, shape in tensor_shapes(architecture).items()}
    for name, value in tensors.items():
        scope, leaf = split(name)
        if leaf == GAMMA:
            value[:] = 1
        elif leaf == MOVING_VARIANCE:
            value[:] = 1 - as_float32(plan(architecture).convention.batch_norm_epsilon)
        elif leaf == "weights" and scope in kernels:
            value[:] = kernels[scope]
    return tensors


def create_input(batch: int, height: int, width: int, channels: int) -> Array:
    """Return float32 images whose pixels are row + column, as slim's `create_test_input` (resnet_v1_test.py)."""
    rows, columns = np.arange(height).reshape(1, -1, 1, 1), np.arange(width).reshape(1, 1, -1, 1)
    return np.tile((rows + columns).astype(np.float32), (batch, 1, 1, channels))
