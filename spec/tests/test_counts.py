"""Parameters and multiply-accumulates, inferred without a framework, against the numbers that others published."""

import pytest

from isomorph.spec import architecture, architectures, count_parameters, infer

# Trainable values, running statistics and multiply-accumulates at 224x224, measured on the peers' own models: slim by
# tf-slim 1.1, torchvision by torchvision 0.28, whose `num_params` and `_ops` agree, paddle by paddlepaddle 3.3.
IMAGENET = {
    "slim/resnet_v1_50": (25_557_032, 53_120, 3_482_255_360),
    "slim/resnet_v1_101": (44_549_160, 105_344, 7_194_476_544),
    "slim/resnet_v1_152": (60_192_808, 151_424, 10_906_697_728),
    "slim/resnet_v1_200": (64_673_832, 176_000, 14_400_552_960),
    "torchvision/resnet18": (11_689_512, 9_600, 1_814_073_344),
    "torchvision/resnet34": (21_797_672, 17_024, 3_663_761_408),
    "torchvision/resnet50": (25_557_032, 53_120, 4_089_184_256),
    "torchvision/resnet101": (44_549_160, 105_344, 7_801_405_440),
    "torchvision/resnet152": (60_192_808, 151_424, 11_513_626_624),
    "paddle/resnet18": (11_689_512, 9_600, 1_814_073_344),
    "paddle/resnet34": (21_797_672, 17_024, 3_663_761_408),
    "paddle/resnet50": (25_557_032, 53_120, 4_089_184_256),
    "paddle/resnet101": (44_549_160, 105_344, 7_801_405_440),
    "paddle/resnet152": (60_192_808, 151_424, 11_513_626_624),
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
        ({"output_stride": 8, "global_pool": False}, 25_557_032),
    ],
    ids=["without classes", "five classes", "grey images", "without the root block", "biased convolutions", "dense"],
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
