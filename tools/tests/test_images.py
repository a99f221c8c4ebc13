"""Images in: arrays as they are, photographs by the zoo's own rule, and what is neither refused with one sentence."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from isomorph.spec import Architecture, BadInput, Preprocessing, architecture
from isomorph.tools import images as module
from isomorph.tools.images import read_images

CIFAR = architecture("cifar/resnet20")
AS_IT_IS = Preprocessing(resize=None, size=(4, 4), interpolation="nearest", std=(1.0, 1.0, 1.0))


def preprocessed(channels: int = 3, **fields: Any) -> Architecture:
    """A network whose preprocessing changes no value, except for `fields`."""
    return CIFAR.with_options(preprocessing=Preprocessing(**{**vars(AS_IT_IS), **fields}), in_channels=channels)


def photograph(path: Path, height: int, width: int) -> Image.Image:
    """A lossless photograph whose red says the column and whose green says the row."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(width) % 256, np.arange(height)[:, None] % 256
    pixels[..., 2] = 7
    image = Image.fromarray(pixels)
    image.save(path)
    return image


# Arrays.


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "uint8", "bool", ">f4"])
@pytest.mark.parametrize("shape", [(2, 5, 4, 3), (5, 4, 3)], ids=["several images", "one image"])
def test_an_array_is_the_input_as_it_is(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    np.save(tmp_path / "x.npy", pixels)
    found = read_images([tmp_path / "x.npy"], CIFAR)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, pixels.reshape(-1, 5, 4, 3))


def test_an_array_in_fortrans_order_is_the_same(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype(np.float32)
    np.save(tmp_path / "x.npy", np.asfortranarray(pixels))
    np.testing.assert_array_equal(read_images([tmp_path / "x.npy"], CIFAR), pixels)


NPY = {
    "rank 2": (np.zeros((5, 4)), "x.npy is of shape [5, 4]; cifar/resnet20 expects [batch, height, width, 3]."),
    "rank 5": (np.zeros((1, 1, 5, 4, 3)), "x.npy is of shape [1, 1, 5, 4, 3]; cifar/resnet20 expects"),
    "channels first": (np.zeros((2, 3, 5, 4)), "x.npy is of shape [2, 3, 5, 4]; cifar/resnet20 expects"),
    "a scalar": (np.float32(3), "x.npy is of shape []; cifar/resnet20 expects"),
    "no image": (np.zeros((0, 5, 4, 3)), "x.npy is of shape [0, 5, 4, 3]; cifar/resnet20 expects"),
    "no pixel": (np.zeros((1, 0, 4, 3)), "x.npy is of shape [1, 0, 4, 3]; cifar/resnet20 expects"),
    "another size than asked for": (np.zeros((1, 5, 4, 3)), "x.npy holds images of 5x4, not of the 9x8 asked for."),
    "complex numbers": (np.zeros((1, 9, 8, 3), "c8"), "x.npy holds complex64; expected numbers."),
    "text": (np.full((1, 9, 8, 3), "a"), "x.npy holds <U1; expected numbers."),
    "dates": (np.zeros((1, 9, 8, 3), "M8[s]"), "x.npy holds datetime64[s]; expected numbers."),
    "records": (np.zeros((1, 9, 8, 3), [("a", "f4")]), "x.npy holds [('a', '<f4')]; expected numbers."),
    "NaN": (np.full((1, 9, 8, 3), np.nan), "x.npy holds pixels that are NaN or infinite; expected numbers."),
    "what float32 cannot hold": (np.full((1, 9, 8, 3), 1e300), "x.npy holds pixels that are NaN or infinite; expected"),
}


@pytest.mark.parametrize(("array", "sentence"), NPY.values(), ids=NPY)
def test_an_array_is_refused_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, array: Any, sentence: str) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", array)
    with pytest.raises(BadInput) as caught:
        read_images(["x.npy"], CIFAR, (9, 8) if array.shape != (5, 4) else None)
    assert str(caught.value).startswith(sentence)


def npy(header: str, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + data


def saved(save: Any, *value: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    save(out, *value, **options)
    return out.getvalue()


BYTES = {
    "nothing": b"",
    "a cut header": npy("{'descr'"),
    "text": b"hello, world",
    "a pickle": b"\x80\x04cos\nsystem\n(S'touch pwned'\ntR.",
    "objects": saved(np.save, np.array([{}]), allow_pickle=True),
    "an archive": saved(np.savez, np.zeros((1, 5, 4, 3))),
    "fewer numbers than promised": saved(np.save, np.zeros((2, 5, 4, 3)))[:-8],
    "terabytes that are only promised": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (9999999, 999999)}\n"),
    "a shape beyond all memory": npy(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({1 << 70},)}}\n"),
    "a negative shape": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 4, 4, 3)}\n", bytes(64)),
    "a header that calls": npy("{'descr': __import__('os').system('touch pwned'), 'shape': ()}\n"),
}


