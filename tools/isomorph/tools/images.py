"""Images in: arrays as they are, photographs through the zoo's own preprocessing."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from isomorph.conformance.cases import check_images
from isomorph.spec import Architecture, BadInput, Preprocessing

Array = npt.NDArray[Any]

MOST_PIXELS = 1 << 27
"""Of a photograph once it is scaled, 400 MB in memory; a strip of one pixel's height would be far more."""

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def read_images(paths: Sequence[str | Path], architecture: Architecture, size: tuple[int, int] | None = None) -> Array:
    """[N, H, W, C] float32, for `architecture`, from one `.npy` file or from photographs.

    A `.npy` file holds [N, H, W, C] or [H, W, C] numbers that are the network's input already. Photographs, of any
    format that Pillow reads, go through the architecture's preprocessing, cropped to `size` or to the zoo's own.
    Raises BadInput for what is neither, or does not fit the architecture.
    """
    if any(Path(path).suffix == ".npy" for path in paths):
        if len(paths) > 1:
            raise BadInput(f"{len(paths)} image files hold an .npy array among them; give one .npy or photographs.")
        images = _read_array(Path(paths[0]))
    else:
        images = np.stack([_read_photograph(Path(path), architecture, size) for path in paths])
    return check_pixels(images, str(paths[0]), architecture, size)


def check_pixels(images: Array, source: str, architecture: Architecture, size: tuple[int, int] | None = None) -> Array:
    """`images` in float32. Raises BadInput unless they are finite numbers [N, H, W, C] that `architecture` takes."""
    if images.dtype.kind not in "fiub":
        raise BadInput(f"{source} holds {images.dtype}; expected numbers.")
    channels = architecture.in_channels
    if images.ndim != 4 or images.shape[3] != channels or 0 in images.shape:
        raise BadInput(
            f"{source} is of shape {list(images.shape)}; {architecture.name} expects [batch, height, width,"
            f" {channels}]."
        )
    if size and tuple(images.shape[1:3]) != size:
        raise BadInput(
            f"{source} holds images of {images.shape[1]}x{images.shape[2]}, not of the {size[0]}x{size[1]} asked for."
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused as that
        narrow = np.asarray(images, np.float32)
    check_images(narrow, source)
    return narrow


def _read_array(path: Path) -> Array:
    try:
        # Mapped: a header that promises more than the file holds must not take memory.
        array = np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.") from None
    except Exception as error:  # a hostile header is Python text, and NumPy passes on whatever parsing that raises
        reason = error.strerror if isinstance(error, OSError) else f"{error}".partition("\n")[0]
        raise BadInput(f"{path} is not a NumPy array that can be read: {str(reason).rstrip('.')}.") from None
    return array[None] if array.ndim == 3 else array


def _read_photograph(path: Path, architecture: Architecture, size: tuple[int, int] | None) -> Array:
    rule = architecture.convention.preprocessing
    channels = architecture.in_channels
    mode = {1: "L", 3: "RGB"}.get(channels)
    if mode is None or len(rule.mean) != channels:
        raise BadInput(
            f"{path} is a photograph, and the preprocessing of {architecture.name} is not for {channels} channels; give"
            " an .npy array."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                photograph = opened.convert(mode)
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.") from None
    except Exception as error:  # Pillow's decoders raise what comes of a damaged file
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise BadInput(f"{path} is not a photograph that can be read: {str(reason).rstrip('.')}.") from None
    if 0 in photograph.size:
        raise BadInput(f"{path} is a photograph without pixels.")
    pixels = np.asarray(_crop(photograph, path, rule, size), np.float64)
    return normalise(pixels.reshape(*pixels.shape[:2], channels), rule)


def normalise(pixels: Array, rule: Preprocessing) -> Array:
    """(value - mean) / std on [H, W, C] values 0..255 in RGB order, in the order that the network expects; float32."""
    if rule.channels == "BGR":
        pixels = pixels[..., ::-1]
    return np.asarray((pixels - np.array(rule.mean)) / np.array(rule.std), np.float32)


def _crop(photograph: Image.Image, path: Path, rule: Preprocessing, size: tuple[int, int] | None) -> Image.Image:
    """Scale until the crop keeps its share of the shorter side, then cut out the middle, as torchvision rounds both."""
    height, width = size or (rule.crop, rule.crop)
    shorter = round(max(height, width) * (rule.resize or rule.crop) / rule.crop)
    across, down = (shorter * side // min(photograph.size) for side in photograph.size)
    if across * down > MOST_PIXELS:
        raise BadInput(
            f"{path} is a photograph of {photograph.height}x{photograph.width} pixels (height x width), which scaled to"
            f" a shorter side of {shorter} would be {across * down:,}; at most {MOST_PIXELS:,} are expected."
        )
    photograph = photograph.resize((across, down), _FILTERS[rule.interpolation])
    left, top = round((across - width) / 2), round((down - height) / 2)
    return photograph.crop((left, top, left + width, top + height))
