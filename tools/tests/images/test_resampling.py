"""Scaling photographs: as Pillow, OpenCV and TensorFlow 1 do, beside a textbook's bilinear interpolation."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isomorph.spec import BadInput, Preprocessing
from isomorph.tools.images.resampling import resample

from ..tensors import Array

# Heights and widths before and after: made smaller, larger, one of each, from one pixel, and left alone.
SIZES = [
    pytest.param((37, 53), (16, 23), id="smaller"),
    pytest.param((9, 7), (31, 18), id="larger"),
    pytest.param((40, 6), (17, 25), id="lower and wider"),
    pytest.param((1, 1), (3, 5), id="from one pixel"),
    pytest.param((32, 48), (16, 24), id="half"),
    pytest.param((12, 10), (12, 10), id="as it is"),
]


def noise(height: int, width: int, channels: int = 3) -> Array:
    """A photograph of which no two pixels are alike."""
    return np.random.default_rng(height * width).integers(0, 256, (height, width, channels), np.uint8)


def _at(points: Array, line: Array) -> Array:
    return np.asarray(np.interp(points, np.arange(line.size), line))


def textbook(pixels: Array, size: tuple[int, int], offset: float) -> Array:
    """Bilinear in float64, by values at points: the first pixel of the result lies `offset` of its width inside."""
    for axis, length in enumerate(size):
        before = pixels.shape[axis]
        points = (np.arange(length) + offset) * before / length - offset
        pixels = np.apply_along_axis(partial(_at, points), axis, pixels)
    return pixels


@pytest.mark.parametrize(("before", "after"), SIZES)
@pytest.mark.parametrize("channels", [1, 3], ids=["grey", "colour"])
def test_opencv_stands_within_its_integers_of_a_textbook(
    before: tuple[int, int], after: tuple[int, int], channels: int
) -> None:
    """Its weights are 2048ths, and it cuts off two fractions of a quarter: at most one of 255 from the right value."""
    pixels = noise(*before, channels)
    photograph = Image.fromarray(pixels if channels == 3 else pixels[..., 0])
    scaled = resample(photograph, *after, Preprocessing(resampler="opencv"))
    assert (scaled.shape, scaled.dtype.name) == ((*after, channels), "uint8")
    assert np.abs(scaled - textbook(pixels, after, 0.5)).max() < 1


@pytest.mark.parametrize(("before", "after"), SIZES)
def test_tensorflow1_is_a_textbooks_from_corner_to_corner(before: tuple[int, int], after: tuple[int, int]) -> None:
    pixels = noise(*before)
    scaled = resample(Image.fromarray(pixels), *after, Preprocessing(resampler="tensorflow1"))
    assert (scaled.shape, scaled.dtype.name) == ((*after, 3), "float32")
    np.testing.assert_allclose(scaled, textbook(pixels, after, 0.0), rtol=0, atol=2e-3)  # points are float32's


# What `cv2.resize` of opencv-python-headless 5.0.0 gave.
OPENCV = {
    "a row made longer": ([[0, 255]], (1, 8), [[0, 0, 32, 96, 159, 223, 255, 255]]),
    "a column made longer": ([[0], [255]], (8, 1), [[0], [0], [32], [96], [159], [223], [255], [255]]),
    "a square made smaller": (
        [[10, 21, 32, 43, 54], [65, 76, 87, 98, 109], [120, 131, 142, 153, 164]],
        (2, 3),
        [[27, 46, 64], [110, 128, 146]],
    ),
    "one row made two, of which each counts the one twice": ([[127, 146]], (2, 3), [[127, 136, 146]] * 2),
}


@pytest.mark.parametrize("case", OPENCV.values(), ids=OPENCV)
def test_opencv_rounds_as_its_own_code_did(case: tuple[list[list[int]], tuple[int, int], list[list[int]]]) -> None:
    before, size, expected = case
    scaled = resample(Image.fromarray(np.array(before, np.uint8)), *size, Preprocessing(resampler="opencv"))
    np.testing.assert_array_equal(scaled[..., 0], expected)


# TensorFlow's own code, in a process of its own.
TENSORFLOW = """
import sys
import numpy as np
import tensorflow as tf

with np.load(sys.argv[1]) as cases:
    scaled = {name: tf.compat.v1.image.resize_bilinear(cases[name][None], [100, 77])[0].numpy() for name in cases}
np.savez(sys.argv[2], **scaled)
"""


@pytest.mark.thorough
def test_tensorflows_own_code_does_the_same(tmp_path: Path) -> None:
    cases = {"smaller": noise(301, 203), "larger": noise(60, 50)}
    np.savez(tmp_path / "cases.npz", smaller=cases["smaller"], larger=cases["larger"])
    command: list[str | Path] = [
        sys.executable,
        "-P",
        "-c",
        TENSORFLOW,
        tmp_path / "cases.npz",
        tmp_path / "scaled.npz",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ours = [resample(Image.fromarray(cases[name]), 100, 77, Preprocessing(resampler="tensorflow1")) for name in cases]
    with np.load(tmp_path / "scaled.npz") as theirs:
        # One rounding of float32: whether a product and a sum are rounded together depends on the processor.
        np.testing.assert_allclose(ours, [theirs[name] for name in cases], rtol=0, atol=3.1e-5)


@pytest.mark.parametrize("resampler", ["opencv", "tensorflow1"])
@pytest.mark.parametrize("interpolation", ["nearest", "bicubic"])
def test_what_a_resampler_does_not_have_here_is_refused(resampler: str, interpolation: str) -> None:
    rule = Preprocessing(interpolation=interpolation, resampler=resampler)  # type: ignore[arg-type]
    with pytest.raises(BadInput) as caught:
        resample(Image.fromarray(noise(4, 4)), 2, 2, rule)
    assert str(caught.value) == (
        f"The preprocessing asks for {interpolation} interpolation by {resampler}, which is here for bilinear alone;"
        " expected that, or the resampler pillow."
    )
