"""TensorFlow Lite's programs: as its converter writes them, read beside its interpreter, and such as are damaged."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isomorph.backends.folding import fold
from isomorph.spec.errors import BadInput
from isomorph.tools import convert
from isomorph.tools.checkpoints import read_checkpoint
from isomorph.tools.weights.identify import identify
from isomorph.tools.weights.weights import read_weights

from ..hostile_files import refusal_of
from ..lite_programs import (
    CONVOLUTION,
    DENSE,
    DEPTHWISE,
    DEQUANTIZE,
    FLOAT16,
    INT8,
    INT32,
    MULTIPLY,
    Number,
    Repeated,
    Table,
    buffer,
    model,
    operator,
    program,
    tensor,
)
from ..measured import MEGABYTE, measured
from ..written import described, run_framework

WRITE = """
import json, os, sys
os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy as np
import tensorflow as tf

folder = sys.argv[1] + "/"
keras.utils.set_random_seed(0)
network = keras.applications.MobileNet(weights=None, alpha=0.25, input_shape=(32, 32, 3), classes=7)
draw = np.random.default_rng(0)
network.set_weights([draw.uniform(0.5, 1.5, value.shape) for value in network.get_weights()])
network.save(folder + "network.keras")
converter = tf.lite.TFLiteConverter.from_keras_model(network)
contents = {"float32": converter.convert()}
converter.optimizations = [tf.lite.Optimize.DEFAULT]
contents["int8"] = converter.convert()
converter.target_spec.supported_types = [tf.float16]
contents["float16"] = converter.convert()

TURNED = {"CONV_2D": (1, 2, 3, 0), "DEPTHWISE_CONV_2D": (1, 2, 3, 0), "FULLY_CONNECTED": (1, 0)}
found = {}
for name, content in contents.items():
    with open(folder + name + ".tflite", "wb") as file:
        file.write(content)
    interpreter = tf.lite.Interpreter(
        model_content=content, experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF
    )
    origin = {}
    found[name] = []
    for one in interpreter._get_ops_details():
        if one["op_name"] == "DEQUANTIZE":
            origin[one["outputs"][0]] = one["inputs"][0]
        elif one["op_name"] in TURNED:
            for number in one["inputs"][1:]:
                value = interpreter.get_tensor(origin.get(number, number))
                value = value.transpose(TURNED[one["op_name"]]) if number == one["inputs"][1] else value
                found[name].append([value.dtype.name, list(value.shape), value.tobytes().hex()])
print(json.dumps(found))
"""

Found = Mapping[str, list[Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lite")


@pytest.fixture(scope="module")
def found(folder: Path) -> Found:
    """What Lite's interpreter has for kernels and biases, in the order of its operators: file -> descriptions."""
    result: Found = run_framework("tensorflow", WRITE, folder)
    return result


@pytest.mark.thorough  # programs written by hand stand for those that are converted
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_weights_come_back_bit_for_bit_in_the_networks_order(folder: Path, found: Found, dtype: str) -> None:
    checkpoint = read_checkpoint(folder / f"{dtype}.tflite")
    assert checkpoint.format == "TensorFlow Lite"
    assert list(described(checkpoint.tensors).values()) == found[dtype]
    assert {value.dtype.name for value in checkpoint.tensors.values()} == {dtype}
    assert not any(value.flags.writeable for value in checkpoint.tensors.values())


@pytest.mark.thorough  # programs written by hand stand for those that are converted
def test_layers_are_called_as_keras_calls_them(folder: Path, found: Found) -> None:
    layers = [name.rpartition("/")[0] for name in read_checkpoint(folder / "network.keras").tensors if "kernel" in name]
    names = [name for name in read_checkpoint(folder / "float32.tflite").tensors if name.endswith("kernel")]
    assert len(found["float32"]) == 2 * len(names)
    assert len(names) == len(layers)
    for name, layer in zip(names, layers, strict=True):
        assert layer in name