@pytest.mark.parametrize("content", BYTES.values(), ids=BYTES)
def test_a_file_that_is_no_array_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.npy").write_bytes(content)
    with pytest.raises(BadInput, match=r"^x\.npy is not a NumPy array that can be read: [^\n]+[^.]\.$") as caught:
        read_images(["x.npy"], CIFAR)
    assert "allow_pickle" not in str(caught.value), "nobody is told to load a pickle"
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


def test_an_array_stands_alone(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^2 image files hold an \.npy array among them; give one \.npy or photographs"):
        read_images([tmp_path / "x.npy", tmp_path / "y.png"], CIFAR)


@pytest.mark.parametrize("name", ["absent.npy", "absent.jpg"])
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_images([tmp_path / name], CIFAR)
    assert str(caught.value) == f"There is no file {tmp_path / name}."


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


@pytest.mark.parametrize("fields", [{"mean": (1.0,)}, {"std": (1.0,)}], ids=["mean", "std"])
def test_a_mean_and_a_deviation_of_each_channel_are_needed(tmp_path: Path, fields: Any) -> None:
    photograph(tmp_path / "x.png", 4, 4)
    with pytest.raises(
        BadInput, match=r"the preprocessing of cifar/resnet20 is not for 3 channels; give an \.npy array"
    ):
        read_images([tmp_path / "x.png"], preprocessed(**fields))


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_interpolation(tmp_path: Path, interpolation: Any) -> None:
    image = photograph(tmp_path / "x.png", 30, 40)
    found = read_images([tmp_path / "x.png"], preprocessed(interpolation=interpolation, size=(15, 15)))
    expected = image.resize((20, 15), Image.Resampling[interpolation.upper()]).crop((2, 0, 17, 15))
    np.testing.assert_array_equal(found[0], np.asarray(expected))


@pytest.mark.parametrize(
    ("channels", "expected"),
    [pytest.param("RGB", [(200 - 1) / 4, (100 - 2) / 5, (50 - 3) / 8]), pytest.param("BGR", [49 / 4, 98 / 5, 197 / 8])],
)
def test_channel_order_and_normalisation(tmp_path: Path, channels: Any, expected: list[float]) -> None:
    Image.new("RGB", (4, 4), (200, 100, 50)).save(tmp_path / "x.png")
    network = preprocessed(channels=3).with_options(
        preprocessing=Preprocessing(
            resize=None, size=(4, 4), channels=channels, mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 8.0)
        )
    )
    found = read_images([tmp_path / "x.png"], network)
    np.testing.assert_array_equal(found, np.broadcast_to(np.array(expected, np.float32), (1, 4, 4, 3)))


def test_a_network_of_one_channel_sees_grey(tmp_path: Path) -> None:
    Image.new("L", (4, 4), 200).save(tmp_path / "x.png")
    found = read_images([tmp_path / "x.png"], preprocessed(1, mean=(24.0,), std=(2.0,)))
    np.testing.assert_array_equal(found, np.full((1, 4, 4, 1), (200 - 24) / 2, np.float32))


@pytest.mark.parametrize("channels", [1, 4])
def test_preprocessing_for_three_channels_is_not_bent_to(tmp_path: Path, channels: int) -> None:
    photograph(tmp_path / "x.png", 4, 4)
    with pytest.raises(BadInput, match=rf"the preprocessing of cifar/resnet20 is not for {channels} channels"):
        read_images([tmp_path / "x.png"], CIFAR.with_options(in_channels=channels))


def test_photographs_of_any_size_make_one_batch(tmp_path: Path) -> None:
    for name, sides in (("x.png", (30, 40)), ("y.png", (50, 20))):
        photograph(tmp_path / name, *sides)
    both = [tmp_path / "x.png", tmp_path / "y.png"]
    found = read_images(both, CIFAR)
    assert found.shape == (2, 32, 32, 3)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[1:], read_images(both[1:], CIFAR))


# What is in a file becomes the network's channels, or nothing does.

GREY = preprocessed(1, mean=(0.0,), std=(1.0,))


