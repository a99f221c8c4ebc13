"""detectron2's and Caffe2's .pkl, as Python's own pickle module writes them, and such as are made to do harm."""

import pickle
from collections import OrderedDict
from mmap import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints import Checkpoint, read_checkpoint

from ..hostile_files import call, pickled, raw
from ..written import described

ARRAYS: dict[str, Any] = {
    "stem.conv1.weight": np.random.default_rng(0).standard_normal((8, 3, 7, 7)).astype(np.float32),
    "stem.conv1.norm.num": np.array(3),
    "halves": np.arange(6, dtype=np.uint16),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
}
MARKS = {"__author__": "someone", "matching_heuristics": True}


def read(folder: Path, content: bytes) -> Checkpoint:
    (folder / "m.pkl").write_bytes(content)
    return read_checkpoint(folder / "m.pkl")


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize(
    ("saved", "form", "unwrapped", "left_out"),
    [
        pytest.param(
            {"model": ARRAYS} | MARKS, "detectron2 pickle", ("model",), ("__author__", "matching_heuristics"),
            id="detectron2's converters",
        ),
        pytest.param(
            MARKS | {"model": OrderedDict(ARRAYS)}, "detectron2 pickle", ("model",),
            ("__author__", "matching_heuristics"), id="marks first, and an ordered dictionary",
        ),
        pytest.param({"blobs": ARRAYS, "cfg": "x: 1"}, "Caffe2 pickle", ("blobs",), ("cfg",), id="Caffe2"),
        pytest.param(
            {"blobs": ARRAYS | {"w_momentum": np.ones(2)}}, "Caffe2 pickle", ("blobs",), ("w_momentum",),
            id="Caffe2's momenta",
        ),
    ],
)  # fmt: skip
def test_arrays_come_back_bit_for_bit(
    tmp_path: Path, protocol: int, saved: Any, form: str, unwrapped: tuple[str, ...], left_out: tuple[str, ...]
) -> None:
    checkpoint = read(tmp_path, pickle.dumps(saved, protocol))
    assert (checkpoint.format, checkpoint.unwrapped, checkpoint.left_out) == (form, unwrapped, left_out)
    assert described(checkpoint.tensors) == described(ARRAYS)
    assert list(checkpoint.tensors) == list(ARRAYS)


def test_what_a_script_calls_its_network_is_kept(tmp_path: Path) -> None:
    checkpoint = read(tmp_path, pickle.dumps({"model": ARRAYS, "arch": "resnet50"} | MARKS, 4))
    assert checkpoint.network_name == "resnet50"


def test_arrays_are_views_of_the_mapped_file(tmp_path: Path) -> None:
    """Not copies, which would take as much memory as the file."""
    array = np.arange(1000, dtype=np.float32)
    (found,) = read(tmp_path, pickle.dumps({"model": {"w": array}} | MARKS, 4)).tensors.values()
    while isinstance(found.base, np.ndarray):
        found = found.base
    assert isinstance(getattr(found.base, "obj", found.base), mmap)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        pytest.param({"blobs": {}}, r"no arrays were found in it \(it holds 'blobs'\)", id="no arrays"),
        pytest.param({"blobs": call("posix system", "id")}, r"would run posix\.system", id="a command"),
        pytest.param({"blobs": call("numpy.core.multiarray scalar", "x")}, "would run numpy.core.mul", id="a scalar"),
        pytest.param(
            {"blobs": 1, "__author__": raw(b"cposix\nsystem\n")}, "would run posix", id="a global beside them"
        ),
    ],
)
def test_a_pickle_is_refused_for(tmp_path: Path, value: object, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read(tmp_path, b"\x80\2" + pickled(value) + b".")


def test_a_later_protocol_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="it is a pickle of protocol 5, 2 or 3 or 4 was expected"):
        read(tmp_path, pickle.dumps({"model": ARRAYS} | MARKS, 5))


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = pickle.dumps({"blobs": {"w": np.ones(4)}}, 2)
    for length in range(1, len(content)):
        with pytest.raises(BadInput):
            read(tmp_path, content[:length])