@pytest.mark.thorough  # programs written by hand stand for those that are converted
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float16", 1e-3)])
def test_the_network_is_told_with_its_batch_norms_folded(
    folder: Path, found: Found, dtype: str, tolerance: float
) -> None:
    """Its tensors are those of Keras's file, whose batch norms are folded here."""
    assert found
    with pytest.warns(UserWarning, match="keras/MobileNet with width_multiplier 0.25 with its batch norms folded"):
        weights = read_weights(folder / f"{dtype}.tflite", arch="keras/MobileNet")
    original, tensors = identify(read_checkpoint(folder / "network.keras").tensors, "Keras's file")
    expected = fold(original, tensors)
    assert weights.architecture == original.folded()
    assert weights.tensors.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(weights.tensors[name], value, rtol=0, atol=tolerance * np.abs(value).max())


@pytest.mark.thorough  # programs written by hand stand for those that are converted
def test_the_network_is_converted(folder: Path, found: Found, tmp_path: Path) -> None:
    """Bit for bit, but for the order of axes."""
    assert found
    with pytest.warns(UserWarning, match="by the shapes of its tensors"):
        report = convert(folder / "float32.tflite", tmp_path / "converted.safetensors", arch="keras/MobileNet")
    assert not report.left_out
    with pytest.warns(UserWarning, match="by the shapes of its tensors"):
        weights = read_weights(folder / "float32.tflite", arch="keras/MobileNet")
    assert described(read_checkpoint(tmp_path / "converted.safetensors").tensors) == described(weights.tensors)


@pytest.mark.thorough  # programs written by hand stand for those that are converted
def test_several_functions_of_a_folded_network_are_named(folder: Path, found: Found) -> None:
    assert found
    with pytest.raises(BadInput, match=r"fits keras/MobileNet .* and slim/mobilenet_v1 .* choose one with --arch"):
        read_weights(folder / "float32.tflite")


@pytest.mark.thorough  # programs written by hand stand for those that are converted
def test_quantised_weights_are_refused_by_name(folder: Path, found: Found) -> None:
    assert found
    with pytest.raises(BadInput, match=r"its tensor '.*/kernel' is int8: the file is quantised, float32 or float16"):
        read_checkpoint(folder / "int8.tflite")


# Built by hand: an image is tensor 0, what operators make has the number 9.

KERNEL = np.arange(24).reshape(2, 3, 2, 2)
TENSORS = [
    tensor("image", (1, 8, 8, 2)),
    tensor("bn/mul;conv/Conv2D", (2, 3, 2, 2), 1),
    tensor("bn/sub", (2,), 2),
    tensor("dw/depthwise", (1, 1, 2, 4), 3),
    tensor("fc/MatMul", (3, 4), 4),
    tensor("shape", (2,), 5, INT32),
    tensor("scale", (1, 1, 1, 4), 6),
]
BUFFERS = [
    buffer(KERNEL.astype(float)),
    buffer([1.0, 2.0]),
    buffer(np.arange(8.0)),
    buffer(np.arange(12.0)),
    buffer(np.array([-1, 4], np.int32)),
    buffer(np.arange(4.0)),
]
KINDS = [CONVOLUTION, DEPTHWISE, DENSE, MULTIPLY, DEQUANTIZE]
OPERATORS = [operator(0, (0, 1, 2), (9,)), operator(1, (9, 3, -1), (9,)), operator(3, (9, 6), (9,)),
             operator(2, (9, 4), (9,)), operator(3, (9, 5), (9,))]  # fmt: skip


def read(folder: Path, content: bytes) -> dict[str, Any]:
    path = folder / "hostile.tflite"
    path.write_bytes(content)
    return dict(read_checkpoint(path).tensors)


def refusal(folder: Path, content: bytes) -> str:
    path = folder / "hostile.tflite"
    path.write_bytes(content)
    return refusal_of(path)


def test_kernels_have_the_axes_of_tensorflow(tmp_path: Path) -> None:
    tensors = read(tmp_path, model(KINDS, TENSORS, OPERATORS, BUFFERS))
    assert list(tensors) == ["conv/kernel", "conv/bias", "dw/kernel", "scale", "fc/kernel"]
    np.testing.assert_array_equal(tensors["conv/kernel"][1, 0, :, 1], KERNEL[1, 1, 0, :])
    np.testing.assert_array_equal(tensors["dw/kernel"][0, 1, :, 0], [4, 5, 6, 7])
    np.testing.assert_array_equal(tensors["fc/kernel"][:, 2], [8, 9, 10, 11])
    np.testing.assert_array_equal(tensors["scale"], [0, 1, 2, 3])


