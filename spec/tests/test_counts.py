"""Parameters and multiply-accumulates, inferred without a framework, against the numbers that others published."""

import pytest

from isomorph.spec import architecture, architectures, count_parameters, infer

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

# What each zoo calls its networks, and their counts.
IMAGENET = {
    name.format(depth): counts
    for name, published in (
        ("slim/resnet_v1_{}", SLIM),
        ("keras/ResNet{}", KERAS),
        ("torchvision/resnet{}", VERSION_1_5),
        ("paddle/resnet{}", VERSION_1_5),
        ("timm/resnet{}", VERSION_1_5 | RESNET_26),
        ("transformers/resnet-{}", VERSION_1_5 | RESNET_26),
    )
    for depth, counts in published.items()
}

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


@pytest.mark.parametrize("name", IMAGENET)
def test_parameters_and_macs_are_the_published_ones(name: str) -> None:
    found = infer(architecture(name), 224, 224)
    assert (found.trainable, found.statistics, found.macs) == IMAGENET[name]
    assert found.parameters == found.trainable + found.statistics


# What `count_params()` of Keras's own models says, running statistics included.
@pytest.mark.parametrize(
    ("name", "total"),
    [("keras/ResNet50", 25_636_712), ("keras/ResNet101", 44_707_176), ("keras/ResNet152", 60_419_944)],
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
    assert set(architectures()) == IMAGENET.keys() | CIFAR.keys()


@pytest.mark.parametrize("name", architectures())
def test_counting_tensors_gives_what_counting_layers_gives(name: str) -> None:
    found = infer(architecture(name), 64, 64)
    assert count_parameters(architecture(name)) == (found.trainable, found.parameters)


def test_a_block_counts_what_its_units_count() -> None:
    rows = {row.name: row for row in infer(architecture("torchvision/resnet50"), 224, 224).end_points}
    units = [rows[f"block2/unit_{number}/bottleneck_v1"] for number in (1, 2, 3, 4)]
    convolutions = [rows[f"block2/unit_1/bottleneck_v1/{name}"] for name in ("shortcut", "conv1", "conv2", "conv3")]
    assert rows["block2"].trainable == sum(unit.trainable for unit in units) == 1_219_584
    assert units[0].macs == sum(convolution.macs or 0 for convolution in convolutions) == 372_506_624


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
