"""TensorFlow's first checkpoints: what TensorFlow itself wrote, and such as are damaged or made to do harm."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints import read_checkpoint
from isomorph.tools.checkpoints.protobuf import message, varint_of
from isomorph.tools.checkpoints.tensorflow.leveldb_writing import block, closed, handle
from isomorph.tools.checkpoints.tensorflow.ordered_code import FULL

from ..measured import MEGABYTE, measured
from ..tf_bundles import table
from ..tf_slices import ALL, DATA, Entry, checkpoint, described, held, listed, slice_of
from ..written import described as description
from ..written import run_framework

WRITE = """
import json, sys
import numpy as np
import tensorflow as tf

folder = sys.argv[1] + "/"
names = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "uint16", "complex64",
         "complex128", "bool")
values = {name: np.arange(-3, 3).reshape(2, 3).astype(name) for name in names}
values |= {
    "edges": np.array([-2**63, 2**63 - 1, 0, 127, 128], np.int64), "nan": np.array([np.nan, -0.0], np.float16),
    "scalar": np.float32(3.5), "empty": np.zeros((0, 7), np.float32), "step": np.int64(-1),
    "many": np.arange(-50000, 50000, dtype=np.int32), "large": np.random.rand(300, 400).astype(np.float32),
}
tf.raw_ops.Save(filename=folder + "whole.ckpt", tensor_names=[*values], data=[*values.values()])
w, b = values["large"], values["edges"]
parts = {"300 400 0,100:-": w[:100], "300 400 100,200:0,399": w[100:, :399], "300 400 100,200:399,1": w[100:, 399:]}
tf.raw_ops.SaveSlices(filename=folder + "sliced.ckpt", tensor_names=["w"] * 3 + ["b"] * 2,
                      shapes_and_slices=[*parts, "5 0,2", "5 2,3"], data=[*parts.values(), b[:2], b[2:]])
for number, part in enumerate((["300 400 0,150:-", w[:150]], ["300 400 150,150:-", w[150:]])):
    tf.raw_ops.SaveSlices(filename=f"{folder}shards.ckpt-0000{number}-of-00002", tensor_names=["w", f"b{number}"],
                          shapes_and_slices=[part[0], ""], data=[part[1], b])

def restored(pattern, name, dtype):
    array = tf.raw_ops.Restore(file_pattern=folder + pattern, tensor_name=name, dt=dtype).numpy()
    return [array.dtype.name, list(array.shape), array.tobytes().hex()]

wholes = {name: restored("whole.ckpt", name, value.dtype) for name, value in values.items()}
print(json.dumps({"whole.ckpt": wholes,
                  "sliced.ckpt": {name: restored("sliced.ckpt", name, dtype) for name, dtype
                                  in {"w": tf.float32, "b": tf.int64}.items()},
                  "shards.ckpt-00001-of-00002": {name: restored("shards.ckpt-*", name, dtype) for name, dtype
                                     in {"w": tf.float32, "b0": tf.int64, "b1": tf.int64}.items()}}))
