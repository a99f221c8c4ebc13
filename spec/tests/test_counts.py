"""Parameters and multiply-accumulates, inferred without a framework, against the numbers that others published."""

import pytest

from isomorph.spec import (
    Architecture,
    Convention,
    Head,
    Stem,
    StemConvolution,
    architecture,
    architectures,
    count_parameters,
    infer,
)

# Trainable values, running statistics and multiply-accumulates at 224x224, measured on the peers' own models: slim by
# tf-slim 1.1, Keras by keras 3.15, "version 1.5" by torchvision 0.28, whose `num_params` and `_ops` agree, and by
# paddlepaddle 3.3. Depth -> counts.
SLIM = {
    50: (25_557_032, 53_120, 3_482_255_360),
    101: (44_549_160, 105_344, 7_194_476_544),
    152: (60_192_808, 151_424, 10_906_697_728),
    200: (64_673_832, 176_000, 14_400_552_960),
}
KERAS = {
    50: (25_583_592, 53_120, 3_857_973_248),
    101: (44_601_832, 105_344, 7_570_194_432),
    152: (60_268_520, 151_424, 11_282_415_616),
}
VERSION_1_5 = {
    18: (11_689_512, 9_600, 1_814_073_344),
    34: (21_797_672, 17_024, 3_663_761_408),
    50: (25_557_032, 53_120, 4_089_184_256),
    101: (44_549_160, 105_344, 7_801_405_440),
    152: (60_192_808, 151_424, 11_513_626_624),
}
# timm's own tables (results/benchmark-infer-*.csv) say 16.0 million parameters. Worked out from ResNet-50, which has 1,
# 2, 4 and 1 more of the four blocks' later units: those cost 218,365,952 multiply-accumulates each; their parameters
# are 70,400, 280,064, 1,117,184 and 4,462,592, their running statistics 768, 1,536, 3,072 and 6,144.
RESNET_26 = {26: (15_995_176, 30_848, 2_342_256_640)}

# Keras's of 2016 to 2018: its pool leaves 55x55 cells, 111 fewer than 56x56, to block1, whose units' kernels have
# 73,728 and twice 69,632 values.
KERAS2 = {50: (25_583_592, 53_120, 3_857_973_248 - 111 * (73_728 + 2 * 69_632))}

# By tf-slim 1.1, with its class for the background, and by keras 3.15.
RESNET_V2 = {
    "slim/resnet_v2_50": (25_570_409, 45_440, 3_482_257_408),
    "slim/resnet_v2_101": (44_579_945, 97_664, 7_194_478_592),
    "slim/resnet_v2_152": (60_238_953, 143_744, 10_906_699_776),
    "slim/resnet_v2_200": (64_728_169, 168_320, 14_400_555_008),
    "keras/ResNet50V2": (25_568_360, 45_440, 3_482_255_360),
    "keras/ResNet101V2": (44_577_896, 97_664, 7_194_476_544),
    "keras/ResNet152V2": (60_236_904, 143_744, 10_906_697_728),
}
# By torchvision 0.28 and paddlepaddle 3.3; WSL's by timm 1.0 too, which prints 194.03 and 468.53 million.
WIDER = {
    "resnext50_32x4d": (25_028_904, 68_224, 4_230_479_872),
    "resnext50_64x4d": (45_192_488, 98_432, 7_981_236_224),
    "resnext101_32x4d": (44_177_704, 137_856, 7_969_996_800),
    "resnext101_32x8d": (88_791_336, 202_880, 16_414_015_488),
    "resnext101_64x4d": (83_455_272, 202_880, 15_460_270_080),
    "resnext101_32x16d": (194_026_792, 332_928, 36_163_289_088),
    "resnext101_32x32d": (468_530_472, 593_024, 87_106_781_184),
    "resnext101_32x48d": (828_411_176, 853_120, 153_310_199_808),
    "resnext152_32x4d": (59_951_400, 199_296, 11_709_513_728),
    "resnext152_64x4d": (114_971_944, 295_040, 22_939_303_936),
    "wide_resnet50_2": (68_883_240, 68_224, 11_398_021_120),
    "wide_resnet101_2": (126_886_696, 137_856, 22_753_050_624),
}
# Width multiplier -> counts, by keras 3.15, paddlepaddle 3.3 and, for v2, torchvision 0.28.
MOBILE_V1 = {
    0.25: (470_072, 5_472, 41_030_272),
    0.5: (1_331_592, 10_944, 149_497_088),
    0.75: (2_585_560, 16_416, 325_400_448),
    1.0: (4_231_976, 21_888, 568_740_352),
}
MOBILE_V2 = {
    0.25: (1_519_112, 10_656, 37_201_312),
    0.35: (1_677_128, 14_080, 59_285_808),
    0.5: (1_968_680, 18_544, 97_131_840),
    0.75: (2_636_424, 26_640, 209_069_792),
    1.0: (3_504_872, 34_112, 300_774_272),
    1.3: (5_386_792, 44_256, 509_374_560),
    1.4: (6_108_776, 47_936, 582_195_824),
}
MOBILE = {
    "keras/MobileNet": MOBILE_V1,
    "paddle/mobilenet_v1": MOBILE_V1,
    "keras/MobileNetV2": MOBILE_V2,
    "paddle/mobilenet_v2": MOBILE_V2,
    "torchvision/mobilenet_v2": MOBILE_V2,
}

