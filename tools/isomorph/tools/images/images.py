"""Read images: arrays as they are, photographs through the zoo's own preprocessing.

A photograph is not rotated by its EXIF orientation, as zoos' own pipelines do not do that either. Of several frames the
first is taken.
"""

import warnings
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from isomorph.conformance.cases import check_images
from isomorph.spec import Architecture, BadInput, Preprocessing
from isomorph.spec.input_files import open_input
from isomorph.tools.images.resampling import Pixels, check_resampler, resample

Images = npt.NDArray[np.float32]
"""[N, H, W, C], finite, as a network takes them."""

AnyImages = npt.NDArray[Any]
"""[N, H, W, C] in any dtype, as users give them."""

MOST_PIXELS = 1 << 27
"""The most pixels of a scaled photograph, 400 MB in memory; scaling a strip one pixel high could give far more."""

MOST_BYTES = 1 << 28
"""The most bytes of a photograph from a pipe, which is read into memory as a whole."""

# Greyscale and colour are never converted into one another silently. Palettes count as colour, whatever is in them.
_GREY = {"1", "L", "LA", "I;16", "I;16B", "I;16L", "I;16N", "I", "F"}
_DEEP = {"I;16", "I;16B", "I;16L", "I;16N", "I", "F"}  # not 0..255

# What Pillow opens and cannot draw, or hands to another program: Ghostscript runs what an EPS file says.
_NO_PHOTOGRAPHS = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}


def read_images(paths: Sequence[str | Path], architecture: Architecture, size: tuple[int, int] | None = None) -> Images:
    """Read images for `architecture` from one `.npy` file or from photographs.

    >>> from isomorph.spec import architecture
    >>> from isomorph.tools.images.images import read_images
    >>> images = read_images(["photograph.png"], architecture("cifar/resnet20"))
    >>> images.shape, images.dtype
    ((1, 32, 32, 3), dtype('float32'))

    A `.npy` file holds [N, H, W, C] or [H, W, C] numbers that are the network's input already. Photographs, of any
    format that Pillow decodes by itself, go through the architecture's preprocessing, to `size` or the zoo's own. A
    network of three channels takes colour: RGB, RGBA, palettes, CMYK and whatever else Pillow converts to RGB. A
    network of one channel takes greyscale of up to 8 bits. Alpha has to be opaque everywhere, as there is no
    background to choose.
    Raises BadInput for files that are neither, or do not fit the architecture.
    """
    if is_array(paths):
        images = read_array(Path(paths[0]))
    else:
        images = np.stack([_read_photograph(Path(path), architecture, size) for path in paths])
    return check_pixels(images, str(paths[0]), architecture, size)


def is_array(paths: Sequence[str | Path]) -> bool:
    """Tell whether the paths are one `.npy` file, and no photographs. Raises BadInput for one among others."""
    if not any(Path(path).suffix == ".npy" for path in paths):
        return False
    if len(paths) > 1:
        raise BadInput(f"{len(paths)} image files hold an .npy array among them; give one .npy or photographs.")
    return True


@cache
def formats() -> dict[str, str]:
    """Return suffix, in lower case -> Pillow's name of the format, of all photographs that can be read."""
    registered = Image.registered_extensions()  # imports the plugins of all formats first
    return {suffix: name for suffix, name in registered.items() if name in Image.OPEN and name not in _NO_PHOTOGRAPHS}


def check_pixels(
    images: AnyImages, source: str, architecture: Architecture, size: tuple[int, int] | None = None
) -> Images:
    """Return `images` in float32. Raises BadInput unless they are finite and `architecture` takes them."""
    check_form(images, source, architecture, size)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused as such
        narrow = np.asarray(images, np.float32)
    check_images(narrow, source)
    return narrow


def check_form(images: AnyImages, source: str, architecture: Architecture, size: tuple[int, int] | None = None) -> None:
    """Raise BadInput unless `images` have the shape and a dtype that `architecture` takes, whatever their values."""
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


def read_array(path: Path) -> AnyImages:
    """Map the array in a `.npy` file; one of rank 3 becomes a batch of one. Raises BadInput if there is none."""
    try:
        # Mapped: a header that promises more than the file holds must not take memory.
        with open_input(path):
            array = np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.") from None
    except Exception as error:  # a hostile header is Python text, and NumPy passes on whatever parsing that raises
        reason = error.strerror if isinstance(error, OSError) else f"{error}".partition("\n")[0]
        raise BadInput(f"{path} is not a NumPy array that can be read: {str(reason).rstrip('.')}.") from None
    return array[None] if array.ndim == 3 else array


