"""Receptive fields: how many pixels of the image one cell sees."""

import pytest

from isomorph.spec import architecture, infer

# Slim's: Araujo et al., "Computing receptive fields of convolutional neural networks" (Distill, 2019), table 1.
# The others stride in the first unit of a block, so that more of its 3x3 windows stand on the coarser map.
BLOCK4 = {
    "slim/resnet_v1_50": 483,
    "slim/resnet_v1_101": 1027,
    "slim/resnet_v1_152": 1507,
    "slim/resnet_v1_200": 1763,
    "torchvision/resnet18": 435,
    "torchvision/resnet34": 899,
    "torchvision/resnet50": 427,
    "torchvision/resnet101": 971,
    "torchvision/resnet152": 1451,
}


@pytest.mark.parametrize("name", BLOCK4)
def test_the_last_block_sees_as_much_as_is_published(name: str) -> None:
    rows = {row.name: row.grid for row in infer(architecture(name)).end_points}
    assert rows["block4"].receptive_field == BLOCK4[name]
    assert rows["block4"].stride == 32


def test_each_block_of_slims_resnet_50_sees_further() -> None:
    """7; 7 + 2 * 2; then 2 * 4 or 2 * 8 or ... for each 3x3 window, the strided one being the last on its map."""
    rows = {row.name: row.grid for row in infer(architecture("slim/resnet_v1_50")).end_points}
    seen = {name: rows[name].receptive_field for name in ("conv1", "pool1", "block1", "block2", "block3", "block4")}
    assert seen == {
        "conv1": 7,
        "pool1": 11,
        "block1": 11 + 3 * 8,
        "block2": 35 + 4 * 16,
        "block3": 99 + 6 * 32,
        "block4": 291 + 3 * 64,
    }


def test_the_shortcut_sees_less_than_the_residual_beside_it() -> None:
    rows = {row.name: row.grid for row in infer(architecture("torchvision/resnet18")).end_points}
    unit = "block2/unit_1/basic_v1"
    fields = [rows[f"{unit}/{name}"].receptive_field for name in ("shortcut", "conv1", "conv2")]
    assert fields == [43, 43 + 2 * 4, 51 + 2 * 8]
    assert rows[unit].receptive_field == 67


@pytest.mark.parametrize("output_stride", [4, 8, 16])
def test_rates_leave_what_slims_units_see_as_it_is(output_stride: int) -> None:
    """A window at rate 2 on a map of stride s sees what it saw at rate 1 on one of stride 2 s."""
    nominal = infer(architecture("slim/resnet_v1_50")).end_points
    dense = infer(architecture("slim/resnet_v1_50", output_stride=output_stride)).end_points
    assert [row.grid.receptive_field for row in dense] == [row.grid.receptive_field for row in nominal]
    assert dense[-1].grid.stride == output_stride
