"""TensorFlow's checkpoints: what its own Saver wrote, and what is written here by hand."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec import BadInput, architecture, tensor_shapes, zoo
from isomorph.tools.checkpoints import METADATA, read_checkpoint, sha256
from isomorph.tools.checkpoints.tensorflow import leveldb_writing
from isomorph.tools.checkpoints.tensorflow.writing import write_bundle
from isomorph.tools.subjects.subject import find_subject

from ..tensors import Array, Tensors, canonical
from ..tf_bundles import every_dtype, write_shards


def assert_same(found: Tensors, expected: Tensors) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert (found[name].dtype, found[name].shape) == (value.dtype, value.shape), name
        assert found[name].tobytes() == value.tobytes(), name
        assert not found[name].flags.writeable


@pytest.mark.parametrize("suffix", ["", ".index", ".data-00000-of-00001"])
def test_what_slims_saver_wrote_comes_back_bit_for_bit(shared: Path, suffix: str) -> None:
    spec = importlib.util.spec_from_file_location("peer_rule", shared / "peer_rule.py")
    assert spec
    assert spec.loader
    rule = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rule)
    rows = json.loads((shared / "peers" / "slim_small.json").read_text())["tensors"]
    checkpoint = read_checkpoint(shared / "peers" / "slim_small" / f"model.ckpt{suffix}")
    assert checkpoint.format == "TensorFlow checkpoint"
    assert [path.name for path in (checkpoint.path, *checkpoint.shards)] == [
        "model.ckpt.index",
        "model.ckpt.data-00000-of-00001",
    ]
    assert_same(dict(checkpoint.tensors), {row[0]: rule.tensor(*row) for row in rows})


@pytest.mark.parametrize("shards", [1, 2, 5])
@pytest.mark.parametrize("per_block", [1, 7, 100])
def test_every_dtype_comes_back(tmp_path: Path, shards: int, per_block: int) -> None:
    write_shards(tmp_path / "model.ckpt-7", every_dtype(), shards, per_block)
    assert_same(dict(read_checkpoint(tmp_path / "model.ckpt-7").tensors), every_dtype())


def test_a_checkpoint_of_slims_is_told_by_its_names(tmp_path: Path) -> None:
    network = architecture("slim/mobilenet_v1")
    naming = zoo("slim").naming.tensors(network)
    own = {naming[name].name: naming[name].from_canonical(value) for name, value in canonical(network).items()}
    slots = {f"{name}/Momentum": value for name, value in own.items() if name.endswith("weights")}
    write_bundle(tmp_path / "model.ckpt", own | slots | {"global_step": np.array(3, np.int64)})
    found = find_subject(tmp_path / "model.ckpt")
    assert found.architecture.name == "slim/mobilenet_v1"
    assert found.tensors
    assert found.origin
    assert {name: value.shape for name, value in found.tensors.items()} == tensor_shapes(network)
    files = [tmp_path / f"model.ckpt{suffix}" for suffix in (".index", ".data-00000-of-00001")]
    assert found.origin.sha256 == sha256(*files)


def test_a_file_of_the_prefixs_name_comes_first(tmp_path: Path) -> None:
    write_bundle(tmp_path / "model.ckpt", every_dtype())
    (tmp_path / "model.ckpt").write_bytes(b"another")
    with pytest.raises(ValueError, match="looks like text, which holds no tensors"):
        read_checkpoint(tmp_path / "model.ckpt")


def noting(folder: Path, told: Array) -> Path:
    """A checkpoint of one tensor, and what isomorph notes."""
    write_bundle(folder / "x", {"w": np.ones(2, np.float32), METADATA: told})
    return folder / "x.index"


def test_what_isomorph_notes_is_metadata_and_no_tensor(tmp_path: Path) -> None:
    checkpoint = read_checkpoint(noting(tmp_path, np.frombuffer("é".encode(), np.uint8)))
    assert checkpoint.metadata == {METADATA: "é"}
    assert list(checkpoint.tensors) == ["w"]


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        pytest.param(np.ones(2, np.float32), "is float32, a text as uint8 was expected", id="numbers"),
        pytest.param(np.array([0xFF], np.uint8), "is no text in UTF-8", id="other bytes"),
    ],
)
def test_no_note_of_isomorphs_is(told: Array, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"its {METADATA} {sentence}"):
        read_checkpoint(noting(tmp_path, told))


@pytest.mark.parametrize(
    ("bytes_left", "blocks"), [(0, [1, 1]), (1, [2])], ids=["an entry that fills it", "an entry that leaves a byte"]
)
def test_a_block_of_the_index_ends_with_the_entry_that_fills_its_256_kib(bytes_left: int, blocks: list[int]) -> None:
    """As block_builder.cc estimates its size: entries, 4 bytes for each restart, and 4 for their number."""
    shared, own, size, key, restarts = 1, 1, 3, 1, 4 + 4
    value = bytes((256 << 10) - restarts - (shared + own + size + key) - bytes_left)
    assert list(map(len, leveldb_writing._blocks([(b"a", value), (b"b", b"")]))) == blocks
