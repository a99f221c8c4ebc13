"""safetensors files: what is written comes back bit for bit, or was not written at all; and a file's digest."""

import hashlib
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints import read_checkpoint, sha256, write_safetensors


def every_dtype() -> dict[str, np.ndarray[Any, Any]]:
    random = np.random.default_rng(0)
    names = [
        "float64",
        "float32",
        "float16",
        "complex64",
        "int64",
        "int32",
        "int16",
        "int8",
        "uint64",
        "uint32",
        "uint16",
        "uint8",
        "bool",
    ]
    tensors = {name: random.integers(0, 2, (2, 3, 5)).astype(name) for name in names}
    tensors["bfloat16"] = random.normal(size=(3, 7)).astype(ml_dtypes.bfloat16)
    tensors["scalar"] = np.array(1.5, np.float32)
    tensors["empty"] = np.zeros((0, 3), np.float32)
    tensors["transposed"] = random.normal(size=(3, 4, 5)).T
    tensors["héllo/\U0001f600 \n"] = np.arange(3)
    return tensors


def test_what_is_written_comes_back_bit_for_bit(tmp_path: Path) -> None:
    tensors, metadata = every_dtype(), {"format": "np", "ß": "\n"}
    write_safetensors(tmp_path / "x.safetensors", tensors, metadata)
    checkpoint = read_checkpoint(tmp_path / "x.safetensors")
    assert (checkpoint.format, checkpoint.unwrapped, checkpoint.left_out) == ("safetensors", (), ())
    assert checkpoint.metadata == metadata
    assert list(checkpoint.tensors) == list(tensors)
    for name, tensor in tensors.items():
        back = checkpoint.tensors[name]
        assert (back.dtype, back.shape, back.tobytes()) == (tensor.dtype, tensor.shape, tensor.tobytes()), name
        assert back.flags.aligned, name
        assert not back.flags.writeable, name


def test_the_safetensors_library_reads_what_is_written(tmp_path: Path) -> None:
    tensors = every_dtype()
    del tensors["bfloat16"]  # the library's NumPy side has none
    write_safetensors(tmp_path / "x.safetensors", tensors, {})
    back = load_file(tmp_path / "x.safetensors")
    assert back.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(back[name], tensor, strict=True)


def test_what_the_safetensors_library_writes_is_read(tmp_path: Path) -> None:
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in every_dtype().items() if name != "bfloat16"}
    save_file(tensors, tmp_path / "x.bin", {"a": "b"})
    checkpoint = read_checkpoint(str(tmp_path / "x.bin"))  # told by content: the suffix says nothing
    assert checkpoint.metadata == {"a": "b"}
    assert checkpoint.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(checkpoint.tensors[name], tensor, strict=True)


def test_a_file_can_be_rewritten_from_its_own_views(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_safetensors(path, {"a": np.arange(5.0)}, {})
    first = read_checkpoint(path)
    write_safetensors(path, {"b": first.tensors["a"], "c": np.zeros(1)}, {})
    np.testing.assert_array_equal(read_checkpoint(path).tensors["b"], np.arange(5.0))
    np.testing.assert_array_equal(first.tensors["a"], np.arange(5.0))


def test_a_written_file_has_ordinary_permissions(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "ours", {"a": np.zeros(1)}, {})
    (tmp_path / "ordinary").touch()
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE((tmp_path / "ordinary").stat().st_mode)


class Unreadable(np.ndarray[Any, Any]):
    """An array that fails when it is written, as a file does that a full disk cuts off."""

    def reshape(self, *_: object, **__: object) -> Any:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("older", [None, b"older"], ids=["no older file", "an older file"])
def test_a_write_that_fails_leaves_the_folder_as_it_was(
    tmp_path: Path, older: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.safetensors"
    if older is not None:
        path.write_bytes(older)
    # `ascontiguousarray` would drop the subclass, so that nothing would fail.
    monkeypatch.setattr(np, "ascontiguousarray", lambda array: array)
    with pytest.raises(BadInput, match="cannot be written: No space left on device"):
        write_safetensors(path, {"a": np.zeros(1), "b": np.zeros(1, np.float32).view(Unreadable)}, {})
    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([] if older is None else [older])


@pytest.mark.parametrize(
    ("tensors", "metadata", "sentence"),
    [
        pytest.param({"a": np.zeros(1, ">f4")}, {}, r"tensor 'a' is >f4, one of F64", id="big-endian numbers"),
        pytest.param({"a": np.array([None])}, {}, "tensor 'a' is object", id="objects"),
        pytest.param({"a": np.zeros(1, "c16")}, {}, "tensor 'a' is complex128", id="a dtype that it lacks"),
        pytest.param({"__metadata__": np.zeros(1)}, {}, "called '__metadata__'", id="a name that it keeps for itself"),
        pytest.param({3: np.zeros(1)}, {}, "a tensor is called 3", id="a number for a name"),
        pytest.param({"\ud800": np.zeros(1)}, {}, "no Unicode text", id="a name that is no text"),
        pytest.param({"a": np.zeros(1)}, {"a": 1}, "metadata is not all text", id="metadata that is no text"),
    ],
)
def test_what_safetensors_cannot_hold_is_not_written(
    tmp_path: Path, tensors: Any, metadata: Any, sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        write_safetensors(tmp_path / "x.safetensors", tensors, metadata)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_no_place_to_write(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"x\.safetensors cannot be written: there is no folder"):
        write_safetensors(tmp_path / "absent" / "x.safetensors", {"a": np.zeros(1)}, {})


KILLED = """
import sys
import numpy as np
from isomorph.tools.checkpoints import write_safetensors
tensors = {str(n): np.full(50_000, n, np.float32) for n in range(40)}
print("ready", flush=True)
while True:
    write_safetensors(sys.argv[1], tensors, {})
"""


@pytest.mark.parametrize("pause", [0.0, 0.003, 0.01, 0.03, 0.1])
def test_a_killed_write_leaves_a_whole_file_or_none(tmp_path: Path, pause: float) -> None:
    path = tmp_path / "x.safetensors"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(pause)
        writer.kill()
    if path.exists():
        checkpoint = read_checkpoint(path)
        assert all((tensor == int(name)).all() for name, tensor in checkpoint.tensors.items())
        assert len(checkpoint.tensors) == 40


def test_the_digest_is_that_of_the_files_bytes(tmp_path: Path) -> None:
    data = np.random.default_rng(0).bytes(3_000_001)
    (tmp_path / "x").write_bytes(data)
    assert sha256(tmp_path / "x") == hashlib.sha256(data).hexdigest()


def test_the_digest_of_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no such file"):
        sha256(tmp_path / "absent")