# What each zoo calls its networks, and their counts.
IMAGENET = {
    name.format(depth): counts
    for name, published in (
        ("slim/resnet_v1_{}", SLIM),
        ("keras/ResNet{}", KERAS),
        ("keras2/ResNet{}", KERAS2),
        ("torchvision/resnet{}", VERSION_1_5),
        ("paddle/resnet{}", VERSION_1_5),
        ("timm/resnet{}", VERSION_1_5 | RESNET_26),
        ("transformers/resnet-{}", VERSION_1_5 | RESNET_26),
        ("tutorial/resnet{}", {depth: VERSION_1_5[depth] for depth in (34, 101)}),
    )
    for depth, counts in published.items()
}
IMAGENET |= RESNET_V2
IMAGENET |= {name: WIDER[name.partition("/")[2]] for name in architectures() if name.partition("/")[2] in WIDER}

# Trainable values, counted by akamaster/pytorch_resnet_cifar10's own models, and the same in millions as
# He et al. (2015), table 6, print them.
CIFAR = {
    "cifar/resnet20": (269_722, "0.27"),
    "cifar/resnet32": (464_154, "0.46"),
    "cifar/resnet44": (658_586, "0.66"),
    "cifar/resnet56": (853_018, "0.85"),
    "cifar/resnet110": (1_727_962, "1.7"),
    "cifar/resnet1202": (19_421_274, "19.4"),
}


# As Zagoruyko and Komodakis (2016), table 4, print them.
WIDE = {
    "cifar/wide_resnet40_1": "0.6M",
    "cifar/wide_resnet40_2": "2.2M",
    "cifar/wide_resnet40_4": "8.9M",
    "cifar/wide_resnet40_8": "35.7M",
    "cifar/wide_resnet28_10": "36.5M",
    "cifar/wide_resnet28_12": "52.5M",
    "cifar/wide_resnet22_8": "17.2M",
    "cifar/wide_resnet22_10": "26.8M",
    "cifar/wide_resnet16_8": "11.0M",
    "cifar/wide_resnet16_10": "17.1M",
}

# Worked out from VERSION_1_5.
# The 7x7 stem has 9,408 values where the 3x3 has 1,728, and a classifier of 10 classes for 1,000 leaves 990 rows out.
ON_CIFAR = {
    f"cifar/resnet{depth}": (VERSION_1_5[depth][0] - (9_408 - 1_728) - 990 * (channels + 1), VERSION_1_5[depth][1])
    for depth, channels in {18: 512, 34: 512, 50: 2048, 101: 2048, 152: 2048}.items()
}


@pytest.mark.parametrize("name", WIDE)
def test_parameters_of_a_wide_network_are_the_papers(name: str) -> None:
    assert f"{infer(architecture(name), 32, 32).trainable / 1e6:.1f}M" == WIDE[name]


@pytest.mark.parametrize("name", ON_CIFAR)
def test_a_network_for_cifar_has_imagenets_layers_but_for_its_ends(name: str) -> None:
    found = infer(architecture(name), 32, 32)
    assert (found.trainable, found.statistics) == ON_CIFAR[name]