def _read_photograph(path: Path, architecture: Architecture, size: tuple[int, int] | None) -> Pixels:
    rule = architecture.convention.preprocessing
    channels = architecture.in_channels
    if channels not in (1, 3) or {len(rule.mean), len(rule.std)} != {channels}:
        raise BadInput(
            f"{path} is a photograph, and the preprocessing of {architecture.name} is not for {channels} channels; give"
            " an .npy array."
        )
    check_resampler(rule)
    return normalise(_crop(_converted(_open(path), path, architecture), path, rule, size), rule)


def _open(path: Path) -> Image.Image:
    """Decode the photograph in a file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with (
                open_input(path, MOST_BYTES) as file,
                Image.open(file, formats=sorted(set(formats().values()))) as opened,
            ):
                opened.load()
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.") from None
    except UnidentifiedImageError:
        raise BadInput(f"{path} is not a photograph that can be read: it is of no format that Pillow knows.") from None
    except Exception as error:  # Pillow's decoders raise what comes of a damaged file
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise BadInput(f"{path} is not a photograph that can be read: {str(reason).rstrip('.')}.") from None
    if 0 in opened.size:
        raise BadInput(f"{path} is a photograph without pixels.")
    return opened


def _converted(photograph: Image.Image, path: Path, architecture: Architecture) -> Image.Image:
    """Return the photograph in the mode that the network takes, "L" or "RGB"; no channel is added or lost."""
    actual, expected = ("greyscale", "colour") if photograph.mode in _GREY else ("colour", "greyscale")
    mode = "RGB" if architecture.in_channels == 3 else "L"
    if (photograph.mode in _GREY) != (mode == "L"):
        raise BadInput(
            f"{path} is a {actual} photograph (mode {photograph.mode}) and {architecture.name} expects {expected};"
            f" convert it to {'RGB' if mode == 'RGB' else '8-bit greyscale'} first."
        )
    if photograph.mode in _DEEP:
        raise BadInput(
            f"{path} is a greyscale photograph of more than 8 bits (mode {photograph.mode}); convert it to 8-bit"
            " greyscale first."
        )
    if photograph.has_transparency_data:
        photograph = photograph.convert("RGBA")
        if photograph.getchannel("A").getextrema() != (255, 255):
            raise BadInput(
                f"{path} is a photograph that is transparent in places, and what stands behind it is not said; put it"
                " on a background first."
            )
    return photograph.convert(mode)


def normalise(pixels: Pixels, rule: Preprocessing) -> npt.NDArray[np.float32]:
    """Return (value - mean) / std, [H, W, C], with channels in the order that the network expects."""
    if rule.channels == "BGR":
        pixels = pixels[..., ::-1]
    return np.asarray((pixels - np.array(rule.mean)) / np.array(rule.std), np.float32)


def shorter_side(rule: Preprocessing, size: tuple[int, int]) -> int:
    """Return the length in pixels to which "crop" scales the shorter side, so that a crop to `size` keeps its share."""
    return round(max(size) * (rule.resize or max(rule.size)) / max(rule.size))


def _crop(photograph: Image.Image, path: Path, rule: Preprocessing, size: tuple[int, int] | None) -> Pixels:
    """Stretch a photograph, or scale its shorter side and cut out the middle."""
    whole, photograph = photograph.size, _middle(photograph, rule.central_fraction)
    height, width = size or rule.size
    across, down = width, height
    if rule.fit == "crop":
        shorter = shorter_side(rule, (height, width))
        across, down = (_scaled(side, shorter, min(photograph.size), rule) for side in photograph.size)
    if across * down > MOST_PIXELS:
        raise BadInput(
            f"{path} is a photograph of {whole[1]}x{whole[0]} pixels (height x width), which would be"
            f" scaled to {down}x{across}; at most {MOST_PIXELS:,} pixels are expected."
        )
    pixels = resample(photograph, down, across, rule)
    return _cut(_cut(pixels, height, 0, rule), width, 1, rule)


def _scaled(side: int, shorter: int, shorter_before: int, rule: Preprocessing) -> int:
    """Return the length of a side once the shorter one is scaled to `shorter`."""
    if rule.longer_side == "floor":
        return shorter * side // shorter_before
    return round(Fraction(shorter * side, shorter_before))


def _cut(pixels: Pixels, length: int, axis: int, rule: Preprocessing) -> Pixels:
    """Cut out the middle of an axis, padded with black where it is too short."""
    over = pixels.shape[axis] - length
    start = over // 2 if rule.crop_offset == "floor" else round(over / 2)
    around = [(0, 0)] * pixels.ndim
    around[axis] = (max(0, -start), max(0, start - over))
    return np.pad(pixels, around).take(range(max(0, start), max(0, start) + length), axis)


def _middle(photograph: Image.Image, fraction: float) -> Image.Image:
    """Cut off the same whole number of pixels on both sides, as `tf.image.central_crop` does; one is always left."""
    left, top = (min(int((side - side * fraction) / 2), (side - 1) // 2) for side in photograph.size)
    return photograph.crop((left, top, photograph.width - left, photograph.height - top))
