"""What tf.train.Checkpoint saves, and SavedModels: as TensorFlow and Keras write them, and graphs that are damaged."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import google_crc32c
import numpy as np
import pytest

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints import read_checkpoint
from isomorph.tools.checkpoints.protobuf import varint_of
from isomorph.tools.checkpoints.tensorflow.crc32c import masked, masked_crc32c

from ..measured import MEGABYTE, measured
from ..tf_bundles import entry, header, message, shape_of, table, write
from ..written import described, run_framework

WRITE = """
import json, os, sys
os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy as np
import tensorflow as tf

folder = sys.argv[1] + "/"
inner = keras.Sequential([keras.layers.Input((4, 4, 3)), keras.layers.Conv2D(2, 3, name="conv"),
                          keras.layers.BatchNormalization(name="norm")], name="inner")
x = keras.layers.Input((4, 4, 3))
model = keras.Model(x, keras.layers.Dense(2, name="logits")(keras.layers.Flatten()(inner(x))))
model.compile("adam", "mse", metrics=["mae"])
model.train_on_batch(np.ones((2, 4, 4, 3)), np.ones((2, 2)))
tf.train.Checkpoint(model=model, optimizer=model.optimizer, step=tf.Variable(7)).save(folder + "trained")
tf.saved_model.save(model, folder + "saved_model")
model.export(folder + "exported", verbose=False)

module = tf.Module()
module.unnamed, module.text = [tf.Variable([1.0]), tf.Variable([2.0])], tf.Variable("words")
module.named = tf.Variable([[3.0]], name="conv/kernel")
optimizer = tf.compat.v1.train.MomentumOptimizer(0.1, 0.9)
optimizer.minimize(lambda: tf.reduce_sum(module.named**2), var_list=[module.named])
tf.train.Checkpoint(module=module, optimizer=optimizer).write(folder + "module")

def described(value):
    array = np.asarray(value)
    return [array.dtype.name, list(array.shape), array.tobytes().hex()]

layers = {variable.path: described(variable) for variable in model.variables}
of_module = dict(zip(["module/unnamed/0", "module/unnamed/1", "conv/kernel"],
                     map(described, [*module.unnamed, module.named])))
print(json.dumps({"trained": layers | {"step": described(np.int32(7))}, "saved_model": layers, "exported": layers,
                  "module": of_module}))
