"""SharedArrays: what is written comes back, bit for bit, and what a reader does to it stays with the reader."""

import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from isomorph.backends.arrays import SharedArrays

Array = npt.NDArray[Any]

WHOLE = np.arange(24.0).reshape(2, 3, 4)

CASES: dict[str, dict[str, Array]] = {
    "nothing": {},
    "no elements": {"a": np.zeros((0, 3)), "b": np.zeros((2, 0), np.float32)},
    "no elements beside some": {"a": np.zeros((0, 3)), "b": WHOLE},
    "0-d": {"a": np.array(3.5), "b": np.array(7, np.float32)},
    "transposed": {"a": WHOLE.transpose(2, 0, 1)},
    "strided": {"a": WHOLE[:, ::2, ::-1]},
    "in Fortran's order": {"a": np.asfortranarray(WHOLE)},
    "broadcast": {"a": np.broadcast_to(np.float32(2), (3, 4))},
    "bfloat16": {"a": WHOLE.astype(ml_dtypes.bfloat16), "b": WHOLE.astype(ml_dtypes.bfloat16)[:, ::2]},
    "of many dtypes": {name: WHOLE.astype(name) for name in ("float16", "float32", "int8", "int64", "bool", "uint8")},
    "NaN and infinities": {"a": np.array([np.nan, np.inf, -np.inf, -0.0])},
    "of the other byte order": {"a": WHOLE.astype(WHOLE.dtype.newbyteorder())},
    "read-only": {"a": np.frombuffer(b"\x01\x02\x03", np.uint8)},
    "large": {"a": np.arange(3_000_000, dtype=np.float64), "b": np.ones(3)},
    "of odd names": {"block1/unit_1/conv1/weights": WHOLE, "": WHOLE, "é": WHOLE},
}


def bits(array: Array) -> bytes:
    return array.astype(array.dtype.newbyteorder("=")).tobytes()


@pytest.mark.parametrize("arrays", CASES.values(), ids=CASES)
def test_arrays_come_back(arrays: dict[str, Array], tmp_path: Path) -> None:
    written = SharedArrays.write(tmp_path / "arrays", arrays)
    found = SharedArrays.from_document(json.loads(json.dumps(written.to_document()))).open()
    assert list(found) == list(arrays)
    for name, expected in arrays.items():
        assert found[name].dtype == expected.dtype.newbyteorder("="), name
        assert found[name].shape == expected.shape, name
        assert bits(found[name]) == bits(expected), name


def test_a_document_says_all(tmp_path: Path) -> None:
    written = SharedArrays.write(tmp_path / "arrays", {"a": WHOLE, "b": np.ones(3, np.float32)})
    assert SharedArrays.from_document(json.loads(json.dumps(written.to_document()))) == written


def test_what_is_written_to_a_mapped_array_stays_with_the_writer(tmp_path: Path) -> None:
    written = SharedArrays.write(tmp_path / "arrays", {"a": WHOLE})
    first, second = written.open()["a"], written.open()["a"]
    first[...] = -1
    assert np.array_equal(second, WHOLE)
    assert np.array_equal(written.open()["a"], WHOLE)
    assert np.all(first == -1)


def test_writing_leaves_the_arrays_alone(tmp_path: Path) -> None:
    given = WHOLE.copy()
    SharedArrays.write(tmp_path / "arrays", {"a": given}).open()["a"][...] = -1
    assert np.array_equal(given, WHOLE)


def test_arrays_are_aligned(tmp_path: Path) -> None:
    found = SharedArrays.write(tmp_path / "arrays", {"a": np.ones(3, np.uint8), "b": WHOLE, "c": WHOLE}).open()
    assert [name for name, array in found.items() if array.ctypes.data % 64] == []


def test_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        SharedArrays.write(tmp_path / "arrays", {"a": np.array([None])})