"""

Restored = Mapping[str, Mapping[str, list[object]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("v1")


@pytest.fixture(scope="module")
def restored(folder: Path) -> Restored:
    """What TensorFlow gives of the files that it wrote to `folder`: file -> name -> description."""
    result: Restored = run_framework("tensorflow", WRITE, folder)
    return result


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("whole.ckpt", id="whole tensors of every dtype"),
        pytest.param("sliced.ckpt", id="tensors in slices"),
        pytest.param("shards.ckpt-00001-of-00002", id="slices in two shards"),
    ],
)
def test_what_tensorflow_wrote_comes_back_bit_for_bit(folder: Path, restored: Restored, name: str) -> None:
    found = read_checkpoint(folder / name)
    assert found.format == "TensorFlow checkpoint (V1)"
    assert description(found.tensors) == restored[name]
    assert not any(tensor.flags.writeable for tensor in found.tensors.values())


def test_the_tensors_stand_in_the_order_of_the_files_list(folder: Path, restored: Restored) -> None:
    assert list(read_checkpoint(folder / "whole.ckpt").tensors) == sorted(restored["whole.ckpt"])


def test_a_shard_leads_to_the_others(folder: Path, restored: Restored) -> None:
    assert restored
    found = read_checkpoint(folder / "shards.ckpt-00000-of-00002")
    assert [path.name for path in found.shards] == ["shards.ckpt-00001-of-00002"]


def test_a_shard_without_the_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m-00000-of-00002").write_bytes(SOUND)
    with pytest.raises(BadInput, match="its shard m-00001-of-00002 was expected beside it"):
        read_checkpoint(tmp_path / "m-00000-of-00002")


def test_two_shards_that_describe_a_tensor_differently_are_refused(tmp_path: Path) -> None:
    (tmp_path / "m-00000-of-00002").write_bytes(SOUND)
    (tmp_path / "m-00001-of-00002").write_bytes(checkpoint(listed(described(shape=(2,))), held(DATA[:8])))
    with pytest.raises(BadInput, match="its tensor 'w' is described in two ways"):
        read_checkpoint(tmp_path / "m-00000-of-00002")


# Built by hand.

SOUND = checkpoint(listed(described()), held())
HALVES = (slice_of((0, 2)), slice_of((2, 2)))


def ints(*numbers: int, dtype: int = 3, field: int = 7) -> tuple[Entry, Entry]:
    """A checkpoint of whole numbers."""
    return listed(described(shape=(len(numbers),), dtype=dtype)), held(b"".join(map(varint_of, numbers)), field=field)


WRONG: dict[str, tuple[tuple[Entry, ...], str]] = {
    "no tensors": ((listed(),), "it holds no tensors"),
    "no such slice": ((listed(described()),), "names a slice of the tensor 'w' that is not there"),
    "a tensor twice": ((listed(described(), described()), held()), "that is not there, or names it twice"),
    "a slice of no tensor": ((listed(described()), held(), held(name="x")), "is a slice of no tensor in its list"),
    "a later version": ((listed(described(), versions=message((2, 2))), held()), "it asks for readers of version 2, 1"),
    "readers that must not": ((listed(described(), versions=message((3, 1))), held()), "names readers that must not"),
    "strings": ((listed(described(dtype=7)), held()), "its tensor 'w' holds strings, one of float32"),
    "quantised numbers": ((listed(described(dtype=11)), held()), "its tensor 'w' holds TensorFlow type 11"),
    "brain floats, which it has no field for": ((listed(described(dtype=14)), held()), "saves in no such file"),
    "a way out": ((listed(described(b"../w")), held(name="../w")), "it names a tensor b'../w'"),
    "no name": ((listed(described(b"")), held(name="")), "it names a tensor b''"),
    "a negative axis": ((listed(described(shape=(-1,))), held()), "an axis has a negative size"),
    "too many axes": ((listed(described(shape=(1,) * 17)), held()), "it has more than 16 axes"),
    "fewer values than its shape": ((listed(described(shape=(5,))), held()), "it has 16 bytes, 20 were expected"),
    "more values than its shape": ((listed(described(shape=(3,))), held()), "it has 16 bytes, 12 were expected"),
    "a huge shape": (
        (listed(described(shape=(1 << 40, 1 << 20))), held(extents=ALL * 2)), "it has 16 bytes, 4,611,686,018,"
    ),
    "values of another dtype": ((listed(described(dtype=2)), held()), "the field 5 of type bytes, unknown here"),
    "another slice's entry": (
        (listed(described()), (held()[0], held(name="v")[1])), "the entry of a slice is of another one"
    ),
    "another tensor's list": ((listed(described()), (held()[0], listed(described())[1])), "the field 1 of type bytes"),
    "fewer axes in a slice": ((listed(described(b"w", (4,), 1, b"")), held()), "has another number of them"),
    "more axes in a slice": (
        (listed(described(b"w", (4,), 1, slice_of((0, FULL), (0, FULL)))), held()), "has another number of them"
    ),
    "a slice beyond its tensor": (
        (listed(described(b"w", (4,), 1, slice_of((1, 4)))), held(extents=[(1, 4)])), "reaches beyond its tensor"
    ),
    "a slice of a negative start": (
        (listed(described(b"w", (4,), 1, slice_of((-1, 4)))), held(extents=[(-1, 4)])), "reaches beyond its tensor"
    ),
    "a part of a tensor": (
        (listed(described(b"w", (4,), 1, HALVES[0])), held(DATA[:8], extents=[(0, 2)])),
        "its slices have 2 elements, 4 were expected",
    ),
    "slices that overlap": (
        (
            listed(described(b"w", (4,), 1, slice_of((0, 2)), slice_of((1, 2)))),
            *sorted(held(DATA[:8], extents=[(start, 2)]) for start in (0, 1)),
        ),
        "two of its slices overlap",
    ),
    "no slices of nothing": (
        ((b"", message((1, message((1, message((1, b"w"), (2, message((2, b""))), (3, 1))))))),),
        "its slices have 0 elements, 0 were expected",
    ),
    "a number without end": ((ints(1)[0], held(b"\xff", field=7)), "a number has no end"),
    "a number of more than 64 bits": ((ints(1)[0], held(b"\xff" * 9 + b"\2", field=7)), "more than 64 bits"),
    "a number of eleven bytes": ((ints(1, 1)[0], held(b"\x80" * 10 + b"\0", field=7)), "more than 64 bits"),
    "a number beyond its dtype": (ints(300, dtype=4), "it has numbers beyond those of uint8"),
    "a number below its dtype": (ints(-129, dtype=6), "it has numbers beyond those of int8"),
    "a boolean of two": (ints(2, dtype=10, field=11), "it has numbers beyond those of bool"),
    "half-precision numbers of three bytes": (ints(1 << 16, dtype=19, field=13), "beyond those of float16"),
    "more numbers than its shape": ((ints(1, 1)[0], held(b"\1\1\1", field=7)), "it has more than 2 numbers"),
    "fewer numbers than its shape": ((ints(1, 1)[0], held(b"\x81\1", field=7)), "it has 1 numbers, 2 were expected"),
    "far fewer numbers than its shape": (
        (listed(described(shape=(1 << 30,), dtype=9)), held(b"\1", field=10)), "1 bytes, which are not 1,073,741,824"
    ),
}  # fmt: skip


def refusal(folder: Path, content: bytes) -> str:
    (folder / "model.ckpt").write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read_checkpoint(folder / "model.ckpt")
    sentence = str(caught.value)
    assert sentence.startswith(f"{folder / 'model.ckpt'}: ")
    assert sentence.isprintable()
    assert len(sentence) < 600
    return sentence


def test_the_one_that_the_others_are_broken_from_is_sound(tmp_path: Path) -> None:
    (tmp_path / "model.ckpt").write_bytes(SOUND)
    np.testing.assert_array_equal(read_checkpoint(tmp_path / "model.ckpt").tensors["w"], [0, 1, 2, 3])


@pytest.mark.parametrize("name", WRONG)
def test_a_file_is_refused_for(tmp_path: Path, name: str) -> None:
    entries, sentence = WRONG[name]
    found = refusal(tmp_path, checkpoint(*entries))
    assert re.search(sentence, found), found


def test_a_list_that_is_not_the_first_entry_is_refused(tmp_path: Path) -> None:
    first, second = block([listed(described())]), block([held()])
    content = table(first, second, index=[(b"\xff", handle(len(closed(first)), second))])
    assert "its first entry is b'\\x00w\\x00" in refusal(tmp_path, content)


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    for length in range(1, len(SOUND)):
        refusal(tmp_path, SOUND[:length])


BOMBS = {
    "a list of tensors of nothing": lambda: checkpoint((b"", message((1, b"\n\0" * (8 * MEGABYTE))))),
    "tensors of nothing": lambda: checkpoint(
        listed(*(described(b"%d" % number, (0,)) for number in range(50_000))),
        *sorted(held(b"", str(number)) for number in range(50_000)),
    ),
    "axes of a slice": lambda: checkpoint(listed(described(b"w", (4,), 1, b"\n\0" * (8 * MEGABYTE))), held()),
    "numbers of one byte": lambda: checkpoint(
        listed(described(shape=(8 * MEGABYTE,), dtype=9)), held(bytes(8 * MEGABYTE), field=10)
    ),
}  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which tells what the process used")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_does_not_go_off(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.ckpt"
    path.write_bytes(BOMBS[name]())
    outcome, memory, seconds = measured(path)
    assert outcome == "refused"
    assert memory <= path.stat().st_size + 64 * MEGABYTE
    assert seconds < 20
