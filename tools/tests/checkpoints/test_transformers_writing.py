"""Folders of transformers', written: bit for bit, whole or not at all."""

import json
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from isomorph.spec import Architecture, BadInput, architecture
from isomorph.tools.checkpoints import read_checkpoint, write_transformers_folder
from isomorph.tools.subjects.subject import find_subject

from ..full_disk import largest_file
from ..tensors import Array, Tensors, changed
from ..transformers_folders import SMALL, tensors

COUNTER = "resnet.embedder.embedder.normalization.num_batches_tracked"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "net"


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, ml_dtypes.bfloat16])
def test_tensors_come_back_bit_for_bit(dtype: type, folder: Path) -> None:
    own: Tensors = {name: value.astype(dtype) for name, value in tensors().items()}
    write_transformers_folder(folder, own, SMALL)
    found = read_checkpoint(folder).tensors
    assert all(found[name].dtype == dtype and found[name].tobytes() == value.tobytes() for name, value in own.items())
    assert find_subject(folder).architecture == SMALL
    assert json.loads((folder / "config.json").read_text())["dtype"] == np.dtype(dtype).name


def test_counters_of_batches_are_kept_and_those_that_lack_are_0(folder: Path) -> None:
    write_transformers_folder(folder, tensors() | {COUNTER: np.array(5)}, SMALL)
    found = read_checkpoint(folder).tensors
    counters = {name: int(value) for name, value in found.items() if name.endswith("num_batches_tracked")}
    assert counters.pop(COUNTER) == 5
    assert set(counters.values()) == {0}
    assert len(counters) == sum(name.endswith("running_mean") for name in tensors()) - 1


@pytest.mark.parametrize(
    ("network", "files"),
    [
        pytest.param(SMALL, ["config.json", "model.safetensors", "preprocessor_config.json"], id="of three channels"),
        pytest.param(
            SMALL.with_options(in_channels=1), ["config.json", "model.safetensors"], id="of one, which has no processor"
        ),
    ],
)
def test_a_folder_of_a_network(network: Architecture, files: list[str], folder: Path) -> None:
    write_transformers_folder(folder, tensors(network), network)
    assert sorted(path.name for path in folder.iterdir()) == files
    assert [path.name for path in folder.parent.iterdir()] == ["net"]


@pytest.mark.parametrize(
    ("network", "changes", "sentence"),
    [
        pytest.param(
            architecture("keras/ResNet50"), {}, "is no network that transformers' ResNet can be", id="another network"
        ),
        pytest.param(SMALL, {"classifier.1.bias": None}, "- classifier.1.bias", id="a tensor that lacks"),
        pytest.param(SMALL, {"more": np.zeros(1)}, "+ more", id="a tensor too many"),
        pytest.param(
            SMALL,
            {"classifier.1.bias": np.zeros(4)},
            "classifier.1.bias is 4, expected 3",
            id="a tensor of another shape",
        ),
        pytest.param(
            SMALL,
            {"classifier.1.bias": np.zeros(3)},
            "would be of float32, float64, all of one of float64, float32, float16, bfloat16 were expected",
            id="two dtypes",
        ),
        pytest.param(
            SMALL, {"x.num_batches_tracked": np.array(0)}, "counts the batches of no batch norm", id="a stray counter"
        ),
    ],
)
def test_nothing_is_written_for(
    network: Architecture, changes: dict[str, Array | None], sentence: str, folder: Path
) -> None:
    with pytest.raises(BadInput) as caught:
        write_transformers_folder(folder, changed(tensors(), changes), network)
    assert sentence in str(caught.value)
    assert list(folder.parent.iterdir()) == []


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch], ids=["a folder", "a file"])
def test_what_is_there_is_left_alone(make: object, folder: Path) -> None:
    assert callable(make)
    make(folder)
    with pytest.raises(BadInput, match="cannot be written: it is there already; name a new folder"):
        write_transformers_folder(folder, tensors(), SMALL)
    assert [path.name for path in folder.parent.rglob("*")] == ["net"]


def test_a_folder_that_cannot_be_finished_leaves_nothing(folder: Path) -> None:
    with largest_file(4000), pytest.raises(BadInput, match="cannot be written: File too large"):
        write_transformers_folder(folder, tensors(), SMALL)
    assert list(folder.parent.iterdir()) == []