@pytest.mark.parametrize("name", IMAGENET)
def test_parameters_and_macs_are_the_published_ones(name: str) -> None:
    found = infer(architecture(name), 224, 224)
    assert (found.trainable, found.statistics, found.macs) == IMAGENET[name]
    assert found.parameters == found.trainable + found.statistics


@pytest.mark.parametrize(
    ("name", "width", "counts"),
    [(name, width, counts) for name, widths in MOBILE.items() for width, counts in widths.items()],
)
def test_a_width_multiplier_gives_the_published_counts(name: str, width: float, counts: tuple[int, int, int]) -> None:
    found = infer(architecture(name, width_multiplier=width), 224, 224)
    assert (found.trainable, found.statistics, found.macs) == counts


# With a class for the background: 1,025 values and multiply-accumulates more than MobileNet's and 1,024.
def test_slims_mobilenet_has_a_class_more() -> None:
    found = infer(architecture("slim/mobilenet_v1"), 224, 224)
    trainable, statistics, macs = MOBILE_V1[1.0]
    assert (found.trainable, found.statistics, found.macs) == (trainable + 1025, statistics, macs + 1024)


# By torchvision 0.28, whose meta data print the multiply-accumulates in thousands of millions.
VGG = {
    11: (132_863_336, "7.609"),
    13: (133_047_848, "11.308"),
    16: (138_357_544, "15.470"),
    19: (143_667_240, "19.632"),
}
VGG_BN = {11: (132_868_840, 5_504), 13: (133_053_736, 5_888), 16: (138_365_992, 8_448), 19: (143_678_248, 11_008)}


@pytest.mark.parametrize(
    ("name", "depth"),
    [*((f"torchvision/vgg{depth}", depth) for depth in VGG), ("paddle/vgg16", 16), ("keras/VGG16", 16)],
)
def test_a_vgg_has_the_published_counts(name: str, depth: int) -> None:
    found = infer(architecture(name), 224, 224)
    trainable, macs = VGG[depth]
    assert (found.trainable, found.statistics, f"{(found.macs or 0) / 1e9:.3f}") == (trainable, 0, macs)


@pytest.mark.parametrize("depth", VGG_BN)
def test_batch_norms_add_to_a_vgg_what_they_hold(depth: int) -> None:
    found = infer(architecture(f"torchvision/vgg{depth}_bn"), 224, 224)
    assert (found.trainable, found.statistics) == VGG_BN[depth]


# By torchvision 0.28, tf-slim 1.1 (with and without its class for the background), paddlepaddle 3.3 and, with five
# classes, the lecture series' own model.
@pytest.mark.parametrize(
    ("name", "options", "counts"),
    [
        ("torchvision/googlenet", {"aux_logits": False}, (6_624_904, 14_560, 1_498_376_192)),
        ("torchvision/googlenet", {}, (13_004_888, 15_072, 1_498_376_192)),
        ("slim/inception_v1", {"num_classes": 1000}, (6_617_624, 14_560, 1_498_376_192)),
        ("slim/inception_v1", {}, (6_618_649, 14_560, 1_498_377_216)),
        ("paddle/googlenet", {}, (11_535_736, 0, None)),
        ("tutorial/googlenet", {"num_classes": 5}, (10_318_655, 0, None)),
    ],
)
def test_a_googlenet_has_the_published_counts(
    name: str, options: dict[str, object], counts: tuple[int, int, int | None]
) -> None:
    found = infer(architecture(name, **options), 224, 224)
    trainable, statistics, macs = counts
    assert (found.trainable, found.statistics) == (trainable, statistics)
    assert macs in (None, found.macs)


def test_auxiliary_heads_cost_nothing_at_inference() -> None:
    without, whole = (infer(architecture("paddle/googlenet", aux_logits=aux), 224, 224) for aux in (False, True))
    assert without.macs == whole.macs
    heads = [row.macs or 0 for row in whole.end_points if row.name in ("aux1", "aux2")]
    assert f"{((whole.macs or 0) + sum(heads)) / 1e9:.2f}" == "1.44"  # as PaddleClas, which runs them, prints it


