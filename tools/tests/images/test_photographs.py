"""What is in a photograph becomes the network's channels, or it is refused with one sentence."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from isomorph.spec import BadInput, Preprocessing
from isomorph.tools.images.images import read_images

from ..photographs import CIFAR, photograph, preprocessed


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


@pytest.mark.parametrize("fields", [{"mean": (1.0,)}, {"std": (1.0,)}], ids=["mean", "std"])
def test_a_mean_and_a_deviation_of_each_channel_are_needed(tmp_path: Path, fields: Any) -> None:
    photograph(tmp_path / "x.png", 4, 4)
    with pytest.raises(
        BadInput, match=r"the preprocessing of cifar/resnet20 is not for 3 channels; give an \.npy array"
    ):
        read_images([tmp_path / "x.png"], preprocessed(**fields))


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


def postscript() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, format="EPS")
    return out.getvalue()


PHOTOGRAPHS = {
    "no photograph": lambda whole: b"hello",
    "nothing": lambda whole: b"",
    "cut in its header": lambda whole: whole[:20],
    "cut in its pixels": lambda whole: whole[: len(whole) // 2],
    "a pickle": lambda whole: b"\x80\x04.",
    "a program for Ghostscript": lambda whole: postscript(),
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