"""

Written = Mapping[str, Mapping[str, list[object]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("objects")


@pytest.fixture(scope="module")
def written(folder: Path) -> Written:
    """The variables of what TensorFlow wrote to `folder`, as they were: file -> name -> description."""
    result: Written = run_framework("tensorflow", WRITE, folder)
    return result


@pytest.mark.parametrize(
    ("path", "name", "form"),
    [
        pytest.param("trained-1", "trained", "TensorFlow object checkpoint", id="a Keras model and its optimizer"),
        pytest.param("trained-1.index", "trained", "TensorFlow object checkpoint", id="by its index"),
        pytest.param("module", "module", "TensorFlow object checkpoint", id="variables without names"),
        pytest.param("saved_model", "saved_model", "TensorFlow SavedModel", id="a SavedModel"),
        pytest.param("exported", "exported", "TensorFlow SavedModel", id="what Keras exports"),
        pytest.param(
            "saved_model/variables/variables",
            "saved_model",
            "TensorFlow object checkpoint",
            id="the variables of a SavedModel",
        ),
    ],
)
def test_variables_come_back_bit_for_bit_under_their_names_in_the_models_order(
    folder: Path, written: Written, path: str, name: str, form: str
) -> None:
    checkpoint = read_checkpoint(folder / path)
    assert checkpoint.format == form
    assert described(checkpoint.tensors) == written[name]
    assert list(checkpoint.tensors) == list(written[name])


@pytest.mark.parametrize(
    ("path", "names"),
    [
        pytest.param("trained-1", {"save_counter", "optimizer/_learning_rate", "optimizer/_variables/2"}, id="Keras's"),
        pytest.param("module", {"module/named/.OPTIMIZER_SLOT/optimizer/momentum", "module/text"}, id="TensorFlow's"),
        pytest.param("exported", {"_all_variables/0"}, id="what is there twice"),
    ],
)
def test_slots_counters_and_text_are_left_out_by_name(
    folder: Path, written: Written, path: str, names: set[str]
) -> None:
    assert written
    assert names <= set(read_checkpoint(folder / path).left_out)


# Built by hand.

KEY = "a/.ATTRIBUTES/VARIABLE_VALUE"
GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


def held(number: int) -> bytes:
    """The bytes of a tensor, which is unlike those of other numbers."""
    return np.arange(number, number + 4, dtype="<f4").tobytes()


def saved(key: str = KEY, full_name: bytes = b"") -> tuple[int, bytes]:
    return 2, message((1, b"VARIABLE_VALUE"), (2, full_name), (3, key.encode()))


def child(node: int, name: str = "a") -> tuple[int, bytes]:
    return 1, message((1, node), (2, name.encode()))


def graph(*nodes: Sequence[tuple[int, int | bytes]]) -> bytes:
    return b"".join(message((1, message(*fields))) or b"\n\0" for fields in nodes)


def string(text: bytes) -> tuple[bytes, int]:
    """A string as it stands in a shard, and its checksum."""
    crc = google_crc32c.value(len(text).to_bytes(4, "little"))
    of_length = masked(crc).to_bytes(4, "little")
    return varint_of(len(text)) + of_length + text, masked(google_crc32c.extend(crc, of_length + text))


def checkpoint(folder: Path, nodes: bytes, keys: Sequence[str] = (KEY,), dtype: int = 7, spoilt: int = 0) -> Path:
    """A checkpoint of tensors of four floats each, and of the graph."""
    shard, crc = string(nodes)
    described_graph = message((1, dtype), (2, b""), (5, len(shard)), (6, crc))
    entries = [(b"", header()), (GRAPH.encode(), described_graph)]
    for number, key in enumerate(keys):
        entries.append((key.encode(), entry(held(number), (4,), 1, 0, len(shard) + 16 * number)))
    shard = shard[:spoilt] + bytes([shard[spoilt] ^ 1]) + shard[spoilt + 1 :] if spoilt else shard
    write(folder / "m", table(sorted(entries)), {"00000-of-00001": shard + b"".join(map(held, range(len(keys))))})
    return folder / "m"


SOUND = graph([child(1)], [saved(full_name=b"conv/kernel")])
OTHER = "b/.ATTRIBUTES/VARIABLE_VALUE"

NAMES = {
    "its own": ([KEY], [[child(1)], [saved(full_name=b"w")]], ["w"], ()),
    "none, so its way": ([KEY], [[child(1)], [saved()]], ["a"], ()),
    "their ways, where two different ones have one": (
        [KEY, OTHER],
        [[child(1), child(2)], [saved(KEY, b"w")], [saved(OTHER, b"w")]],
        ["a", "b"],
        (),
    ),
    "that of all that have none": ([KEY], [[child(1)], [saved(full_name=b"Variable")]], ["a"], ()),
    "objects in a circle": ([KEY], [[child(1), child(0)], [saved(full_name=b"w"), child(0)]], ["w"], ()),
    "layers in each other": (
        [KEY, OTHER],
        [[child(1), child(2)], [child(3)], [saved(OTHER, b"later")], [saved(KEY, b"first")]],
        ["first", "later"],
        (),
    ),
    "an optimizer between": (
        [KEY, OTHER],
        [[child(1, "optimizer"), child(2)], [child(2), child(3)], [saved(KEY, b"w")], [saved(OTHER, b"rate")]],
        ["w"],
        ("b",),
    ),
    "a slot": ([KEY, OTHER], [[child(1), child(2), (3, message((3, 2)))], [saved()], [saved(OTHER)]], ["a"], ("b",)),
    "a tensor of no object": ([KEY, OTHER], [[child(1)], [saved()]], ["a"], ("b",)),
    "a saver of its own": ([KEY], [[child(1), (4, message((1, b"x")))], [saved(), (5, b"")]], ["a"], ()),
}


@pytest.mark.parametrize("name", NAMES)
def test_tensors_are_called_by(tmp_path: Path, name: str) -> None:
    keys, nodes, names, left_out = NAMES[name]
    found = read_checkpoint(checkpoint(tmp_path, graph(*nodes), keys))
    assert (list(found.tensors), found.left_out) == (names, left_out)


WRONG = {
    "no objects": (b"", "leads to node 0, of which there are 0"),
    "a node that is not there": (graph([child(9)]), "leads to node 9, of which there are 1"),
    "a negative node": (graph([child(-1)]), "leads to node 18446744073709551615"),
    "a graph that is none": (b"\xff" * 11, "its graph of objects cannot be read: a number has no end"),
    "other fields": (message((2, b"x")), "it has the field 2, unknown here"),
    "a node that is a number": (message((1, 1)), "it has the field 1, unknown here"),
    "an unknown part of a node": (graph([(9, 1)]), "an object has the field 9, unknown here"),
    "a saver that is no message": (graph([(4, b"x")]), "a field ends beyond its message"),
    "values below that are no message": (graph([(5, b"x")]), "a field ends beyond its message"),
    "a key that is not there": (graph([child(1)], [saved("d")]), "graph of objects names 'd', which it does not hold"),
    "a key of two objects": (graph([child(1), child(2)], [saved()], [saved()]), "two objects are saved under 'a/.ATTR"),
    "control characters": (graph([saved(full_name=b"\x1b[2J")]), r"calls a tensor '.x1b\[2J', printable text was"),
    "no Unicode": (graph([saved(full_name=b"\xff")]), "its graph of objects cannot be read"),
    "no Unicode that nothing needs": (graph([(3, message((2, b"\xff")))]), "its graph of objects cannot be read"),
    "no variables": (graph([]), "its graph of objects has no variables of a network"),
    "the name of another's way": (
        graph([child(1), child(2), child(3)], [saved(KEY, b"w")], [saved(OTHER, b"w")], [saved("c", b"a")]),
        "has the name of the way that leads to another",
    ),
}  # fmt: skip


def refusal(path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        read_checkpoint(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}.")
    assert sentence.isprintable()
    assert len(sentence) < 600
    return sentence


@pytest.mark.parametrize("name", WRONG)
def test_a_graph_is_refused_for(tmp_path: Path, name: str) -> None:
    nodes, sentence = WRONG[name]
    found = refusal(checkpoint(tmp_path, nodes, [KEY, OTHER, "c"]))
    assert re.search(sentence, found), found


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        pytest.param(1, "the checksum of its string's length", id="the checksum of the length"),
        pytest.param(9, "the checksum of its string is not", id="the string"),
    ],
)
def test_a_changed_byte_is_noticed_in(tmp_path: Path, place: int, sentence: str) -> None:
    assert sentence in refusal(checkpoint(tmp_path, SOUND, spoilt=place))


def test_a_graph_of_numbers_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "m", table([(b"", header()), (GRAPH.encode(), entry(held(0), (4,)))]), {"00000-of-00001": held(0)})
    assert "its graph of objects cannot be read: it is no single string" in refusal(tmp_path / "m")


def test_a_string_of_another_length_is_refused(tmp_path: Path) -> None:
    shard = b"\5" + masked_crc32c(b"\5\0\0\0").to_bytes(4, "little") + b"abc"
    described_graph = message((1, 7), (2, shape_of()), (5, len(shard)), (6, 1))
    write(tmp_path / "m", table([(b"", header()), (GRAPH.encode(), described_graph)]), {"00000-of-00001": shard})
    assert "its string has 3 bytes, 5 were expected" in refusal(tmp_path / "m")


BOMBS = {
    "nodes": b"\n\0" * (8 * MEGABYTE),
    "one node's children": b"\n" + varint_of(8 * MEGABYTE) + b"\n\0" * (4 * MEGABYTE),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which tells what the process used")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_does_not_go_off(tmp_path: Path, name: str) -> None:
    path = checkpoint(tmp_path, BOMBS[name])
    outcome, memory, seconds = measured(path)
    assert outcome == "refused"
    assert memory <= sum(file.stat().st_size for file in tmp_path.iterdir()) + 64 * MEGABYTE
    assert seconds < 20