def test_lenet_has_paddles_count() -> None:
    assert infer(architecture("paddle/LeNet"), 28, 28).parameters == 61_610


# Small images and one channel: as their authors count them (d2l-en 8.6; mlcommons/tiny prints 78,666 in all).
@pytest.mark.parametrize(
    ("name", "parameters"), [("d2l/resnet18", 11_178_378 + 7_808), ("mlperf_tiny/resnet8", 78_666)]
)
def test_small_networks_count_as_their_authors_do(name: str, parameters: int) -> None:
    assert infer(architecture(name)).parameters == parameters


@pytest.mark.parametrize("depth", [20, 56])
def test_a_plain_network_has_the_parameters_of_its_residual_one(depth: int) -> None:
    """Shortcuts of option A have none (He et al., 2015, section 4.2)."""
    plain, residual = (
        infer(architecture(f"cifar/plain{depth}"), 32, 32),
        infer(architecture(f"cifar/resnet{depth}"), 32, 32),
    )
    assert (plain.trainable, plain.macs) == (residual.trainable, residual.macs)


# What `count_params()` of Keras's own models says, running statistics included.
@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("keras/ResNet50", 25_636_712),
        ("keras2/ResNet50", 25_636_712),
        ("keras/ResNet101", 44_707_176),
        ("keras/ResNet152", 60_419_944),
    ],
)
def test_keras_counts_running_statistics_too(name: str, total: int) -> None:
    assert infer(architecture(name)).parameters == total


@pytest.mark.parametrize("name", CIFAR)
def test_parameters_are_those_of_the_paper(name: str) -> None:
    trainable, millions = CIFAR[name]
    assert infer(architecture(name)).trainable == trainable
    decimals = len(millions.partition(".")[2])
    assert f"{trainable / 1e6:.{decimals}f}" == millions


# The same networks' multiply-accumulates at 32x32, as the literature on pruning prints them: He, Y. et al., "Filter
# pruning via geometric median" (2019), table 2.
@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("cifar/resnet20", "4.06e+07"),
        ("cifar/resnet32", "6.89e+07"),
        ("cifar/resnet56", "1.25e+08"),
        ("cifar/resnet110", "2.53e+08"),
    ],
)
def test_macs_are_those_of_the_literature(name: str, published: str) -> None:
    assert f"{infer(architecture(name), 32, 32).macs:.2e}" == published


def test_every_architecture_has_its_published_count() -> None:
    smaller = {"d2l/resnet18", "mlperf_tiny/resnet8", "cifar/plain20", "cifar/plain56", "slim/mobilenet_v1"}
    vggs = {*(f"torchvision/vgg{depth}{bn}" for depth in VGG for bn in ("", "_bn")), "paddle/vgg16", "keras/VGG16"}
    googlenets = {
        "torchvision/googlenet",
        "tutorial/googlenet",
        "paddle/googlenet",
        "slim/inception_v1",
        "paddle/LeNet",
    }
    cifar = CIFAR.keys() | ON_CIFAR.keys() | WIDE.keys()
    assert set(architectures()) == IMAGENET.keys() | cifar | MOBILE.keys() | smaller | vggs | googlenets


@pytest.mark.parametrize("name", architectures())
def test_counting_tensors_gives_what_counting_layers_gives(name: str) -> None:
    found = infer(architecture(name))
    assert count_parameters(architecture(name)) == (found.trainable, found.parameters)


def test_a_block_counts_what_its_units_count() -> None:
    rows = {row.name: row for row in infer(architecture("torchvision/resnet50"), 224, 224).end_points}
    units = [rows[f"block2/unit_{number}/bottleneck_v1"] for number in (1, 2, 3, 4)]
    convolutions = [rows[f"block2/unit_1/bottleneck_v1/{name}"] for name in ("shortcut", "conv1", "conv2", "conv3")]
    assert rows["block2"].trainable == sum(unit.trainable for unit in units) == 1_219_584
    assert units[0].macs == sum(convolution.macs or 0 for convolution in convolutions) == 372_506_624


