"""TensorFlow's frozen graphs: as TensorFlow 1 and 2 freeze them, and such as are damaged."""

import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isomorph.spec import architecture, zoos
from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints import read_checkpoint
from isomorph.tools.checkpoints.protobuf import message, varint_of
from isomorph.tools.weights.identify import identify

from ..hostile_files import refusal_of
from ..measured import MEGABYTE, measured
from ..written import described, run_framework

WRITE = """
import json, os, sys
os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

folder = sys.argv[1] + "/"
draw = np.random.default_rng(0)

def described(value):
    array = np.asarray(value)
    return [array.dtype.name, list(array.shape), array.tobytes().hex()]

def freeze(name, function, shape):
    concrete = tf.function(function).get_concrete_function(tf.TensorSpec(shape))
    graph = convert_variables_to_constants_v2(concrete).graph.as_graph_def()
    with open(folder + name + ".pb", "wb") as file:
        file.write(graph.SerializeToString())

network = keras.applications.MobileNet(weights=None, alpha=0.25, input_shape=(32, 32, 3), classes=7)
network.set_weights([draw.uniform(0.5, 1.5, value.shape) for value in network.get_weights()])
network.save(folder + "network.keras")
freeze("keras", network, (1, 32, 32, 3))
found = {"keras": [[one.path, described(one)] for one in network.weights]}

shapes = {"kernel": (3, 3, 2, 4), "gamma": (4,), "beta": (4,), "moving_mean": (4,), "moving_variance": (4,),
          "dense/kernel": (4, 3), "dense/bias": (3,)}
values = {name: tf.Variable(draw.uniform(0.5, 1.5, shape).astype(np.float32)) for name, shape in shapes.items()}

def plain(images):
    kernel, gamma, beta, mean, variance, matrix, bias = values.values()
    with tf.name_scope("conv"):
        maps = tf.nn.conv2d(images, kernel, 1, "SAME")
        maps = tf.compat.v1.nn.fused_batch_norm(maps, gamma, beta, mean, variance, is_training=False)[0]
    with tf.name_scope("dense"):
        return tf.matmul(tf.reduce_mean(maps, [1, 2]), matrix) + bias

freeze("plain", plain, (1, 8, 8, 2))
found["plain"] = [[name, described(value)] for name, value in values.items()]

v1 = tf.compat.v1
with tf.Graph().as_default() as graph, v1.Session() as session:
    images = v1.placeholder(tf.float32, (1, 8, 8, 2), "images")
    made = [v1.get_variable(name, shape) for name, shape in json.loads(sys.argv[2]).items()]
    v1.get_variable("global_step", (), tf.int32, initializer=v1.zeros_initializer())
    out = tf.add_n([tf.reduce_sum(one) for one in made], name="out")
    session.run(v1.global_variables_initializer())
    graph_def = graph.as_graph_def()
    with open(folder + "variables.pb", "wb") as file:
        file.write(graph_def.SerializeToString())
    frozen = v1.graph_util.convert_variables_to_constants(session, graph_def, ["out"])
    with open(folder + "slim.pb", "wb") as file:
        file.write(frozen.SerializeToString())
    found["slim"] = [[one.op.name, described(value)] for one, value in zip(made, session.run(made))]
print(json.dumps(found))
"""

