"""NumPy arrays as images: taken as they are, or refused with one sentence."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isomorph.spec import BadInput
from isomorph.tools.images.images import read_images

from ..photographs import CIFAR


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "uint8", "bool", ">f4"])
@pytest.mark.parametrize("shape", [(2, 5, 4, 3), (5, 4, 3)], ids=["several images", "one image"])
def test_an_array_is_the_input_as_it_is(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    np.save(tmp_path / "x.npy", pixels)
    found = read_images([tmp_path / "x.npy"], CIFAR)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, pixels.reshape(-1, 5, 4, 3))


def test_an_array_in_fortrans_order_is_the_same(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype(np.float32)
    np.save(tmp_path / "x.npy", np.asfortranarray(pixels))
    np.testing.assert_array_equal(read_images([tmp_path / "x.npy"], CIFAR), pixels)


NPY = {
    "rank 2": (np.zeros((5, 4)), "x.npy is of shape [5, 4]; cifar/resnet20 expects [batch, height, width, 3]."),
    "rank 5": (np.zeros((1, 1, 5, 4, 3)), "x.npy is of shape [1, 1, 5, 4, 3]; cifar/resnet20 expects"),
    "channels first": (np.zeros((2, 3, 5, 4)), "x.npy is of shape [2, 3, 5, 4]; cifar/resnet20 expects"),
    "a scalar": (np.float32(3), "x.npy is of shape []; cifar/resnet20 expects"),
    "no image": (np.zeros((0, 5, 4, 3)), "x.npy is of shape [0, 5, 4, 3]; cifar/resnet20 expects"),
    "no pixel": (np.zeros((1, 0, 4, 3)), "x.npy is of shape [1, 0, 4, 3]; cifar/resnet20 expects"),
    "another size than asked for": (np.zeros((1, 5, 4, 3)), "x.npy holds images of 5x4, not of the 9x8 asked for."),
    "complex numbers": (np.zeros((1, 9, 8, 3), "c8"), "x.npy holds complex64; expected numbers."),
    "text": (np.full((1, 9, 8, 3), "a"), "x.npy holds <U1; expected numbers."),
    "dates": (np.zeros((1, 9, 8, 3), "M8[s]"), "x.npy holds datetime64[s]; expected numbers."),
    "records": (np.zeros((1, 9, 8, 3), [("a", "f4")]), "x.npy holds [('a', '<f4')]; expected numbers."),
    "NaN": (np.full((1, 9, 8, 3), np.nan), "x.npy holds pixels that are NaN or infinite; expected numbers."),
    "what float32 cannot hold": (np.full((1, 9, 8, 3), 1e300), "x.npy holds pixels that are NaN or infinite; expected"),
}


@pytest.mark.parametrize(("array", "sentence"), NPY.values(), ids=NPY)
def test_an_array_is_refused_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, array: Any, sentence: str) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", array)
    with pytest.raises(BadInput) as caught:
        read_images(["x.npy"], CIFAR, (9, 8) if array.shape != (5, 4) else None)
    assert str(caught.value).startswith(sentence)


def npy(header: str, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + data


def saved(save: Any, array: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    save(out, array, **options)
    return out.getvalue()


BYTES = {
    "nothing": b"",
    "a cut header": npy("{'descr'"),
    "text": b"hello, world",
    "a pickle": b"\x80\x04cos\nsystem\n(S'touch pwned'\ntR.",
    "objects": saved(np.save, np.array([{}]), allow_pickle=True),
    "an archive": saved(np.savez, np.zeros((1, 5, 4, 3))),
    "fewer numbers than promised": saved(np.save, np.zeros((2, 5, 4, 3)))[:-8],
    "terabytes that are only promised": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (9999999, 999999)}\n"),
    "a shape beyond all memory": npy(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({1 << 70},)}}\n"),
    "a negative shape": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 4, 4, 3)}\n", bytes(64)),
    "a header that calls": npy("{'descr': __import__('os').system('touch pwned'), 'shape': ()}\n"),
}


@pytest.mark.parametrize("content", BYTES.values(), ids=BYTES)
def test_a_file_that_is_no_array_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.npy").write_bytes(content)
    with pytest.raises(BadInput, match=r"^x\.npy is not a NumPy array that can be read: [^\n]+[^.]\.$") as caught:
        read_images(["x.npy"], CIFAR)
    assert "allow_pickle" not in str(caught.value), "nobody is told to load a pickle"
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


def test_an_array_stands_alone(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^2 image files hold an \.npy array among them; give one \.npy or photographs"):
        read_images([tmp_path / "x.npy", tmp_path / "y.png"], CIFAR)


@pytest.mark.parametrize("name", ["absent.npy", "absent.jpg"])
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_images([tmp_path / name], CIFAR)
    assert str(caught.value) == f"There is no file {tmp_path / name}."
