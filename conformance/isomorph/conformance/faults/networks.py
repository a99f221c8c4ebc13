"""The small networks that faults are planted in: one for each kind of unit, at a size at which the fault matters.

At 49x64 the first maps are odd along one axis and even along the other, so that rules of padding differ on one of them.
"""

from isomorph.conformance.drawn_case import Case
from isomorph.conformance.small_networks import KIN, RIGID, blocks, grouped, mobile, shortened, slim_small
from isomorph.spec import Architecture, Block, Convention, Head, Stem, StemConvolution, StemPool
from isomorph.spec.architecture import AuxiliaryHead

STEM = Stem((StemConvolution("conv1", 16, 7, stride=2), StemPool("pool1", 3, stride=2)))
LINEAR = Stem((StemConvolution("conv1", 16, 7, stride=2, linear=True), StemPool("pool1", 3, stride=2)))

# (base depth, units, stride) of each block
SMALL = ((2, 3, 2), (4, 2, 2), (8, 2, 1))

SLIM = slim_small().convention


def _small(name: str, stem: Stem, blocks: tuple[Block, ...], convention: Convention) -> Architecture:
    return Architecture(f"faults/{name}", stem, blocks, Head(10), convention)


BOTTLENECKS = _small("bottlenecks", STEM, blocks("bottleneck", SMALL), SLIM)
BASIC = _small("basic", STEM, blocks("basic", SMALL, last=False), Convention())
PREACTIVATED = _small("preactivated", LINEAR, blocks("bottleneck_v2", SMALL), Convention())
MOBILE = Convention(activation="relu6")
SEPARABLE = _small("separable", STEM, mobile("separable")[:3], MOBILE)

# Two heads of the same shapes, as GoogLeNet's would be if the units that they read were alike.
TWINS = Architecture(
    "faults/twins",
    STEM,
    (Block("block1", "inception", ((4, 2, 6, 2, 3, 3),) * 2),),
    Head(10),
    Convention(pool_padding="ceil"),
    auxiliary=tuple(
        AuxiliaryHead(f"aux{number}", "block1", number, pool=None, cells=2, depth=5, hidden=7) for number in (1, 2)
    ),
)

# Small, as everything in it is differentiated; its answers read many values, so that few batches show what is dropped.
TWO_UNITS = _small("two_units", STEM, (Block("units", "basic", ((8, 2, 2), (64, 16, 1))),), Convention())

DENSE = Architecture(
    "faults/dense",
    Stem(()),
    (
        Block("block1", "convolution", ((6, 3, 1),)),
        Block("pool1", "max_pool", ((2, 2),)),
        Block("adaptive_pool", "adaptive_pool", ((7,),)),
        Block("fc6", "dense", ((16, 7),)),
        Block("fc7", "linear", ((10, 1),)),
    ),
    Head(10, dropout=0.5),
    Convention(pool_padding="valid", convolution_bias=True, batch_norm=False),
)

NETWORKS: dict[str, Architecture] = {
    "bottlenecks": BOTTLENECKS,
    "strides first": BOTTLENECKS.with_options(bottleneck_stride="conv1"),
    "padded as TensorFlow does": BOTTLENECKS.with_options(convolution_padding="same"),
    "biased": BOTTLENECKS.with_options(convolution_bias=True),
    "atrous": BOTTLENECKS.with_options(output_stride=4, global_pool=False),
    "without a head": BOTTLENECKS.with_options(num_classes=None, global_pool=False),
    "alike": _small("alike", STEM, blocks("bottleneck", ((2, 3, 1), (4, 2, 2))), SLIM),
    "grouped": _small("grouped", STEM, grouped(blocks("bottleneck", SMALL), 4), Convention()),
    "basic": BASIC,
    "zero channels": shortened(KIN["zero channels"]),
    "preactivated": PREACTIVATED,
    "zeros around the pool": PREACTIVATED.with_options(pool_fill="zero"),
    "separable": SEPARABLE,
    "padded behind": SEPARABLE.with_options(depthwise_padding="after"),
    "inverted": _small("inverted", STEM, mobile("inverted_residual", 3)[:3], MOBILE),
    "inceptions": RIGID["inceptions"],
    "joins": RIGID["inceptions that activate what they join"],
    "twins": TWINS,
    "two units": TWO_UNITS,
    "two units, biased rule": TWO_UNITS.with_options(running_variance="biased"),
    "two units, with ReLU6": TWO_UNITS.with_options(activation="relu6"),
    "two units, frozen": TWO_UNITS,
    "two units, with dropout": TWO_UNITS.with_options(dropout=0.2),
    "two units, downscaled": TWO_UNITS.with_options(dropout=0.2, dropout_mode="downscale_in_infer"),
    "dense": DENSE,
    "dense, with ReLU6": DENSE.with_options(activation="relu6"),
}

CASES = {name: Case(network, 49, 64) for name, network in NETWORKS.items()} | {
    "basic, on odd maps": Case(BASIC, 49, 65)
}

FROZEN = frozenset({"two units, frozen"})
"""The names of those that are trained with frozen batch norms."""