Found = Mapping[str, list[tuple[str, list[Any]]]]
SLIM = architecture("slim/mobilenet_v1", width_multiplier=0.25).with_options(num_classes=7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("frozen")


@pytest.fixture(scope="module")
def found(folder: Path) -> Found:
    """The variables that TensorFlow froze, in the order of the network: file -> names and descriptions."""
    tensors = zoos()["slim"].naming.tensors(SLIM).values()
    shapes = json.dumps({tensor.name: tensor.shape for tensor in tensors})
    result: Found = run_framework("tensorflow", WRITE, folder, shapes)
    return result


@pytest.mark.thorough  # graphs written by hand stand for those that are frozen
@pytest.mark.parametrize("name", ["keras", "plain", "slim"])
def test_weights_come_back_bit_for_bit_in_the_networks_order(folder: Path, found: Found, name: str) -> None:
    checkpoint = read_checkpoint(folder / f"{name}.pb")
    assert checkpoint.format == "TensorFlow frozen graph"
    assert list(described(checkpoint.tensors).values()) == [value for _, value in found[name]]
    assert not any(value.flags.writeable for value in checkpoint.tensors.values())


@pytest.mark.thorough  # graphs written by hand stand for those that are frozen
def test_variables_of_keras_have_the_names_of_its_layers(folder: Path, found: Found) -> None:
    names = list(read_checkpoint(folder / "keras.pb").tensors)
    for name, (path, _) in zip(names, found["keras"], strict=True):
        layer, _, leaf = path.partition("/")
        assert name.endswith(f"/{leaf}")
        assert f"/{layer}" in name


@pytest.mark.thorough  # graphs written by hand stand for those that are frozen
def test_variables_without_names_are_called_after_what_reads_them(folder: Path, found: Found) -> None:
    names = list(read_checkpoint(folder / "plain.pb").tensors)
    for name, (path, _) in zip(names, found["plain"], strict=True):
        assert name == (path if path.startswith("dense") else f"conv/{path}")


@pytest.mark.thorough  # graphs written by hand stand for those that are frozen
def test_variables_of_tensorflow_1_keep_their_names(folder: Path, found: Found) -> None:
    assert list(read_checkpoint(folder / "slim.pb").tensors) == [name for name, _ in found["slim"]]


@pytest.mark.thorough  # graphs written by hand stand for those that are frozen
def test_a_network_of_slims_is_told_by_its_names(folder: Path, found: Found) -> None:
    assert found
    with warnings.catch_warnings(action="error"):
        network, _ = identify(read_checkpoint(folder / "slim.pb").tensors, "slim.pb")
    assert network == SLIM


@pytest.mark.thorough  # graphs written by hand stand for those that are frozen
def test_a_network_of_keras_is_told_with_its_batch_norms(folder: Path, found: Found) -> None:
    """Its tensors are those of Keras's own file."""
    assert found
    wanted = architecture("keras/MobileNet", width_multiplier=0.25)
    with pytest.warns(UserWarning, match="keras/MobileNet with width_multiplier 0.25 under"):
        network, tensors = identify(read_checkpoint(folder / "keras.pb").tensors, "keras.pb", wanted)
    original, expected = identify(read_checkpoint(folder / "network.keras").tensors, "Keras's file")
    assert network == original == wanted.with_options(num_classes=7)
    assert described(tensors) == described(expected)


@pytest.mark.thorough  # graphs written by hand stand for those that are frozen
def test_a_graph_that_is_not_frozen_is_refused(folder: Path, found: Found) -> None:
    assert found
    with pytest.raises(BadInput, match="it is a graph of variables without their values: name the checkpoint"):
        read_checkpoint(folder / "variables.pb")


# Built by hand.

FLOAT, DOUBLE, INT32, BFLOAT16, HALF = 1, 2, 3, 14, 19


def shape_of(*sizes: int) -> bytes:
    return message(*((2, message((1, size))) for size in sizes))


def proto(shape: bytes, *fields: tuple[int, int | bytes], dtype: int = FLOAT) -> bytes:
    """A TensorProto."""
    return message((1, dtype), (2, shape), *fields)


def node(name: str | bytes, operation: str, *inputs: str, value: bytes | None = None) -> bytes:
    text = name.encode() if isinstance(name, str) else name
    attributes = [] if value is None else [(5, message((1, b"value"), (2, message((8, value)))))]
    return message((1, text), (2, operation.encode()), *((3, one.encode()) for one in inputs), *attributes)


def graph(*nodes: bytes) -> bytes:
    return message(*((1, one) for one in nodes))


def read(folder: Path, content: bytes) -> dict[str, Any]:
    path = folder / "hostile.pb"
    path.write_bytes(content)
    return dict(read_checkpoint(path).tensors)


def refusal(folder: Path, content: bytes) -> str:
    path = folder / "hostile.pb"
    path.write_bytes(content)
    return refusal_of(path)


DATA = np.arange(4, dtype="<f4").tobytes()
W = node("w", "Const", value=proto(shape_of(2, 2), (4, DATA)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(proto(shape_of(4), (4, DATA)), [0, 1, 2, 3], id="bytes"),
        pytest.param(proto(shape_of(4), (5, DATA)), [0, 1, 2, 3], id="a list"),
        pytest.param(proto(shape_of(4), (5, DATA[4:8])), [1, 1, 1, 1], id="one for all"),
        pytest.param(proto(shape_of(4), (5, DATA[8:])), [2, 3, 3, 3], id="the last one for all that follow"),
        pytest.param(proto(shape_of(4)), [0, 0, 0, 0], id="nothing for zeros"),
        pytest.param(proto(shape_of(2), (13, varint_of(0x3C00) + varint_of(0x4000)), dtype=HALF), [1, 2], id="halves"),
        pytest.param(proto(shape_of(2), (13, varint_of(0x3C00)), dtype=HALF), [1, 1], id="one half for all"),
        pytest.param(proto(shape_of(1), (4, b"\x80\x3f"), dtype=BFLOAT16), [1], id="bfloat16"),
        pytest.param(proto(shape_of(2), (6, np.arange(2.0).tobytes()), dtype=DOUBLE), [0, 1], id="doubles"),
    ],
)
def test_a_constant_is_its_bytes_or_a_list_that_its_last_value_goes_on(
    tmp_path: Path, value: bytes, expected: list[int]
) -> None:
    np.testing.assert_array_equal(read(tmp_path, graph(node("w", "Const", value=value)))["w"], expected)


def constant(name: str, *sizes: int) -> bytes:
    return node(name, "Const", value=proto(shape_of(*sizes), (5, DATA[4:8])))


def test_a_batch_norm_without_gamma_has_none(tmp_path: Path) -> None:
    nodes = [
        *(constant(f"unknown_{number}", 4) for number in range(3)),
        node("eps", "Const", value=proto(b"", (5, DATA[4:8]))),
        node("bn/batchnorm/add", "AddV2", "unknown_2", "eps"),
        node("bn/batchnorm/Rsqrt", "Rsqrt", "bn/batchnorm/add"),
        node("bn/batchnorm/mul_1", "Mul", "unknown_0", "bn/batchnorm/Rsqrt"),
        node("bn/batchnorm/sub", "Sub", "unknown_1", "bn/batchnorm/mul_1"),
    ]
    assert list(read(tmp_path, graph(*nodes))) == ["bn/beta", "bn/moving_mean", "bn/moving_variance"]


def test_ones_in_place_of_a_gamma_are_left_out_by_name(tmp_path: Path) -> None:
    """As slim's batch norms have them, which scale by nothing."""
    nodes = [constant("bn/Const", 4), *(constant(f"bn/{name}", 4) for name in ("beta", "moving_mean", "variance"))]
    norm = node("bn/FusedBatchNorm", "FusedBatchNorm", "x", "bn/Const", "bn/beta", "bn/moving_mean:0", "bn/variance")
    (tmp_path / "g.pb").write_bytes(graph(*nodes, norm))
    checkpoint = read_checkpoint(tmp_path / "g.pb")
    assert list(checkpoint.tensors) == ["bn/beta", "bn/moving_mean", "bn/variance"]
    assert checkpoint.left_out == ("bn/Const",)


def test_a_constant_is_found_through_what_leaves_its_values_alone(tmp_path: Path) -> None:
    nodes = [
        constant("unknown", 1, 1, 2, 3),
        constant("unknown_1", 3),
        node("read", "Identity", "unknown:0", "^gate"),
        node("l/Conv2D", "Conv2D", "x", "read"),
        node("flat", "Reshape", "unknown_1", "shape"),
        node("l/BiasAdd", "BiasAdd", "l/Conv2D", "flat"),
    ]
    assert list(read(tmp_path, graph(*nodes))) == ["l/kernel", "l/bias"]


def deep(depth: int) -> bytes:
    """An attribute of a node that is a function with an attribute, and so on."""
    attribute = b""
    for _ in range(depth):
        attribute = message((2, message((10, message((2, attribute))))))
    return message((5, attribute))


CIRCLE = [node("a", "Identity", "b"), node("b", "Identity", "a"), node("c/Conv2D", "Conv2D", "x", "a")]
HOSTILE = {
    "no weights": (graph(node("x", "Placeholder")), "it is a graph without weights"),
    "whole numbers": (graph(node("x", "Const", value=proto(shape_of(4), (4, DATA), dtype=INT32))), "without weights"),
    "variables": (graph(node("v", "VariableV2")), "a graph of variables without their values"),
    "a circle": (graph(*CIRCLE), "it is a graph without weights"),
    "two of one name": (graph(W, W), "two nodes are called 'w'"),
    "two tensors of one name": (
        graph(constant("l/kernel", 4), constant("unknown", 4), node("l/Conv2D", "Conv2D", "x", "unknown")),
        "two of its tensors are called 'l/kernel'",
    ),
    "no name": (graph(W, node("", "Const")), "a constant has other than one value"),
    "a name that moves the cursor": (graph(W, node("\x1b[2J", "NoOp")), "printable text without"),
    "a name that is no text": (graph(W, node(b"\xff", "NoOp")), "its graph cannot be read"),
    "a node without a name": (graph(W, message((2, b"NoOp"))), "a node has not one name and one operation"),
    "a constant without a value": (graph(W, node("v", "Const")), "a constant has other than one value"),
    "too few bytes": (graph(node("w", "Const", value=proto(shape_of(5), (4, DATA)))), "of shape (5) has 16 bytes"),
    "too many values": (graph(node("w", "Const", value=proto(shape_of(3), (5, DATA)))), "of shape (3) has 4 values"),
    "half a value": (graph(node("w", "Const", value=proto(shape_of(3), (5, DATA[:5])))), "has 5 bytes of floats"),
    "an unknown size": (
        graph(node("w", "Const", value=proto(shape_of(-1), (4, DATA)))), "an axis has a negative size"
    ),
    "an unknown shape": (graph(node("w", "Const", value=proto(message((3, 1)), (4, DATA)))), "its shape is unknown"),
    "values twice": (graph(node("w", "Const", value=proto(shape_of(4), (4, DATA), (4, DATA)))), "the field 4 twice"),
    "a dtype that is none": (
        graph(W, node("v", "Const", value=proto(shape_of(4), (4, DATA), dtype=(1 << 38) + 1))), "is of the dtype 27487"
    ),
    "a dtype of text": (graph(node("w", "Const", value=message((1, b"1")))), "a TensorProto has the field 1 as bytes"),
    "a shape of a number": (graph(node("w", "Const", value=message((1, 1), (2, 4)))), "has the field 2 as a number"),
    "damage in an attribute": (
        graph(W, node("a", "A") + message((5, message((1, b"T"), (2, b"\x0a"))))), "a number has no end or more"
    ),
    "damage in a list of numbers": (
        graph(W, node("a", "A") + message((5, message((2, message((1, message((3, b"\x80"))))))))), "without an end"
    ),
    "attributes without end": (graph(W, node("a", "A") + deep(30)), "its messages are more than 20 deep"),
    "a huge shape": (
        graph(node("w", "Const", value=proto(shape_of(1 << 40), (5, DATA)))), "far more objects than a checkpoint"
    ),
    "too many axes": (graph(node("w", "Const", value=proto(shape_of(*[1] * 17), (4, DATA[:4])))), "than 16 axes"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_wrong_with_a_graph_is_one_sentence(tmp_path: Path, name: str) -> None:
    content, sentence = HOSTILE[name]
    assert sentence in refusal(tmp_path, content)


def test_a_graph_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    for size in range(1, len(graph(W))):
        refusal(tmp_path, graph(W)[:size])


BOMBS: dict[str, Callable[[], bytes]] = {
    "nodes": lambda: graph(W) + graph(node("", "A")) * MEGABYTE,
    "inputs": lambda: graph(W, node("a", "A") + message((3, b"b")) * MEGABYTE),
    "sizes": lambda: graph(node("w", "Const", value=proto(shape_of(1) * MEGABYTE, (4, DATA)))),
    "one value for all": lambda: graph(node("w", "Const", value=proto(shape_of(1 << 28), (5, DATA[:4])))),
    "long names": lambda: graph(W, node("x" * 10 * MEGABYTE, "A")),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which tells what the process used")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_does_not_go_off(tmp_path: Path, name: str) -> None:
    content = BOMBS[name]()
    path = tmp_path / "bomb.pb"
    path.write_bytes(content)
    _, memory, seconds = measured(path)
    assert memory <= len(content) + 64 * MEGABYTE
    assert seconds < 5
