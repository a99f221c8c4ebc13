"""output_stride: which unit strides, at which rate its convolutions work, and what cannot be reached."""

import pytest

from isomorph.spec import BadInput, architecture, plan
from isomorph.spec.atrous import Sampling, sample

MULTIPLE_OF_4 = r"^The output_stride needs to be a multiple of 4\.\n"
UNREACHABLE = r"^The target output_stride cannot be reached\.\n"


def convolutions(name: str, scope: str, field: str, **options: object) -> dict[str, list[int]]:
    """Block -> the stride or rate of the convolution `scope` of each of its units."""
    planned = plan(architecture(name, **options))
    return {block.scope: [getattr(unit.layer(scope), field) for unit in block.units] for block in planned.blocks}


# Slim's rule (resnet_utils.py, `stack_blocks_dense`): the unit whose stride is traded keeps the rate it was given,
# those behind it multiply theirs by that stride.
@pytest.mark.parametrize(
    ("output_stride", "strides", "rates"),
    [
        (None, [2, 1, 2, 1, 2, 1], [1, 1, 1, 1, 1, 1]),
        (8, [2, 1, 2, 1, 2, 1], [1, 1, 1, 1, 1, 1]),
        (4, [2, 1, 2, 1, 1, 1], [1, 1, 1, 1, 1, 2]),
        (2, [2, 1, 1, 1, 1, 1], [1, 1, 1, 2, 2, 4]),
        (1, [1, 1, 1, 1, 1, 1], [1, 2, 2, 4, 4, 8]),
    ],
    ids=["nominal", "the nominal one, asked for", "one stride traded", "two strides traded", "all strides traded"],
)
def test_strides_become_rates(output_stride: int | None, strides: list[int], rates: list[int]) -> None:
    found = sample([2, 1, 2, 1, 2, 1], output_stride)
    assert [unit.stride for unit in found] == strides
    assert [unit.rate for unit in found] == rates


def test_the_rate_behind_a_traded_stride_is_the_next_units() -> None:
    assert sample([2, 3, 1], 2) == [Sampling(2, 1, 1), Sampling(1, 1, 3), Sampling(1, 3, 3)]


# In slim's networks the last unit of a block strides.
@pytest.mark.parametrize(
    ("output_stride", "strides", "rates"),
    [
        (32, ([1, 1, 2], [1, 1, 1, 2], [1, 1, 1, 1, 1, 2], [1, 1, 1]), ([1] * 3, [1] * 4, [1] * 6, [1] * 3)),
        (16, ([1, 1, 2], [1, 1, 1, 2], [1] * 6, [1] * 3), ([1] * 3, [1] * 4, [1] * 6, [2] * 3)),
        (8, ([1, 1, 2], [1] * 4, [1] * 6, [1] * 3), ([1] * 3, [1] * 4, [2] * 6, [4] * 3)),
        (4, ([1] * 3, [1] * 4, [1] * 6, [1] * 3), ([1] * 3, [2] * 4, [4] * 6, [8] * 3)),
    ],
)
def test_slims_resnet_50_at_output_stride(
    output_stride: int, strides: tuple[list[int], ...], rates: tuple[list[int], ...]
) -> None:
    given = {"output_stride": output_stride}
    assert tuple(convolutions("slim/resnet_v1_50", "conv2", "stride", **given).values()) == strides
    assert tuple(convolutions("slim/resnet_v1_50", "conv2", "rate", **given).values()) == rates
    pointwise = convolutions("slim/resnet_v1_50", "conv1", "rate", **given)
    assert {rate for block in pointwise.values() for rate in block} == {1}, "a 1x1 window has no rate"


def test_a_1x1_convolution_between_blocks_has_no_rate() -> None:
    planned = plan(architecture("keras/MobileNetV2", output_stride=8))
    rates = {layer.scope: layer.rate for layer in planned.convolutions}
    assert (rates["block7/unit_1/inverted_residual/depthwise"], rates["Conv_1"]) == (4, 1)


def test_torchvision_dilates_behind_the_first_unit_of_a_block() -> None:
    """torchvision/models/resnet.py, `_make_layer`: the first unit keeps `previous_dilation`."""
    rates = convolutions("torchvision/resnet50", "conv2", "rate", replace_stride_with_dilation=[False, True, True])
    assert rates == {"block1": [1] * 3, "block2": [1] * 4, "block3": [1] + [2] * 5, "block4": [2, 4, 4]}


@pytest.mark.parametrize(
    ("switches", "output_stride"),
    [((0, 0, 0), 32), ((False, False, True), 16), ([False, True, True], 8), ((1, 1, 1), 4)],
)
def test_torchvisions_switches_are_an_output_stride(switches: tuple[bool, ...], output_stride: int) -> None:
    switched = architecture("torchvision/resnet50", replace_stride_with_dilation=switches)
    assert switched == architecture("torchvision/resnet50", output_stride=output_stride)


@pytest.mark.parametrize(
    "switches",
    [(True, False, False), (True, True, False), (True, False, True), (False, True, 2), (0.5, 1, 1), (True, True), ()],
)
def test_switches_that_no_output_stride_names_are_refused(switches: tuple[float, ...]) -> None:
    with pytest.raises(
        BadInput, match=r"^replace_stride_with_dilation is \[.*\]; expected three switches of which all"
    ):
        architecture("torchvision/resnet50", replace_stride_with_dilation=switches)


def test_behind_a_convolution_that_gave_up_its_stride_a_units_others_take_the_next_rate() -> None:
    """They stand where the next unit's would in the network that strides."""
    assert convolutions("torchvision/resnet18", "conv1", "rate", output_stride=8)["block3"] == [1, 2]
    assert convolutions("torchvision/resnet18", "conv2", "rate", output_stride=8)["block3"] == [2, 2]
    options = {"output_stride": 8, "bottleneck_stride": "conv1"}
    assert convolutions("torchvision/resnet50", "conv2", "rate", **options)["block3"] == [2] * 6


# The two errors, in slim's own words (resnet_utils.py and resnet_v1.py).
@pytest.mark.parametrize("output_stride", [1, 2, 6, 30, 33])
def test_the_root_block_has_taken_four_already(output_stride: int) -> None:
    with pytest.raises(ValueError, match=MULTIPLE_OF_4):
        plan(architecture("slim/resnet_v1_50", output_stride=output_stride))


@pytest.mark.parametrize("output_stride", [12, 20, 28, 64])
def test_no_prefix_of_the_strides_has_this_product(output_stride: int) -> None:
    with pytest.raises(ValueError, match=UNREACHABLE):
        plan(architecture("slim/resnet_v1_50", output_stride=output_stride))


@pytest.mark.parametrize("output_stride", [3, 6, 16])
def test_without_a_root_block_any_product_of_the_strides_will_do_and_nothing_else(output_stride: int) -> None:
    with pytest.raises(BadInput, match=UNREACHABLE):
        plan(architecture("slim/resnet_v1_50", include_root_block=False, output_stride=output_stride))


@pytest.mark.parametrize("output_stride", [1, 2, 4])
def test_the_cifar_networks_have_output_strides_up_to_four(output_stride: int) -> None:
    found = convolutions("cifar/resnet20", "conv1", "stride", output_stride=output_stride)
    taken = 1
    for strides in found.values():
        for stride in strides:
            taken *= stride
    assert taken == output_stride