def test_values_may_stand_behind_the_program(tmp_path: Path) -> None:
    """As in files of more than 2 GB: a buffer says where in the file they are."""
    raw = np.arange(24, dtype="<f4").tobytes()
    buffers: list[Table] = [{1: Number(1 << 12, 8), 2: Number(len(raw), 8)}]
    content = model(KINDS, TENSORS[:2], [operator(0, (0, 1), (9,))], buffers).ljust(1 << 12, b"\0")
    np.testing.assert_array_equal(read(tmp_path, content + raw)["conv/kernel"][0, 0, :, 0], [0, 1])
    assert "a buffer ends at byte 4192 of 4,191" in refusal(tmp_path, content + raw[:-1])


def test_layers_may_share_a_bias_of_zeros(tmp_path: Path) -> None:
    tensors = [*TENSORS[:3], tensor("next/Conv2D", (2, 3, 2, 2), 1)]
    layers = [operator(0, (0, 1, 2), (9,)), operator(0, (9, 3, 2), (9,))]
    found = read(tmp_path, model(KINDS, tensors, layers, BUFFERS))
    assert list(found) == ["conv/kernel", "conv/bias", "next/kernel", "next/bias"]
    np.testing.assert_array_equal(found["conv/bias"], found["next/bias"])


def test_a_layer_that_stands_twice_in_a_network_is_read_once(tmp_path: Path) -> None:
    layers = [operator(0, (0, 1, 2), (9,)), operator(0, (9, 1, 2), (9,))]
    assert list(read(tmp_path, model(KINDS, TENSORS, layers, BUFFERS))) == ["conv/kernel", "conv/bias"]


def test_both_kernels_of_a_separable_convolution_have_a_name(tmp_path: Path) -> None:
    tensors = [TENSORS[0], tensor("s/separable_conv2d/depthwise", (1, 1, 2, 4), 3), tensor("s/Conv2D", (3, 1, 1, 4), 4)]
    found = read(tmp_path, model(KINDS, tensors, [operator(1, (0, 1), (9,)), operator(0, (9, 2), (9,))], BUFFERS))
    assert [name.endswith("kernel") for name in found] == [True, True]
    assert [value.shape for value in found.values()] == [(1, 2, 4, 1), (1, 1, 4, 3)]


def test_layers_of_tensors_without_names_have_numbers(tmp_path: Path) -> None:
    tensors = [TENSORS[0], tensor("", (2, 3, 2, 2), 1), tensor("", (2,), 2)]
    found = read(tmp_path, model(KINDS, tensors, [operator(0, (0, 1, 2), (9,))], BUFFERS))
    assert list(found) == ["tensor_1/kernel", "tensor_1/bias"]


def test_what_is_dequantized_is_read_as_it_is(tmp_path: Path) -> None:
    half = np.arange(24).astype(np.float16)
    tensors = [TENSORS[0], tensor("half", (2, 3, 2, 2), 1, FLOAT16), tensor("conv/Conv2D", (2, 3, 2, 2))]
    operators = [operator(4, (1,), (2,)), operator(0, (0, 2), (9,))]
    found = read(tmp_path, model(KINDS, tensors, operators, [buffer(half)]))
    assert found["half/kernel"].dtype == np.float16
    np.testing.assert_array_equal(found["half/kernel"].transpose(3, 0, 1, 2).ravel(), half)


def one(kernel: Table, buffers: list[Table] = BUFFERS, inputs: tuple[int, ...] = (0, 1), code: int = 0) -> bytes:
    """A program of one layer with this kernel."""
    return model(KINDS, [TENSORS[0], kernel, *TENSORS[2:]], [operator(code, inputs, (9,))], buffers)


