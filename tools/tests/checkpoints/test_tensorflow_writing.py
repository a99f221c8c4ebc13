"""What is written as TensorFlow's checkpoints, TensorFlow reads; and what it writes itself is read."""

import json
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints import read_checkpoint
from isomorph.tools.checkpoints.tensorflow.writing import write_bundle

from ..written import Tensors, awkward, described, run_framework

# TensorFlow runs in a process of its own. `many` has an index of several blocks.
PROGRAM = """
import json, sys, warnings
from pathlib import Path
import numpy as np
import tensorflow as tf
from isomorph.tools.checkpoints import read_checkpoint

warnings.simplefilter("error")
v1, folder = tf.compat.v1, Path(sys.argv[1])


def described(values):
    return {name: [value.dtype.name, list(value.shape), value.tobytes().hex()] for name, value in values.items()}


def by_reader(prefix):
    reader = tf.train.load_checkpoint(prefix)
    return {name: np.asarray(reader.get_tensor(name)) for name in reader.get_variable_to_shape_map()}


def save(prefix, values):
    names = sorted(values, key=str.encode)
    tensors = [tf.constant(values[name]) for name in names]
    tf.raw_ops.SaveV2(prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors)


read = by_reader(str(folder / "ours"))
many = {name: np.asarray(value) for name, value in read_checkpoint(folder / "many").tensors.items()}
save(str(folder / "many-tf"), many)
for part, names in enumerate((sorted(many)[::2], sorted(many)[1::2])):
    save(str(folder / f"part{part}"), {name: many[name] for name in names})
tf.raw_ops.MergeV2Checkpoints(
    checkpoint_prefixes=[str(folder / "part0"), str(folder / "part1")], destination_prefix=str(folder / "sharded")
)

with tf.Graph().as_default(), v1.Session() as session:
    variables = [v1.get_variable(name, initializer=tf.zeros(value.shape, value.dtype)) for name, value in read.items()
                 if name.isascii() and " " not in name]
    saver = v1.train.Saver(variables)
    saver.restore(session, str(folder / "ours"))
    restored = {variable.op.name: np.asarray(session.run(variable)) for variable in variables}
    saver.save(session, str(folder / "saved"), write_meta_graph=False, write_state=False)
print(json.dumps([described(read), described(restored)]))
"""


def many() -> Tensors:
    random = np.random.default_rng(0)
    names = [f"{random.integers(1 << 40):x}/{'scope/' * random.integers(60)}w" for _ in range(4000)]
    return {name: np.full(number % 3, number, np.float32) for number, name in enumerate(names)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of ours and TensorFlow's, and what it read of ours."""
    folder = tmp_path_factory.mktemp("bundles")
    write_bundle(folder / "ours", awkward())
    write_bundle(folder / "many", many())
    (folder / "read.json").write_text(json.dumps(run_framework("tensorflow", PROGRAM, folder)))
    return folder


def files(folder: Path, prefix: str) -> list[bytes]:
    return [(folder / f"{prefix}{suffix}").read_bytes() for suffix in (".index", ".data-00000-of-00001")]


def test_tensorflow_reads_what_is_written(folder: Path) -> None:
    read, restored = json.loads((folder / "read.json").read_text())
    expected = described(awkward())
    assert read == expected
    assert len(restored) > 12
    assert restored == {name: expected[name] for name in restored}


def test_what_saver_writes_is_the_same_to_the_byte(folder: Path, tmp_path: Path) -> None:
    saved = read_checkpoint(folder / "saved")
    assert saved.tensors["bfloat16"].dtype.name == "bfloat16"
    write_bundle(tmp_path / "again.index", dict(reversed([*saved.tensors.items()])))
    assert files(tmp_path, "again") == files(folder, "saved")


def test_an_index_of_many_blocks_is_the_same_to_the_byte(folder: Path) -> None:
    index, _ = files(folder, "many")
    assert len(index) > 2 * (256 << 10)
    assert files(folder, "many") == files(folder, "many-tf")


def test_two_shards_of_tensorflows_are_read(folder: Path) -> None:
    checkpoint = read_checkpoint(folder / "sharded")
    assert [path.name for path in checkpoint.shards] == [f"sharded.data-0000{n}-of-00002" for n in (0, 1)]
    assert described(checkpoint.tensors) == described(many())


@pytest.mark.parametrize("name", ["x.ckpt.data-00000-of-00001", ".index", "x.data-00000-of-00001.index"])
def test_a_shards_name_is_none_for_a_checkpoint(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="is no name for a TensorFlow checkpoint, its prefix or index was expected"):
        write_bundle(tmp_path / name, {"w": np.zeros(1)})
    assert not [*tmp_path.iterdir()]


def test_a_checkpoint_of_no_elements_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="none of its tensors has elements"):
        write_bundle(tmp_path / "x", {"w": np.zeros((0, 3))})
    assert not [*tmp_path.iterdir()]
