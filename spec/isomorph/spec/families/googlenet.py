"""The blocks of all zoos' GoogLeNets: table 1 of Szegedy et al. (2015), and its units' letters."""

from collections.abc import Iterator

from isomorph.spec.architecture import Block, Stem, StemConvolution, StemPool

# slim's names (nets/inception_v1.py); the paper has no others.
STEM = Stem(
    (
        StemConvolution("Conv2d_1a_7x7", 64, 7, stride=2),
        StemPool("pool1", 3, stride=2),
        StemConvolution("Conv2d_2b_1x1", 64, 1),
        StemConvolution("Conv2d_2c_3x3", 192, 3),
        StemPool("pool2", 3, stride=2),
    )
)

INCEPTIONS = {
    3: ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    4: (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    5: ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
}

AUXILIARY_UNITS = {"aux1": 1, "aux2": 4}
"""The units of block4 that the auxiliary heads read: 4a and 4d."""


def googlenet_blocks(last_pool: int = 3) -> tuple[Block, ...]:
    """Return GoogLeNet's blocks; `last_pool` is the kernel of the last pool."""
    three, four, five = (Block(f"block{number}", "inception", units) for number, units in INCEPTIONS.items())
    return (three, Block("pool3", "max_pool", ((3, 2),)), four, Block("pool4", "max_pool", ((last_pool, 2),)), five)


def inception_names(first: str) -> Iterator[tuple[str, str]]:
    """Yield the canonical scope of every inception unit, and its name, such as `3a`.

    first: the letter of each block's first unit: "a", or "b" where the pool before it counts.

    >>> next(inception_names("a"))
    ('block3/unit_1/inception', '3a')
    """
    for number, units in INCEPTIONS.items():
        for unit, _ in enumerate(units, start=1):
            yield f"block{number}/unit_{unit}/inception", f"{number}{chr(ord(first) + unit - 1)}"