SHAPE = (2, 3, 2, 2)
HOSTILE = {
    "another version": (
        model(KINDS, TENSORS, OPERATORS, BUFFERS, version=2),
        "it is of version 2 of TensorFlow Lite's schema, 3 was expected",
    ),
    "no subgraph": (program({0: Number(3), 4: [{}]}), "it has no subgraph"),
    "no layer": (model(KINDS, TENSORS, OPERATORS[2:3], BUFFERS), "no convolution or dense layer with weights"),
    "a kernel that is computed": (one(tensor("w", SHAPE)), "no convolution or dense layer with weights"),
    "whole numbers": (
        one(tensor("q/Conv2D", (24,), 1, INT8)),
        "the kernel of its layer 'q' has the shape (24)",
    ),
    "int8": (
        one(tensor("q/Conv2D", SHAPE, 1, INT8), [buffer(np.zeros(24, np.int8)), *BUFFERS[1:]]),
        "its tensor 'q/kernel' is int8: the file is quantised",
    ),
    "an unknown dtype": (one(tensor("q", SHAPE, 1, 99)), "is TensorFlow Lite's type 99"),
    "a quantised bias": (one(TENSORS[1], inputs=(0, 1, 5)), "its tensor 'conv/bias' is int32"),
    "sparse": (one({**tensor("w", SHAPE, 1), 6: {}}), "its tensor 'w/kernel' is saved sparse"),
    "too many values": (one(tensor("w", (2, 3, 2, 1), 1)), "of shape (2, 3, 2, 1) has 96 bytes"),
    "a negative size": (one(tensor("w", (-2, -3, 2, 2), 1)), "of shape (-2, -3, 2, 2) has 96 bytes"),
    "no such buffer": (one(tensor("w", SHAPE, 99)), "its tensor 1 is in the buffer 99 of 7"),
    "no such kind": (one(TENSORS[1], code=77), "an operator is of the kind 77 of 5"),
    "a name that is no text": (one(tensor(b"\xff", SHAPE, 1)), "the name of its tensor 1 is no text in UTF-8"),
    "a name that moves the cursor": (one(tensor("\x1b[2J", SHAPE, 1)), "printable text was expected"),
    "half a field in a list": (
        b"\x0c\0\0\0TFL3" + b"\x05\0\4\0" + b"\4\0\0\0",
        "the list of a table's fields has 5 bytes",
    ),
    "nothing behind the mark": (b"\x08\0\0\0TFL3", "its program cannot be read: it points to byte 8 of 8"),
    "two of one name": (
        model(
            KINDS,
            [*TENSORS[:3], tensor("conv/bias", (4,), 6)],
            [operator(3, (0, 3), (9,)), operator(0, (0, 1, 2), (9,))],
            BUFFERS,
        ),
        "two of its tensors are called 'conv/bias'",
    ),
}
"""Name -> file, and what it is refused with."""


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_wrong_with_a_program_is_one_sentence(tmp_path: Path, name: str) -> None:
    content, sentence = HOSTILE[name]
    assert sentence in refusal(tmp_path, content)


def test_a_program_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = model(KINDS, TENSORS[:2], [operator(0, (0, 1), (9,))], BUFFERS[:1])
    assert read(tmp_path, content)
    for size in range(len(content) - 1):  # the last byte ends a text, which nobody looks at
        refusal(tmp_path, content[:size])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which tells what the process used")
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(model(KINDS, Repeated(TENSORS[1], 1 << 20), OPERATORS, BUFFERS), id="tensors"),
        pytest.param(model(KINDS, TENSORS, Repeated(OPERATORS[0], 1 << 20), BUFFERS), id="operators"),
        pytest.param(
            model(KINDS, Repeated(tensor("x" * 100_000, SHAPE, 1), 10_000), OPERATORS, BUFFERS), id="long names"
        ),
        pytest.param(
            model(KINDS, TENSORS, Repeated(operator(0, [0] * 100_000, (9,)), 10_000), BUFFERS), id="many inputs"
        ),
    ],
)
def test_many_places_of_one_table_do_not_fill_the_memory(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bomb.tflite"
    path.write_bytes(content)
    outcome, memory, seconds = measured(path)
    assert outcome == "refused"
    assert memory <= len(content) + 64 * MEGABYTE
    assert seconds < 2
