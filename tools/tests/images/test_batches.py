"""Many images: folders and arrays in order, a few at a time, and what is no image refused with one sentence."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from isomorph.spec import BadInput, architecture
from isomorph.tools.images import batches as module
from isomorph.tools.images.batches import find_images
from isomorph.tools.images.images import read_images

R20 = architecture("cifar/resnet20")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def photographs(*names: str) -> list[str]:
    """Photographs of one colour each, all different."""
    for number, name in enumerate(names):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 32), (number, 2 * number, 255 - number)).save(name)
    return list(names)


def test_a_folder_stands_for_the_photographs_in_it_by_name() -> None:
    photographs("f/b.JPG", "f/a.png", "f/c.webp", "f/.hidden.png", "f/inner/d.png", "f/folder.png/e.png", "z.png")
    for other in ("notes.txt", "weights.h5", "labels.json", "noise.npy", "page.eps"):
        Path("f", other).write_bytes(b"no photograph")
    assert find_images(["z.png", "f"], R20).names == ("z.png", "f/a.png", "f/b.JPG", "f/c.webp")


def test_a_folder_stands_for_no_pipe_and_no_device_in_it() -> None:
    photographs("f/a.png")
    os.mkfifo("f/b.png")
    Path("f/c.png").symlink_to("/dev/zero")
    assert find_images(["f"], R20).names == ("f/a.png",)


@pytest.mark.parametrize("most", [1, 2, 3, 32])
def test_batches_are_the_photographs_in_order(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    names = photographs(*(f"{number}.png" for number in range(5)))
    monkeypatch.setattr(module, "MOST_IMAGES", most)
    found = find_images(names, R20)
    assert found.shape == (5, 32, 32, 3)
    parts = list(found)
    assert [index for some, _ in parts for index in some] == list(range(5))
    assert {len(some) for some, _ in parts[:-1]} <= {most}
    np.testing.assert_array_equal(np.concatenate([pixels for _, pixels in parts]), read_images(names, R20))


@pytest.mark.parametrize(
    ("size", "counts"), [((32, 32), [32, 8]), ((224, 225), [31, 9]), ((1344, 1344), [1] * 40)], ids=str
)
def test_larger_images_come_in_smaller_batches(size: tuple[int, int], counts: list[int]) -> None:
    array = np.broadcast_to(np.float32(1), (40, *size, 3))
    assert [pixels.shape[0] for _, pixels in find_images(array, R20)] == counts


@pytest.mark.parametrize("given", ["a file", "an array"])
def test_an_array_is_cut_into_batches(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setattr(module, "MOST_IMAGES", 2)
    array = np.arange(3 * 4 * 5 * 3).reshape(3, 4, 5, 3)
    np.save("x.npy", array)
    found = find_images(["x.npy"] if given == "a file" else array, R20)
    source = "x.npy" if given == "a file" else "The given array"
    assert found.names == tuple(f"{source}[{index}]" for index in range(3))
    assert (found.shape, found.size) == ((3, 4, 5, 3), (4, 5))
    assert [list(some) for some, _ in found] == [[0, 1], [2]]
    np.testing.assert_array_equal(np.concatenate([pixels for _, pixels in found]), array)


def test_numbers_are_looked_at_in_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_IMAGES", 1)
    array = np.ones((2, 4, 5, 3))
    array[1, 0, 0, 0] = np.nan
    parts = iter(find_images(array, R20))
    next(parts)
    with pytest.raises(BadInput, match=r"^The given array holds pixels that are NaN or infinite; expected numbers\.$"):
        next(parts)


def an_empty_folder() -> list[str]:
    Path("f").mkdir()
    Path("f", "notes.txt").touch()
    return ["f"]


def an_array(shape: tuple[int, ...]) -> list[str]:
    np.save("x.npy", np.zeros(shape))
    return ["x.npy"]


REFUSED: dict[str, tuple[Any, str]] = {
    "nothing": (list, "No image was given; expected photographs, folders of them, or one .npy array."),
    "what is not there": (lambda: ["absent.png"], "There is no file absent.png."),
    "a later one that is not there": (lambda: [*photographs("a.png"), "absent"], "There is no file absent."),
    "a folder without any": (
        an_empty_folder,
        "The folder f holds no images; expected files such as .jpg or .png in it.",
    ),
    "an array among photographs": (
        lambda: [*photographs("a.png"), "x.npy"],
        "2 image files hold an .npy array among them; give one .npy or photographs.",
    ),
    "an array of another form": (
        lambda: an_array((7, 3, 4, 5)),
        "x.npy is of shape [7, 3, 4, 5]; cifar/resnet20 expects [batch, height, width, 3].",
    ),
}


@pytest.mark.parametrize(("make", "sentence"), REFUSED.values(), ids=REFUSED)
def test_images_are_refused_for(make: Any, sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        find_images(make(), R20)
    assert str(caught.value) == sentence
