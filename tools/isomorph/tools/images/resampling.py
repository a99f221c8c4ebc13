"""Scaling photographs as the library does that a zoo's own pipeline calls: Pillow, OpenCV or TensorFlow 1.

OpenCV and TensorFlow are not called, as neither is needed for anything else: what they do to 8-bit values is repeated
here in their own arithmetic, so that the values are the same and not only alike.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from isomorph.spec import BadInput, Preprocessing

Array = npt.NDArray[Any]

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}

COEFFICIENT_BITS = 11
"""OpenCV's weights are whole 2048ths: modules/imgproc/src/resize.cpp, `INTER_RESIZE_COEF_BITS`."""


def check_resampler(rule: Preprocessing) -> None:
    """Raise BadInput for an interpolation that the resampler does not have here."""
    if rule.resampler != "pillow" and rule.interpolation != "bilinear":
        raise BadInput(
            f"The preprocessing asks for {rule.interpolation} interpolation by {rule.resampler}, which is here for"
            " bilinear alone; expected that, or the resampler pillow."
        )


def resample(photograph: Image.Image, height: int, width: int, rule: Preprocessing) -> Array:
    """[height, width, C] values 0..255 of an "RGB" or "L" photograph: uint8, or float32 of "tensorflow1".

    Raises BadInput as `check_resampler` does.
    """
    check_resampler(rule)
    if rule.resampler == "pillow":
        scaled = np.asarray(photograph.resize((width, height), FILTERS[rule.interpolation]))
        return scaled.reshape(height, width, -1)
    bilinear: Callable[[Array, int, int], Array] = _opencv if rule.resampler == "opencv" else _tensorflow1
    return bilinear(np.asarray(photograph).reshape(photograph.height, photograph.width, -1), height, width)


def _opencv(pixels: Array, height: int, width: int) -> Array:
    """`cv2.resize` of uint8 with INTER_LINEAR, bit for bit those of 5.0: resize.cpp, `resizeGeneric_`.

    Rows are summed before columns; the shifts are those of `VResizeLinear`, which sums the upper 16 bits of products.
    """
    left, right, from_left, from_right = _opencv_taps(pixels.shape[1], width, within=True)
    above, below, from_above, from_below = _opencv_taps(pixels.shape[0], height, within=False)

    def rows(numbers: Array) -> Array:
        taken = pixels[numbers].astype(np.int32)
        return (taken[:, left] * from_left[:, None] + taken[:, right] * from_right[:, None]) >> 4

    upper = (from_above[:, None, None] * rows(above)) >> 16
    lower = (from_below[:, None, None] * rows(below)) >> 16
    return np.asarray((upper + lower + 2) >> 2, np.uint8)


def _opencv_taps(before: int, after: int, *, within: bool) -> tuple[Array, Array, Array, Array]:
    """Of each new pixel along one axis, its two old neighbours and their weights in 2048ths.

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


def _tensorflow1(pixels: Array, height: int, width: int) -> Array:
    """`tf.compat.v1.image.resize_bilinear` in float32: core/kernels/image/resize_bilinear_op.cc, `compute_lerp`."""
    left, right, across = _tensorflow1_taps(pixels.shape[1], width)
    above, below, down = _tensorflow1_taps(pixels.shape[0], height)

    def rows(numbers: Array) -> Array:
        taken = pixels[numbers].astype(np.float32)
        return taken[:, left] + (taken[:, right] - taken[:, left]) * across[:, None]

    upper, lower = rows(above), rows(below)
    return np.asarray(upper + (lower - upper) * down[:, None, None])


def _tensorflow1_taps(before: int, after: int) -> tuple[Array, Array, Array]:
    """Of each new pixel along one axis, its two old neighbours and how far it is from the first to the second."""
    points = np.arange(after, dtype=np.float32) * (np.float32(before) / np.float32(after))
    first = np.floor(points)
    second = np.minimum(first + 1, before - 1)
    return first.astype(np.intp), second.astype(np.intp), points - first
