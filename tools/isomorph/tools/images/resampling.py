"""Scale photographs as the library of a zoo's own pipeline does: Pillow, OpenCV or TensorFlow 1.

OpenCV and TensorFlow are not needed for anything else, and not called: their arithmetic on 8-bit values is repeated
here, so that the values are the same bit for bit.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from isomorph.spec import BadInput, Preprocessing

Indices = npt.NDArray[np.intp]
"""[pixels along one axis]."""

Weights = npt.NDArray[Any]
"""[pixels along one axis], int32 or float32."""

Pixels = npt.NDArray[Any]
"""[H, W, C] values 0..255."""

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}

COEFFICIENT_BITS = 11
"""OpenCV's weights are whole 2048ths: modules/imgproc/src/resize.cpp, `INTER_RESIZE_COEF_BITS`."""


def check_resampler(rule: Preprocessing) -> None:
    """Raise BadInput for an interpolation that is not implemented here for the resampler."""
    if rule.resampler != "pillow" and rule.interpolation != "bilinear":
        raise BadInput(
            f"The preprocessing asks for {rule.interpolation} interpolation by {rule.resampler}, which is here for"
            " bilinear alone; expected that, or the resampler pillow."
        )


def resample(photograph: Image.Image, height: int, width: int, rule: Preprocessing) -> Pixels:
    """Scale an "RGB" or "L" photograph to [height, width, C] values 0..255: uint8, or float32 for "tensorflow1".

    Raises BadInput as `check_resampler` does.
    """
    check_resampler(rule)
    if rule.resampler == "pillow":
        scaled = np.asarray(photograph.resize((width, height), FILTERS[rule.interpolation]))
        return scaled.reshape(height, width, -1)
    bilinear: Callable[[Pixels, int, int], Pixels] = _opencv if rule.resampler == "opencv" else _tensorflow1
    return bilinear(np.asarray(photograph).reshape(photograph.height, photograph.width, -1), height, width)


def _opencv(pixels: Pixels, height: int, width: int) -> Pixels:
    """Scale as `cv2.resize` of uint8 does with INTER_LINEAR, bit for bit as 5.0: resize.cpp, `resizeGeneric_`.

    Rows are summed before columns; the shifts are those of `VResizeLinear`, which sums the upper 16 bits of products.
    """
    left, right, from_left, from_right = _opencv_taps(pixels.shape[1], width, within=True)
    above, below, from_above, from_below = _opencv_taps(pixels.shape[0], height, within=False)

    def rows(indices: Indices) -> Pixels:
        selected = pixels[indices].astype(np.int32)
        return (selected[:, left] * from_left[:, None] + selected[:, right] * from_right[:, None]) >> 4

    upper = (from_above[:, None, None] * rows(above)) >> 16
    lower = (from_below[:, None, None] * rows(below)) >> 16
    return np.asarray((upper + lower + 2) >> 2, np.uint8)


def _opencv_taps(before: int, after: int, *, within: bool) -> tuple[Indices, Indices, Weights, Weights]:
    """Return each new pixel's two old neighbours along one axis, and their weights in 2048ths.

    within: whether a point beyond the outermost centres has the weights of that centre. It does along rows; along
        columns the same pixel counts twice, by weights that are rounded apart.
    """
    points = ((np.arange(after) + 0.5) * (before / after) - 0.5).astype(np.float32)
    first = np.floor(points)
    beyond = points - first
    if within:
        beyond[(first < 0) | (first >= before - 1)] = 0
    weights = (np.rint(share * (1 << COEFFICIENT_BITS)).astype(np.int32) for share in (1 - beyond, beyond))
    neighbours = (np.clip(first + step, 0, before - 1).astype(np.intp) for step in (0, 1))
    return (*neighbours, *weights)


def _tensorflow1(pixels: Pixels, height: int, width: int) -> Pixels:
    """Scale in float32 as TensorFlow 1 does bilinearly: core/kernels/image/resize_bilinear_op.cc, `compute_lerp`."""
    left, right, across = _tensorflow1_taps(pixels.shape[1], width)
    above, below, down = _tensorflow1_taps(pixels.shape[0], height)

    def rows(indices: Indices) -> Pixels:
        selected = pixels[indices].astype(np.float32)
        return selected[:, left] + (selected[:, right] - selected[:, left]) * across[:, None]

    upper, lower = rows(above), rows(below)
    return np.asarray(upper + (lower - upper) * down[:, None, None])


def _tensorflow1_taps(before: int, after: int) -> tuple[Indices, Indices, Weights]:
    """Return each new pixel's two old neighbours along one axis, and its distance from the first of them."""
    points = np.arange(after, dtype=np.float32) * (np.float32(before) / np.float32(after))
    first = np.floor(points)
    second = np.minimum(first + 1, before - 1)
    return first.astype(np.intp), second.astype(np.intp), points - first
