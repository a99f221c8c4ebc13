"""What a zoo's rule makes of a photograph's height and width: its scaling, its crop, and its interpolation."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from isomorph.spec import BadInput
from isomorph.tools.images import images as module
from isomorph.tools.images.images import read_images

from ..photographs import photograph, preprocessed

# Photographs. By torchvision's rounding: the longer side is cut to whole pixels, half offsets go to the even neighbour.

GEOMETRY = {
    # height and width, resize and crop, the size asked for; width and height once scaled, left and top of the crop
    "a landscape": ((375, 500), (256, 224), None, (341, 256), (58, 16)),
    "a portrait": ((500, 375), (256, 224), None, (256, 341), (16, 58)),
    "a square": ((300, 300), (256, 224), None, (256, 256), (16, 16)),
    "odd sides": ((5, 7), (8, 8), None, (11, 8), (2, 0)),
    "odd sides, upright": ((7, 5), (8, 8), None, (8, 11), (0, 2)),
    "a product that floats round down": ((49, 98), (256, 224), None, (512, 256), (144, 16)),
    "a smaller photograph": ((2, 3), (None, 4), None, (6, 4), (1, 0)),
    "its own size": ((10, 13), (10, 4), None, (13, 10), (4, 3)),
    "a flat crop that was asked for": ((375, 500), (256, 224), (64, 112), (170, 128), (29, 32)),
    "a tall crop that was asked for": ((375, 500), (256, 224), (112, 64), (170, 128), (53, 8)),
    "no resizing, a crop that was asked for": ((64, 32), (None, 32), (16, 16), (16, 32), (0, 8)),
}


@pytest.mark.parametrize(("sides", "rule", "size", "scaled", "corner"), GEOMETRY.values(), ids=GEOMETRY)
def test_geometry_of(
    tmp_path: Path,
    sides: tuple[int, int],
    rule: tuple[int | None, int],
    size: tuple[int, int] | None,
    scaled: tuple[int, int],
    corner: tuple[int, int],
) -> None:
    image = photograph(tmp_path / "x.png", *sides)
    height, width = size or (rule[1], rule[1])
    left, top = corner
    whole = image.resize(scaled, Image.Resampling.NEAREST)
    expected = np.asarray(whole)[top : top + height, left : left + width]
    assert expected.shape == (height, width, 3), "the case itself is wrong"
    found = read_images([tmp_path / "x.png"], preprocessed(resize=rule[0], size=(rule[1], rule[1])), size)
    np.testing.assert_array_equal(found[0], expected)


# Height and width, fraction; how much goes at the top and at the left, and as much at the bottom and at the right.
MIDDLES = {
    "even sides": ((8, 12), 0.5, 2, 3),
    "odd sides": ((7, 9), 0.5, 1, 2),
    "slim's": ((300, 451), 0.875, 18, 28),
    "all": ((7, 9), 1.0, 0, 0),
    "as good as nothing": ((4, 5), 1e-30, 1, 2),
    "of a pixel": ((1, 1), 0.1, 0, 0),
}


@pytest.mark.parametrize(("sides", "fraction", "top", "left"), MIDDLES.values(), ids=MIDDLES)
def test_the_middle_of(tmp_path: Path, sides: tuple[int, int], fraction: float, top: int, left: int) -> None:
    image = photograph(tmp_path / "x.png", *sides)
    expected = np.asarray(image)[top : sides[0] - top, left : sides[1] - left]
    rule: dict[str, Any] = {"fit": "stretch", "size": expected.shape[:2], "central_fraction": fraction}
    found = read_images([tmp_path / "x.png"], preprocessed(**rule))
    np.testing.assert_array_equal(found[0], expected)


def test_the_middle_is_scaled_and_cropped_as_a_photograph_is(tmp_path: Path) -> None:
    image = photograph(tmp_path / "x.png", 40, 80).crop((20, 10, 60, 30))
    image.save(tmp_path / "y.png")
    found = read_images([tmp_path / "x.png"], preprocessed(resize=10, size=(8, 8), central_fraction=0.5))
    np.testing.assert_array_equal(found, read_images([tmp_path / "y.png"], preprocessed(resize=10, size=(8, 8))))


SIDES = [(1, 1), (1, 50), (50, 1), (31, 32), (33, 32), (224, 225), (256, 256), (333, 500), (1023, 67), (67, 1024)]


@pytest.mark.parametrize("rule", [(256, 224), (257, 224), (232, 225), (8, 7), (None, 32)], ids=str)
@pytest.mark.parametrize("sides", SIDES, ids=str)
def test_geometry_is_torchvisions_over(tmp_path: Path, sides: tuple[int, int], rule: tuple[int | None, int]) -> None:
    """As transforms/functional.py computes it: `_compute_resized_output_size`, and `center_crop` of one that fits."""
    image = photograph(tmp_path / "x.png", *sides)
    resize, crop = rule[0] or rule[1], rule[1]
    short, long = min(sides), max(sides)
    new_long = int(resize * long / short)
    height, width = (resize, new_long) if sides[0] <= sides[1] else (new_long, resize)
    top, left = round((height - crop) / 2.0), round((width - crop) / 2.0)
    whole = image.resize((width, height), Image.Resampling.NEAREST)
    expected = np.asarray(whole)[top : top + crop, left : left + crop]
    found = read_images([tmp_path / "x.png"], preprocessed(resize=rule[0], size=(crop, crop)))
    np.testing.assert_array_equal(found[0], expected)


@pytest.mark.parametrize("size", [None, (5, 9)], ids=["the zoo's size", "a size that was asked for"])
def test_stretching_takes_both_sides_straight_to(tmp_path: Path, size: tuple[int, int] | None) -> None:
    image = photograph(tmp_path / "x.png", 30, 41)
    height, width = size or (8, 6)
    found = read_images([tmp_path / "x.png"], preprocessed(fit="stretch", resize=256, size=(8, 6)), size)
    np.testing.assert_array_equal(found[0], np.asarray(image.resize((width, height), Image.Resampling.NEAREST)))


# 30 x 41 to a shorter side of 16: 41 * 16 / 30 is 21.87.
@pytest.mark.parametrize(
    ("longer_side", "scaled"), [pytest.param("floor", 21, id="cut off"), pytest.param("round", 22, id="rounded")]
)
def test_the_longer_side_is(tmp_path: Path, longer_side: Any, scaled: int) -> None:
    image = photograph(tmp_path / "x.png", 30, 41)
    network = preprocessed(
        longer_side=longer_side, interpolation="bilinear", resize=16, size=(16, 10), crop_offset="floor"
    )
    found = read_images([tmp_path / "x.png"], network)
    left = (scaled - 10) // 2
    expected = image.resize((scaled, 16), Image.Resampling.BILINEAR).crop((left, 0, left + 10, 16))
    np.testing.assert_array_equal(found[0], np.asarray(expected))


@pytest.mark.parametrize(("width", "scaled"), [(45, 22), (35, 18)], ids=["22.5 to 22", "17.5 to 18"])
def test_half_of_a_pixel_rounds_to_the_even_one(tmp_path: Path, width: int, scaled: int) -> None:
    """As Python's `round` and TensorFlow's `rint` do."""
    image = photograph(tmp_path / "x.png", 20, width)
    found = read_images([tmp_path / "x.png"], preprocessed(longer_side="round", resize=10, size=(10, 10)))
    expected = np.asarray(image.resize((scaled, 10), Image.Resampling.NEAREST))
    left = (scaled - 10) // 2
    np.testing.assert_array_equal(found[0], expected[:, left : left + 10])


@pytest.mark.parametrize(
    ("crop_offset", "odd", "left"),
    [
        pytest.param("floor", 7, 3, id="7 cut to 3"),
        pytest.param("round", 7, 4, id="7 rounded to 4"),
        pytest.param("floor", 9, 4, id="9 cut to 4"),
        pytest.param("round", 9, 4, id="9 rounded to 4"),
    ],
)
def test_half_of_what_the_crop_leaves_is(tmp_path: Path, crop_offset: Any, odd: int, left: int) -> None:
    image = photograph(tmp_path / "x.png", 10, 10 + odd)
    found = read_images([tmp_path / "x.png"], preprocessed(crop_offset=crop_offset, size=(10, 10)))
    np.testing.assert_array_equal(found[0], np.asarray(image)[:, left : left + 10])


def test_black_stands_around_what_is_smaller_than_its_crop(tmp_path: Path) -> None:
    """As torchvision's CenterCrop pads: 4 x 8 in the middle of 8 x 8."""
    image = photograph(tmp_path / "x.png", 4, 8)
    found = read_images([tmp_path / "x.png"], preprocessed(resize=4, size=(8, 8)))
    np.testing.assert_array_equal(found[0, 2:6], np.asarray(image))
    assert not found[0, [0, 1, 6, 7]].any()


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_interpolation(tmp_path: Path, interpolation: Any) -> None:
    image = photograph(tmp_path / "x.png", 30, 40)
    found = read_images([tmp_path / "x.png"], preprocessed(interpolation=interpolation, size=(15, 15)))
    expected = image.resize((20, 15), Image.Resampling[interpolation.upper()]).crop((2, 0, 17, 15))
    np.testing.assert_array_equal(found[0], np.asarray(expected))


