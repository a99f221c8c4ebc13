"""How a photograph becomes the network's input, as data; `isomorph.tools.images.images` carries it out."""

from dataclasses import dataclass, replace
from math import floor
from typing import Any, Literal, Self

# How zoos put values 0..255 on the scale that their networks were trained on, under the names that
# keras/src/applications/imagenet_utils.py gave three of them. Each is a few fields of `Preprocessing`.
NORMALISATIONS: dict[str, dict[str, Any]] = {
    "caffe": {"channels": "BGR", "mean": (103.939, 116.779, 123.68), "std": (1.0, 1.0, 1.0)},
    # The mean and deviation of ImageNet on the scale 0..1: 0.485, 0.456, 0.406 and 0.229, 0.224, 0.225.
    "torch": {
        "channels": "RGB",
        "mean": tuple(255 * mean for mean in (0.485, 0.456, 0.406)),
        "std": tuple(255 * std for std in (0.229, 0.224, 0.225)),
    },
    "tf": {"channels": "RGB", "mean": (127.5,) * 3, "std": (127.5,) * 3},  # -1..1
    "unit": {"channels": "RGB", "mean": (0.0,) * 3, "std": (255.0,) * 3},  # 0..1
    "none": {"channels": "RGB", "mean": (0.0,) * 3, "std": (1.0,) * 3},  # 0..255
}


@dataclass(frozen=True)
class Preprocessing:
    """How to prepare a photograph: geometry, then `(value - mean) / std` on values 0..255.

    fit: "crop" scales a photograph until its shorter side is `resize` long and cuts out the middle; "stretch" scales
        both sides to `size`, without keeping its proportions.
    resize: the shorter side before the crop, in pixels; None takes `size`. It has no meaning for "stretch".
    size: height and width of what reaches the network, in pixels.
    interpolation: Pillow's name of the resampling filter.
    channels: "RGB" or "BGR", the order in which the network expects them.
    mean, std: per channel, in that order, on the scale 0..255.
    central_fraction: the share of both sides of a photograph, from the middle, that is used at all, rounded as by
        `tf.image.central_crop`; 1 is all.
    resampler: whose way of scaling. "pillow" widens the filter where it makes a photograph smaller, so that no pixel is
        skipped (antialiasing); "opencv" takes the neighbours of each point and skips what lies between; both lay the
        centre of the first pixel at half of a pixel and give whole numbers. "tensorflow1" (`resize_bilinear` without
        align_corners or half_pixel_centers) skips, too, lays the first pixel at the corner, half of a pixel further up
        and left, and keeps fractions. These two have "bilinear" alone.
    longer_side: whether the longer side, which is seldom a whole number once a photograph is scaled for its crop, is
        cut to one ("floor") or rounded to the nearest, halves to the even one ("round").
    crop_offset: how the offset of the crop is rounded where the same number of pixels cannot go on both sides.

    >>> Preprocessing(resize=None, size=(32, 32)).normalised("torch").mean
    (123.675, 116.28, 103.53)
    """

    fit: Literal["crop", "stretch"] = "crop"
    resize: int | None = 256
    size: tuple[int, int] = (224, 224)
    interpolation: Literal["bilinear", "bicubic", "nearest"] = "bilinear"
    channels: Literal["RGB", "BGR"] = "RGB"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (255.0, 255.0, 255.0)
    central_fraction: float = 1.0
    resampler: Literal["pillow", "opencv", "tensorflow1"] = "pillow"
    longer_side: Literal["floor", "round"] = "floor"
    crop_offset: Literal["floor", "round"] = "round"

    def normalised(self, name: str) -> Self:
        """Return the same geometry with channels, mean and std of one of NORMALISATIONS.

        >>> caffe = Preprocessing().normalised("caffe")
        >>> caffe.channels, caffe.mean, caffe.std
        ('BGR', (103.939, 116.779, 123.68), (1.0, 1.0, 1.0))
        """
        return replace(self, **NORMALISATIONS[name])


OF_CROPS = frozenset({"resize", "longer_side", "crop_offset"})
"""The fields of `Preprocessing` that have no meaning where photographs are stretched."""


def centre_crop(preprocessing: Preprocessing, side: int, share: float) -> Preprocessing:
    """Return `preprocessing` with a square crop of `side` pixels, which is a `share` of the resized shorter side.

    The shorter side is rounded down, as in timm (data/transforms_factory.py) and transformers
    (ConvNextImageProcessor). share: above 0.

    >>> cropped = centre_crop(Preprocessing(), side=288, share=0.95)
    >>> cropped.resize, cropped.size
    (303, (288, 288))
    """
    return replace(preprocessing, fit="crop", resize=floor(side / share), size=(side, side))
