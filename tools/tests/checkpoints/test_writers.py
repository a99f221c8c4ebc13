"""Every writer: what is written comes back bit for bit, or was not written at all."""

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints import read_checkpoint
from isomorph.tools.checkpoints.paddle.writing import write_pdparams
from isomorph.tools.checkpoints.pytorch.zip_writing import write_pytorch_zip
from isomorph.tools.checkpoints.tensorflow.writing import write_bundle

from ..written import awkward, described

Writer = Callable[[Path, dict[str, Any]], None]
WRITERS: dict[str, Writer] = {"x.pth": write_pytorch_zip, "x.pdparams": write_pdparams, "x.ckpt.index": write_bundle}
writers = pytest.mark.parametrize(("name", "write"), WRITERS.items(), ids=WRITERS)


@writers
def test_what_is_written_comes_back_bit_for_bit(tmp_path: Path, name: str, write: Writer) -> None:
    write(tmp_path / name, awkward())
    back = read_checkpoint(tmp_path / name)
    assert (back.path, back.unwrapped, back.left_out) == (tmp_path / name, (), ())
    expected = described(awkward())
    assert described(back.tensors) == expected
    order = sorted(expected, key=str.encode) if write is write_bundle else list(expected)
    assert list(back.tensors) == order


@writers
def test_the_same_tensors_make_the_same_file(tmp_path: Path, name: str, write: Writer) -> None:
    contents = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        write(folder / name, awkward())
        contents.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert contents[0] == contents[1]


@writers
def test_a_file_can_be_rewritten_from_its_own_views(tmp_path: Path, name: str, write: Writer) -> None:
    write(tmp_path / name, {"a": np.arange(6.0).reshape(2, 3)})
    first = read_checkpoint(tmp_path / name)
    write(tmp_path / name, {"b": first.tensors["a"].T, "c": np.zeros(1)})
    np.testing.assert_array_equal(read_checkpoint(tmp_path / name).tensors["b"], np.arange(6.0).reshape(2, 3).T)
    np.testing.assert_array_equal(first.tensors["a"], np.arange(6.0).reshape(2, 3))


@writers
def test_one_tensor_at_a_time_is_copied(tmp_path: Path, name: str, write: Writer) -> None:
    tensors = {f"{number}": np.zeros((512, 1024), np.float32).T for number in range(8)}
    tracemalloc.start()
    write(tmp_path / name, tensors)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * tensors["0"].nbytes + (2 << 20)


REFUSED: dict[str, tuple[dict[Any, Any], str]] = {
    "no tensors": ({}, "there are no tensors to write"),
    "objects": ({"w": np.array([None])}, "tensor 'w' is object, one of float"),
    "text": ({"w": np.array(["a"])}, "tensor 'w' is <U1, one of float"),
    "a structure": ({"w": np.zeros(1, "f4,f4")}, r"tensor 'w' is \[\('f0'"),
    "dates": ({"w": np.zeros(1, "M8[s]")}, "tensor 'w' is datetime64"),
    "long floats": ({"w": np.zeros(1, np.longdouble)}, "tensor 'w' is float128, one of float"),
    "a name that is a number": ({3: np.zeros(1)}, "a tensor is called 3, Unicode text of at most 1,024 bytes was"),
    "a name that is no Unicode": ({"\udc80": np.zeros(1)}, "a tensor is called '.udc80', Unicode text"),
    "an endless name": ({"x" * 1025: np.zeros(1)}, r"a tensor is called 'x+'\.\.\., Unicode text"),
    "too many axes": ({"w": np.zeros((1,) * 17)}, "tensor 'w' has 17 axes, at most 16 were expected"),
}


def assert_refused(path: Path, write: Writer, tensors: dict[Any, Any], sentence: str) -> None:
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    with pytest.raises(BadInput, match=sentence) as caught:
        write(path, tensors)
    assert str(caught.value).startswith(str(path).removesuffix(".index"))
    assert str(caught.value).isprintable()
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before


@writers
@pytest.mark.parametrize("case", REFUSED)
def test_nothing_is_written_of(tmp_path: Path, name: str, write: Writer, case: str) -> None:
    tensors, sentence = REFUSED[case]
    assert_refused(tmp_path / name, write, {"sound": np.zeros(1), **tensors} if tensors else {}, sentence)


@pytest.mark.parametrize(
    ("name", "tensor_name", "dtype", "sentence"),
    [
        pytest.param("x.pdparams", "w", "u2", "'w' is uint16, one of float64, ", id="Paddle lacks uint16"),
        pytest.param("x.pdparams", "w", "u4", "'w' is uint32, one of float64, ", id="Paddle lacks uint32"),
        pytest.param("x.pdparams", "UnpackBigParamInfor@@", "f4", "which this file keeps", id="Paddle's slices"),
        pytest.param("x.pdparams", "StructuredToParameterName@@", "f4", "which this file keeps", id="Paddle's names"),
        pytest.param("x.ckpt.index", "", "f4", "called '', which no variable", id="TensorFlow's header"),
        pytest.param("x.ckpt.index", "a/../b", "f4", "called 'a/../b', which no variable", id="a way out"),
        pytest.param("x.ckpt.index", "a\n", "f4", "which no variable", id="control characters"),
        pytest.param("x.ckpt.index", "_CHECKPOINTABLE_OBJECT_GRAPH", "f4", "which no variable", id="an object graph"),
    ],
)
def test_what_one_format_lacks_is_refused(
    tmp_path: Path, name: str, tensor_name: str, dtype: str, sentence: str
) -> None:
    assert_refused(tmp_path / name, WRITERS[name], {"sound": np.zeros(1), tensor_name: np.zeros(1, dtype)}, sentence)


@writers
def test_a_folder_that_is_not_there_is_named(tmp_path: Path, name: str, write: Writer) -> None:
    with pytest.raises(BadInput, match="cannot be written: there is no folder"):
        write(tmp_path / "none" / name, {"w": np.zeros(1)})


def full_disk(*_: object) -> None:
    raise OSError(28, "No space left on device")


@writers
@pytest.mark.parametrize("older", [False, True], ids=["no older file", "an older file"])
def test_a_full_disk_leaves_the_folder_as_it_was(
    tmp_path: Path, name: str, write: Writer, older: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if older:
        write(tmp_path / name, {"older": np.zeros(1)})
    monkeypatch.setattr(np, "ascontiguousarray", full_disk)
    assert_refused(tmp_path / name, write, {"w": np.zeros(1)}, "cannot be written: No space left on device")


@pytest.mark.parametrize("finished", [0, 1])
def test_a_bundle_that_is_interrupted_is_none(tmp_path: Path, finished: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The older checkpoint's index is never beside the new one's shard, wherever writing ends."""
    write_bundle(tmp_path / "x.ckpt", {"w": np.zeros(3)})
    replace = Path.replace
    calls: list[str] = []

    def interrupted(self: Path, target: Path) -> Path:
        if len(calls) == finished:
            raise OSError(os.strerror(5))
        calls.append(target.name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(BadInput, match="cannot be written"):
        write_bundle(tmp_path / "x.ckpt", {"w": np.ones(3)})
    assert calls == ["x.ckpt.data-00000-of-00001"][:finished]
    assert [path.name for path in tmp_path.iterdir()] == ["x.ckpt.data-00000-of-00001"]
