"""The blocks of all zoos' VGGs: table 1 of Simonyan and Zisserman (2015), arranged as in slim (nets/vgg.py).

The first dense layer is a convolution over 7x7 cells without padding. Zoos that flatten the map before it do so in two
ways: PyTorch and Paddle channel by channel, Keras cell by cell.
"""

from isomorph.spec.architecture import Architecture, Block, Head, Stem
from isomorph.spec.convention import Convention

# depth -> convolutions in each block
VGGS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}

DEPTHS = (64, 128, 256, 512, 512)

CELLS = 7
"""The dense layers see 7x7 cells, an image of 224x224."""

ADAPTIVE = (Block("adaptive_pool", "adaptive_pool", ((CELLS,),)),)
"""The pool that makes 7x7 cells of an image of any size."""

NO_STEM = Stem(())


def vgg_blocks(depth: int, before_dense: tuple[Block, ...] = ()) -> tuple[Block, ...]:
    """Return the blocks of VGG-`depth`."""
    blocks: list[Block] = []
    for number, (units, channels) in enumerate(zip(VGGS[depth], DEPTHS, strict=True), start=1):
        blocks.append(Block(f"block{number}", "convolution", ((channels, 3, 1),) * units))
        blocks.append(Block(f"pool{number}", "max_pool", ((2, 2),)))
    dense = (Block("fc6", "dense", ((4096, CELLS),)), Block("fc7", "dense", ((4096, 1),)))
    return (*blocks, *before_dense, *dense)


def vgg(name: str, depth: int, convention: Convention, adaptive: bool, dropout: float) -> Architecture:
    """Return VGG-`depth` under the name `zoo/name`."""
    blocks = vgg_blocks(depth, ADAPTIVE if adaptive else ())
    return Architecture(name, NO_STEM, blocks, Head(dropout=dropout), convention)