def test_macs_of_an_image_that_is_not_square() -> None:
    """A 3x3 at stride 2 of 9x5 pixels has 5x3 results: 15 of 3 * 3 * 3 * 8 products."""
    stem = Stem((StemConvolution("conv1", 8, 3, stride=2),))
    assert infer(Architecture("x/y", stem, (), Head(None, global_pool=False), Convention()), 9, 5).macs == 3240


# Counted by hand, layer by layer, on images that are not square: scope -> height, width and multiply-accumulates, each
# kernel's values times the cells of its map.
OBLONG = {
    ("torchvision/resnet18", 64, 96): {
        "conv1": (32, 48, 7 * 7 * 3 * 64 * 32 * 48),
        "block1": (16, 24, 4 * 9 * 64 * 64 * 16 * 24),
        "block2": (8, 12, (9 * 64 * 128 + 3 * 9 * 128 * 128 + 64 * 128) * 8 * 12),
        "block3": (4, 6, (9 * 128 * 256 + 3 * 9 * 256 * 256 + 128 * 256) * 4 * 6),
        "block4": (2, 3, (9 * 256 * 512 + 3 * 9 * 512 * 512 + 256 * 512) * 2 * 3),
        "logits": (1, 1, 512 * 1000),
    },
    ("cifar/resnet20", 27, 35): {
        "conv1": (27, 35, 9 * 3 * 16 * 27 * 35),
        "block1": (27, 35, 6 * 9 * 16 * 16 * 27 * 35),
        "block2": (14, 18, (9 * 16 * 32 + 5 * 9 * 32 * 32) * 14 * 18),
        "block3": (7, 9, (9 * 32 * 64 + 5 * 9 * 64 * 64) * 7 * 9),
        "logits": (1, 1, 64 * 10),
    },
}


@pytest.mark.parametrize(
    ("name", "height", "width"), OBLONG, ids=[f"{name} on {height}x{width}" for name, height, width in OBLONG]
)
def test_macs_of_images_that_are_not_square_are_those_counted_by_hand(name: str, height: int, width: int) -> None:
    counted = OBLONG[name, height, width]
    found = infer(architecture(name), height, width)
    rows = {row.name: (row.grid.height, row.grid.width, row.macs) for row in found.end_points}
    assert {scope: rows[scope] for scope in counted} == counted
    assert found.macs == sum(macs for *_, macs in counted.values())


def test_macs_are_unknown_while_the_size_is() -> None:
    found = infer(architecture("torchvision/resnet18"))
    assert found.macs is None
    assert found.trainable == 11_689_512


@pytest.mark.parametrize(
    ("options", "trainable"),
    [
        ({"num_classes": None}, 25_557_032 - 2049 * 1000),
        ({"num_classes": 5}, 25_557_032 - 2049 * 995),
        ({"in_channels": 1}, 25_557_032 - 2 * 7 * 7 * 64),
        # The images, not 64 channels, then reach the shortcut and conv1 of the first unit.
        ({"include_root_block": False}, 25_557_032 - (7 * 7 * 3 * 64 + 2 * 64) - 61 * (64 + 256)),
        ({"convolution_bias": True}, 25_557_032 + 53_120 // 2),
        # gamma and beta go, one bias comes
        ({"convolution_bias": True, "batch_norm": False}, 25_557_032 - 53_120 // 2),
        ({"output_stride": 8, "global_pool": False}, 25_557_032),
    ],
    ids=[
        "without classes",
        "five classes",
        "grey images",
        "without the root block",
        "biased convolutions",
        "biases for batch norms",
        "dense",
    ],
)
def test_options_change_the_count_by_what_they_add(options: dict[str, object], trainable: int) -> None:
    assert infer(architecture("torchvision/resnet50", **options)).trainable == trainable


def test_rates_cost_no_parameters_but_multiply_accumulates() -> None:
    """Blocks 3 and 4 of slim's dense network work on maps of 28x28, at 14x14 and 7x7 in the nominal one."""
    nominal = {row.name: row for row in infer(architecture("slim/resnet_v1_50"), 224, 224).end_points}
    dense = {row.name: row for row in infer(architecture("slim/resnet_v1_50", output_stride=8), 224, 224).end_points}
    for block, factor in (("block1", 1), ("block4", 16)):
        assert dense[block].macs == factor * (nominal[block].macs or 0), block
        assert dense[block].trainable == nominal[block].trainable, block
