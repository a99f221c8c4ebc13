"""`isomorph run`: the end points in a file, which is whole or is not there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from isomorph.backends import registry
from isomorph.backends.process import BackendFailed
from isomorph.spec import architecture, infer
from isomorph.tools import run
from isomorph.tools.recording.record import RECORD, write_end_points

from ..command import answered, isomorph, left

pytestmark = pytest.mark.usefixtures("empty_folder")

Install = Callable[[str], str]

SMALL = ("cifar/resnet20", "--input", "8x10", "--batch", "1")


@pytest.mark.parametrize(
    ("options", "dtype"),
    [
        pytest.param((), "float32", id="in float32"),
        pytest.param(("--dtype", "float64"), "float64", id="in float64"),
        pytest.param(("--dtype", "bfloat16"), "float32", id="in bfloat16, which NumPy's files cannot hold"),
    ],
)
def test_run_writes_every_end_point_under_its_name(options: tuple[str, ...], dtype: str) -> None:
    said = answered("run", *SMALL, "--backend", "oracle", "--out", "y.npz", *options)
    shapes = infer(architecture("cifar/resnet20"), 8, 10).shapes(1)
    with np.load("y.npz") as found:
        names = [name for name in found.files if name != RECORD]
        assert {name: found[name].shape for name in names} == shapes
        assert {str(found[name].dtype) for name in names} == {dtype}
        np.testing.assert_allclose(found["predictions"].sum(), 1, rtol=0.02)
    assert "on cpu" in said
    assert "y.npz" in said
    assert left() == ["y.npz"]


def test_run_says_in_json_what_ran_where() -> None:
    document = json.loads(answered("run", *SMALL, "--backend", "oracle", "--out", "y.npz", "--json", "-"))
    assert (document["architecture"], document["backend"], document["device"]) == ("cifar/resnet20", "oracle", "cpu")
    assert document["end_points"]["logits"] == [1, 1, 1, 10]
    assert left() == ["y.npz"]


def test_run_writes_what_the_function_returns() -> None:
    answered("run", *SMALL, "--backend", "oracle", "--out", "y.npz")
    report = run("cifar/resnet20", backend="oracle", size=(8, 10), batch=1)
    with np.load("y.npz") as found:
        differ = [name for name, value in report.end_points.items() if not np.array_equal(found[name], value)]
    assert differ == []


@pytest.mark.parametrize(
    ("options", "names"),
    [
        pytest.param((), ["logits", "predictions"], id="of a classifier"),
        pytest.param(("--num-classes", "none"), ["global_pool"], id="without classes"),
        pytest.param(("--num-classes", "none", "--no-global-pool"), ["block3"], id="without head"),
    ],
)
def test_run_writes_the_last_answer_alone(options: tuple[str, ...], names: list[str]) -> None:
    answered("run", *SMALL, "--backend", "oracle", "--out", "y.npz", "--no-end-points", *options)
    with np.load("y.npz") as found:
        assert found.files == [*names, RECORD]


def test_bfloat16_is_written_without_loss(tmp_path: Path) -> None:
    values = np.arange(-300, 300).astype(ml_dtypes.bfloat16)
    write_end_points(tmp_path / "y.npz", {"a/b": values})
    with np.load(tmp_path / "y.npz") as found:
        np.testing.assert_array_equal(found["a/b"], values.astype(np.float32))


def test_run_replaces_a_file_whole() -> None:
    Path("y.npz").write_bytes(b"older")
    answered("run", *SMALL, "--backend", "oracle", "--out", "y.npz")
    with np.load("y.npz") as found:
        assert "logits" in found.files
    assert left() == ["y.npz"]


class Unwritable:
    """What fails in the middle of writing, as a full disk does."""

    dtype = np.dtype("f4")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")


def test_a_file_that_cannot_be_finished_leaves_the_older_one() -> None:
    Path("y.npz").write_bytes(b"older")
    with pytest.raises(ValueError, match=r"^y\.npz cannot be written: No space left on device\.$"):
        write_end_points("y.npz", {"a": np.zeros(3), "b": Unwritable()})  # type: ignore[dict-item]
    assert left() == ["y.npz"]
    assert Path("y.npz").read_bytes() == b"older"


@pytest.mark.parametrize(
    ("way", "status"),
    [
        ("abort@end_points", 3),
        ("raise MemoryError@build", 3),
        ("raise Unavailable@build", 2),
        ("raise BadInput@build", 2),
    ],
)
def test_run_of_a_backend_that_fails(install: Install, way: str, status: int) -> None:
    done = isomorph("run", *SMALL, "--backend", install(f"misbehaving:{way}"), "--out", "y.npz")
    assert (done.returncode, done.stdout, left()) == (status, "", [])
    assert done.stderr.startswith("isomorph: ")
    assert done.stderr.count("\n") == 1


def test_run_takes_another_environments_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose framework is not looked for here."""
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    with pytest.raises(BackendFailed, match=r"^starting, the process exited with status 0$"):
        run("cifar/resnet20", backend="pytorch", python="/bin/true")
