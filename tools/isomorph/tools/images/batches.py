"""Many images, a few at a time: files, folders and arrays as batches that fit in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.spec import Architecture, BadInput
from isomorph.tools.images.images import check_form, check_pixels, formats, is_array, read_array, read_images

Array = npt.NDArray[Any]

MOST_IMAGES = 32
MOST_PIXELS = MOST_IMAGES * 224 * 224
"""Of a batch; larger images come in smaller batches."""


@dataclass(frozen=True)
class Batches:
    """Images for `architecture`, read when they are asked for.

    names: of each image, for people: its file, or `[3]` behind that of an array.
    size: height and width of all.
    paths: of each, where they are photographs.
    array: [N, H, W, C], where they are not; it may be mapped from a file. source: what it is called.
    """

    architecture: Architecture
    names: tuple[str, ...]
    size: tuple[int, int]
    paths: tuple[Path, ...] = ()
    array: Array | None = None
    source: str = ""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """[N, H, W, C] of all together."""
        return (len(self.names), *self.size, self.architecture.in_channels)

    @property
    def most(self) -> int:
        """How many are read at a time."""
        height, width = self.size
        return min(len(self.names), max(1, min(MOST_IMAGES, MOST_PIXELS // (height * width))))

    def __iter__(self) -> Iterator[tuple[range, Array]]:
        """Which of the images, and those [n, H, W, C] in float32. Raises BadInput as `read_images` does."""
        for start in range(0, len(self.names), self.most):
            some = range(start, min(start + self.most, len(self.names)))
            if self.array is None:
                yield some, read_images(self.paths[start : some.stop], self.architecture, self.size)
            else:
                yield some, check_pixels(self.array[start : some.stop], self.source, self.architecture)


def find_images(
    images: Sequence[str | Path] | Array, architecture: Architecture, size: tuple[int, int] | None = None
) -> Batches:
    """The images that are meant, in order, for `architecture` and of `size` or the zoo's own.

    images: an array [N, H, W, C], or paths of photographs, of folders, or of one `.npy`. A folder stands for the image
    files in it, hidden ones aside, by suffix and sorted by name; not for what its own folders hold.
    Raises BadInput for what is not there, for a folder without images, and for an array that does not fit.
    """
    if isinstance(images, np.ndarray):
        return _from_array(images, "The given array", architecture, size)
    if not images:
        raise BadInput("No image was given; expected photographs, folders of them, or one .npy array.")
    if is_array(images):
        return _from_array(read_array(Path(images[0])), str(images[0]), architecture, size)
    paths = tuple(path for given in images for path in _photographs(Path(given)))
    return Batches(architecture, tuple(map(str, paths)), size or architecture.convention.preprocessing.size, paths)


def _from_array(array: Array, source: str, architecture: Architecture, size: tuple[int, int] | None) -> Batches:
    check_form(array, source, architecture, size)
    count, height, width, _ = array.shape
    names = tuple(f"{source}[{index}]" for index in range(count))
    return Batches(architecture, names, (height, width), array=array, source=source)


def _photographs(path: Path) -> list[Path]:
    """The photographs in a folder, or the one that `path` itself is."""
    if not path.exists():
        raise BadInput(f"There is no file {path}.")
    if not path.is_dir():
        return [path]
    try:
        inside = sorted(path.iterdir())
    except OSError as error:
        raise BadInput(f"The folder {path} cannot be read: {error.strerror}.") from None
    found = [each for each in inside if each.suffix.lower() in formats() and not each.name.startswith(".")]
    found = [each for each in found if each.is_file()]
    if not found:
        raise BadInput(f"The folder {path} holds no images; expected files such as .jpg or .png in it.")
    return found
