"""The blocks of all zoos' MobileNets: the tables of their papers, and how widths are rounded."""

from collections.abc import Callable

from isomorph.spec.architecture import Block, Stem, StemConvolution

Round = Callable[[float], int]
"""Rounds a depth times the width multiplier."""

# Howard et al. (2017), table 1: depth and stride of each unit.
SEPARABLE = (
    ((64, 1),),
    ((128, 2), (128, 1)),
    ((256, 2), (256, 1)),
    ((512, 2), *((512, 1),) * 5),
    ((1024, 2), (1024, 1)),
)

SEPARABLE_SCOPES = tuple(
    f"block{block}/unit_{unit}/separable"
    for block, units in enumerate(SEPARABLE, start=1)
    for unit, _ in enumerate(units, start=1)
)

# Sandler et al. (2018), table 2: expansion, depth, number of units, stride of the first.
INVERTED_RESIDUALS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)

LAST_DEPTH = 1280


def mobile_stem(scope: str, depth: int) -> Stem:
    """Return the stem, a 3x3 convolution that strides; slim calls it `Conv2d_0`, or `Conv` in v2."""
    return Stem((StemConvolution(scope, depth, 3, stride=2),))


def separable_blocks(width: float, rounded: Round) -> tuple[Block, ...]:
    """Return MobileNet's blocks of separable units."""
    return tuple(
        Block(f"block{number}", "separable", tuple((rounded(width * depth), stride) for depth, stride in units))
        for number, units in enumerate(SEPARABLE, start=1)
    )


def inverted_residual_blocks(width: float, rounded: Round) -> tuple[Block, ...]:
    """Return MobileNetV2's blocks and the last 1x1 convolution, which width multipliers below 1 leave as it is."""
    blocks = []
    for number, (expansion, depth, units, stride) in enumerate(INVERTED_RESIDUALS, start=1):
        args = (expansion, rounded(width * depth))
        blocks.append(Block(f"block{number}", "inverted_residual", ((*args, stride),) + ((*args, 1),) * (units - 1)))
    last = divisible(LAST_DEPTH * max(width, 1.0))
    return (*blocks, Block("Conv_1", "convolution", ((last, 1, 1),)))


def divisible(depth: float) -> int:
    """Return the multiple of 8 nearest to `depth`, at least 8 and at most a tenth less (every zoo's `_make_divisible`).

    >>> divisible(24 * 0.75), divisible(11)
    (24, 16)
    """
    nearest = max(8, int(depth + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * depth else nearest


def at_least(smallest: int) -> Round:
    """Return the rounding that cuts off to an integer, but to no less than `smallest`."""
    return lambda depth: max(int(depth), smallest)