def test_exif_turns_no_photograph(tmp_path: Path) -> None:
    """As zoos' own pipelines do not."""
    image = photograph(tmp_path / "x.png", 4, 4)
    turned = Image.Exif()
    turned[0x0112] = 6  # by a quarter
    image.save(tmp_path / "x.png", exif=turned)
    np.testing.assert_array_equal(read_images([tmp_path / "x.png"], preprocessed())[0], np.asarray(image))


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize(
    ("fit", "size", "scaled"),
    [
        pytest.param("crop", None, "256x51200000", id="a strip for its crop"),
        pytest.param("stretch", (20_000, 20_000), "20000x20000", id="one that is stretched to"),
    ],
)
def test_what_scaling_blows_up_is_refused(tmp_path: Path, fit: str, size: tuple[int, int] | None, scaled: str) -> None:
    Image.new("RGB", (200_000, 1)).save(tmp_path / "x.png")
    with pytest.raises(BadInput) as caught:
        read_images([tmp_path / "x.png"], preprocessed(fit=fit, resize=256, size=(224, 224)), size)
    assert str(caught.value) == (
        f"{tmp_path / 'x.png'} is a photograph of 1x200000 pixels (height x width), which would be scaled to {scaled};"
        f" at most {module.MOST_PIXELS:,} pixels are expected."
    )