def of_mode(path: Path, mode: str, alpha: int = 255) -> Path:
    """A white photograph of this mode; `alpha` is one pixel's, where the mode has any."""
    image = Image.new("RGBA", (32, 32), "white")
    image.putpixel((3, 5), (255, 255, 255, alpha))
    if mode.startswith("I;16"):
        image = Image.fromarray(np.full((32, 32), 255, np.uint16))
    elif mode == "P with transparency":
        image = image.convert("P")
        image.info["transparency"] = bytes([alpha] * 256)
    else:
        image = image.convert(mode)
    image.save(path)
    with Image.open(path) as saved:
        assert saved.mode == mode.partition(" ")[0], "the case itself is wrong"
    return path


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("RGB", "png"), ("RGBA", "png"), ("P", "png"), ("P", "gif"), ("P with transparency", "png"), ("CMYK", "tif")],
)
def test_a_colour_photograph_may_be_of_mode(tmp_path: Path, mode: str, suffix: str) -> None:
    path = of_mode(tmp_path / f"x.{suffix}", mode)
    np.testing.assert_array_equal(read_images([path], preprocessed()), np.full((1, 4, 4, 3), 255, np.float32))
    with pytest.raises(BadInput) as caught:
        read_images([path], GREY)
    assert str(caught.value) == (
        f"{path} is a colour photograph (mode {mode.partition(' ')[0]}) and cifar/resnet20 expects greyscale; convert"
        " it to 8-bit greyscale first."
    )


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_a_greyscale_photograph_may_be_of_mode(tmp_path: Path, mode: str) -> None:
    path = of_mode(tmp_path / "x.png", mode)
    np.testing.assert_array_equal(read_images([path], GREY), np.full((1, 4, 4, 1), 255, np.float32))


@pytest.mark.parametrize(
    ("mode", "suffix"), [("L", "png"), ("L", "jpg"), ("LA", "png"), ("1", "png"), ("I;16", "png"), ("F", "tif")]
)
def test_a_greyscale_photograph_is_no_colour_one(tmp_path: Path, mode: str, suffix: str) -> None:
    path = of_mode(tmp_path / f"x.{suffix}", mode)
    with pytest.raises(BadInput) as caught:
        read_images([path], CIFAR)
    assert str(caught.value) == (
        f"{path} is a greyscale photograph (mode {mode}) and cifar/resnet20 expects colour; convert it to RGB first."
    )


@pytest.mark.parametrize(("mode", "suffix"), [("I;16", "png"), ("I", "tif"), ("F", "tif")])
def test_a_greyscale_photograph_of_more_than_8_bits_is_not_cut_to_them(tmp_path: Path, mode: str, suffix: str) -> None:
    path = of_mode(tmp_path / f"x.{suffix}", mode)
    with pytest.raises(BadInput, match=rf"is a greyscale photograph of more than 8 bits \(mode {mode}\); convert it"):
        read_images([path], GREY)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P with transparency"])
def test_one_pixel_that_shines_through_is_refused(tmp_path: Path, mode: str) -> None:
    path = of_mode(tmp_path / "x.png", mode, alpha=254)
    with pytest.raises(BadInput) as caught:
        read_images([path], GREY if mode == "LA" else CIFAR)
    assert str(caught.value) == (
        f"{path} is a photograph that is transparent in places, and what stands behind it is not said; put it on a"
        " background first."
    )


def test_a_colour_that_counts_as_transparent_is_refused_where_it_occurs(tmp_path: Path) -> None:
    image = Image.new("RGB", (32, 32), "white")
    image.save(tmp_path / "x.png", transparency=(1, 2, 3))
    read_images([tmp_path / "x.png"], CIFAR)
    image.save(tmp_path / "x.png", transparency=(255, 255, 255))
    with pytest.raises(BadInput, match="is a photograph that is transparent in places"):
        read_images([tmp_path / "x.png"], CIFAR)


def test_exif_turns_no_photograph(tmp_path: Path) -> None:
    """As zoos' own pipelines do not."""
    image = photograph(tmp_path / "x.png", 4, 4)
    turned = Image.Exif()
    turned[0x0112] = 6  # by a quarter
    image.save(tmp_path / "x.png", exif=turned)
    np.testing.assert_array_equal(read_images([tmp_path / "x.png"], preprocessed())[0], np.asarray(image))


PHOTOGRAPHS = {
    "no photograph": lambda whole: b"hello",
    "nothing": lambda whole: b"",
    "cut in its header": lambda whole: whole[:20],
    "cut in its pixels": lambda whole: whole[: len(whole) // 2],
    "a pickle": lambda whole: b"\x80\x04.",
    "a program for Ghostscript": lambda whole: saved(Image.new("RGB", (4, 4)).save, format="EPS"),
}


@pytest.mark.parametrize("made", PHOTOGRAPHS.values(), ids=PHOTOGRAPHS)
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_photograph_is_refused_that_is(tmp_path: Path, made: Any, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(made(path.read_bytes()))
    with pytest.raises(BadInput, match=rf"^\S+x\.{suffix} is not a photograph that can be read: [^\n]+[^.]\.$"):
        read_images([path], CIFAR)


def test_a_folder_is_no_photograph(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"is not a photograph that can be read: Is a directory\.$"):
        read_images([tmp_path], CIFAR)


@pytest.mark.parametrize("times", [1.5, 3], ids=["a little more than Pillow likes", "more than Pillow takes"])
def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: float) -> None:
    photograph(tmp_path / "x.png", 30, 40)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", int(30 * 40 / times))
    with pytest.raises(BadInput, match=r"is not a photograph that can be read: .*decompression bomb"):
        read_images([tmp_path / "x.png"], CIFAR)


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
