"""Read many images, a few at a time: files, folders and arrays as batches that fit in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isomorph.spec import Architecture, BadInput
from isomorph.tools.images.images import (
    AnyImages,
    Images,
    check_form,
    check_pixels,
    formats,
    is_array,
    read_array,
    read_images,
)

MOST_IMAGES = 32
MOST_PIXELS = MOST_IMAGES * 224 * 224
"""The most pixels of a batch; larger images come in smaller batches."""


@dataclass(frozen=True)
class Batches:
    """Images for `architecture`, which are read while iterating.

    names: each image's name for people: its file, or that of an array and its index, `x.npy[3]`.
    size: height and width of all images.
    paths: the files of photographs; empty for an array.
    array: [N, H, W, C], possibly mapped from a file; None for photographs. source: the array's name.
    """

    architecture: Architecture
    names: tuple[str, ...]
    size: tuple[int, int]
    paths: tuple[Path, ...] = ()
    array: AnyImages | None = None
    source: str = ""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """[N, H, W, C] of all images together."""
        return (len(self.names), *self.size, self.architecture.in_channels)

    @property
    def most(self) -> int:
        """How many images a batch holds at most."""
        height, width = self.size
        return min(len(self.names), max(1, min(MOST_IMAGES, MOST_PIXELS // (height * width))))

    def __iter__(self) -> Iterator[tuple[range, Images]]:
        """Yield the indices and the images of each batch. Raises BadInput as `read_images` does."""
        for start in range(0, len(self.names), self.most):
            indices = range(start, min(start + self.most, len(self.names)))
            if self.array is None:
                yield indices, read_images(self.paths[start : indices.stop], self.architecture, self.size)
            else:
                yield indices, check_pixels(self.array[start : indices.stop], self.source, self.architecture)


def find_images(
    images: Sequence[str | Path] | AnyImages, architecture: Architecture, size: tuple[int, int] | None = None
) -> Batches:
    """Find images for `architecture`, in order, without reading photographs yet.

    >>> from isomorph.spec import architecture
    >>> from isomorph.tools.images.batches import find_images
    >>> batches = find_images(["photograph.png"], architecture("cifar/resnet20"))
    >>> batches.names, batches.shape
    (('photograph.png',), (1, 32, 32, 3))

    images: an array [N, H, W, C], or paths of photographs, of folders, or of one `.npy`. A folder stands for the files
        in it with an image's suffix, sorted by name, without hidden ones and without folders.
    size: (height, width); None takes the zoo's own.
    Raises BadInput for a missing file, a folder without images, and an array that does not fit.
    """
    if isinstance(images, np.ndarray):
        return _from_array(images, "The given array", architecture, size)
    if not images:
        raise BadInput("No image was given; expected photographs, folders of them, or one .npy array.")
    if is_array(images):
        return _from_array(read_array(Path(images[0])), str(images[0]), architecture, size)
    paths = tuple(photograph for path in images for photograph in _photographs(Path(path)))
    return Batches(architecture, tuple(map(str, paths)), size or architecture.convention.preprocessing.size, paths)


def _from_array(array: AnyImages, source: str, architecture: Architecture, size: tuple[int, int] | None) -> Batches:
    check_form(array, source, architecture, size)
    count, height, width, _ = array.shape
    names = tuple(f"{source}[{index}]" for index in range(count))
    return Batches(architecture, names, (height, width), array=array, source=source)


def _photographs(path: Path) -> list[Path]:
    """Return the photographs in a folder, or `path` itself if it is a file."""
    if not path.exists():
        raise BadInput(f"There is no file {path}.")
    if not path.is_dir():
        return [path]
    try:
        inside = sorted(path.iterdir())
    except OSError as error:
        raise BadInput(f"The folder {path} cannot be read: {error.strerror}.") from None
    photographs = [each for each in inside if each.suffix.lower() in formats() and not each.name.startswith(".")]
    photographs = [each for each in photographs if each.is_file()]
    if not photographs:
        raise BadInput(f"The folder {path} holds no images; expected files such as .jpg or .png in it.")
    return photographs
